#include <algorithm>
#include <string>
#include <unordered_map>

#include "rules.h"
#include "switchyard/privacy/limits.h"

namespace switchyard::privacy {
namespace {

/// What speaks of orders and versions must stand closer than what names a kind.
constexpr size_t kHarmlessBytes = 32;

constexpr std::string_view kPhoneWords =
    "phone phones telephone telephones tel mobile mob cell cellphone call called calling caller fax sms "
    "whatsapp dial "
    "ring telefon telefonnummer rufnummer handy handynummer mobil mobilnummer mobiltelefon festnetz anrufen "
    "erreichbar "
    "téléphone téléphonez portable appelez appeler teléfono telefono móvil movil llame llamar celular "
    "telefone ligar "
    "telemóvel cellulare chiamare telefoon telefoonnummer mobiel bellen telefonu komórka zadzwoń puhelin "
    "puhelinnumero "
    "telefonnr ringa phonenumber msisdn";
constexpr std::string_view kHarmlessWords =
    "order orders ordernumber invoice ticket reference ref tracking parcel shipment sku part parts isbn issn "
    "imei serial "
    "version versions ver v build release revision commit article item batch lot bestellung bestellnummer "
    "auftrag "
    "auftragsnummer rechnung rechnungsnummer artikel artikelnummer sendung commande facture pedido factura "
    "ordine "
    "fattura zamówienie faktura transaction txn meter barcode ean upc gtin timestamp epoch lat lon section "
    "chapter "
    "page firmware kernel driver oid model catalogue catalog asset checksum bestelling";

struct Words {
  std::unordered_map<std::string_view, uint8_t> map;

  void add(std::string_view words, uint8_t what) {
    while (!words.empty()) {
      const size_t blank = std::min(words.find(' '), words.size());
      map.emplace(words.substr(0, blank), what);
      words.remove_prefix(std::min(blank + 1, words.size()));
    }
  }
  void add(std::string_view words, Kind kind) { add(words, static_cast<uint8_t>(kind)); }

  Words() {
    add(kPhoneWords, Kind::kPhone);
    add(kHarmlessWords, kHarmlessContext);
    add("ssn ssns social socialsecurity socialsecuritynumber", Kind::kUsSsn);
    add("steuer steuerid steuernummer steueridentifikationsnummer idnr identifikationsnummer",
        Kind::kDeSteuerId);
    add("nir insee sécu", Kind::kFrNir);
    add("dni nie nif", Kind::kEsDni);
    add("codice fiscale cf codicefiscale", Kind::kItCodiceFiscale);
    add("nhs", Kind::kGbNhs);
    add("bsn burgerservicenummer sofinummer sofi", Kind::kNlBsn);
    add("pesel", Kind::kPlPesel);
    add("cpf", Kind::kBrCpf);
    add("aadhaar aadhar adhaar uidai", Kind::kInAadhaar);
    add("personnummer samordningsnummer personnr pnr", Kind::kSePersonnummer);
    add("fødselsnummer fodselsnummer fnr", Kind::kNoFodselsnummer);
    add("hetu henkilötunnus henkilotunnus", Kind::kFiHetu);
    add("rijksregister rijksregisternummer registre niss insz nrn nationalregisternummer",
        Kind::kBeNationalNumber);
    add("ahv avs ahvn13 navs13", Kind::kChAhv);
    add("身份证", Kind::kCnResidentId);
  }
};

uint8_t of_word(std::string_view word) {
  static const Words kWords;
  std::string lower(word);
  for (char& c : lower) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  const auto it = kWords.map.find(lower);
  return it == kWords.map.end() ? kNoContext : it->second;
}

bool is_in_word(char c) { return is_letter(c) || is_digit(c) || static_cast<uint8_t>(c) >= 0x80; }

/// Scripts without blanks between words: these stand anywhere in a run of letters.
bool speaks_of_phone(std::string_view run) {
  for (const std::string_view word : {"电话", "電話", "手机", "携帯"})
    if (run.find(word) != std::string_view::npos) return true;
  return false;
}

}  // namespace

uint8_t context_of(std::string_view before) {
  if (before.size() > kContextBytes) before.remove_prefix(before.size() - kContextBytes);
  bool same_sentence = true;
  for (size_t end = before.size(); end > 0;) {
    const char c = before[end - 1];
    if (!is_in_word(c)) {
      // "No." and "Nr." end no sentence.
      const bool after_word =
          end >= 5 && std::all_of(before.begin() + static_cast<ptrdiff_t>(end - 5),
                                  before.begin() + static_cast<ptrdiff_t>(end - 1), is_in_word);
      const bool full_stop = c == '.' && after_word && end < before.size() && before[end] == ' ';
      const bool stop = c == '\n' || c == '?' || c == '!' || full_stop;
      same_sentence = same_sentence && !stop;
      --end;
      continue;
    }
    size_t begin = end;
    while (begin > 0 && is_in_word(before[begin - 1])) --begin;
    const std::string_view word = before.substr(begin, end - begin);
    const uint8_t what = of_word(word);
    const bool near = same_sentence && before.size() - end <= kHarmlessBytes;
    if (what != kNoContext && (what != kHarmlessContext || near)) return what;
    if (static_cast<uint8_t>(word.back()) >= 0x80 && speaks_of_phone(word))
      return static_cast<uint8_t>(Kind::kPhone);
    end = begin;
  }
  return kNoContext;
}

uint8_t context_of_field(std::string_view field) {
  if (field.size() > kMaxNameBytes) field = field.substr(0, kMaxNameBytes);
  std::string words;
  for (size_t i = 0; i < field.size(); ++i) {
    const bool is_upper = field[i] >= 'A' && field[i] <= 'Z';
    const bool after_lower = i > 0 && field[i - 1] >= 'a' && field[i - 1] <= 'z';
    if (is_upper && after_lower) words += ' ';
    words += field[i] == '_' ? ' ' : field[i];
  }
  uint8_t what = of_word(words);
  for (size_t end = words.size(); what == kNoContext && end > 0;) {
    size_t begin = end;
    while (begin > 0 && is_in_word(words[begin - 1])) --begin;
    if (begin < end) what = of_word(std::string_view(words).substr(begin, end - begin));
    end = begin < end ? begin : end - 1;
  }
  return what;
}

}  // namespace switchyard::privacy
