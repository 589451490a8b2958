#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace switchyard::privacy {

/// What a piece of text is. The names (kind_name) are in documents and reports.
enum class Kind : uint8_t {
  kEmail,             ///< e-mail address
  kPhone,             ///< telephone number
  kCard,              ///< payment card number
  kIban,              ///< international bank account number
  kIp,                ///< IPv4 or IPv6 address
  kUsSsn,             ///< United States, social security number
  kDeSteuerId,        ///< Germany, Steuer-Identifikationsnummer
  kFrNir,             ///< France, numéro d'inscription au répertoire
  kEsDni,             ///< Spain, DNI and NIE
  kItCodiceFiscale,   ///< Italy, codice fiscale
  kGbNhs,             ///< United Kingdom, NHS number
  kNlBsn,             ///< Netherlands, burgerservicenummer
  kPlPesel,           ///< Poland, PESEL
  kBrCpf,             ///< Brazil, CPF
  kInAadhaar,         ///< India, Aadhaar
  kSePersonnummer,    ///< Sweden, personnummer and samordningsnummer
  kNoFodselsnummer,   ///< Norway, fødselsnummer and D-nummer
  kFiHetu,            ///< Finland, henkilötunnus
  kBeNationalNumber,  ///< Belgium, national register number
  kChAhv,             ///< Switzerland, AHV number
  kCnResidentId,      ///< China, resident identity card number
};
inline constexpr size_t kKinds = 21;
inline constexpr Kind kFirstNationalId = Kind::kUsSsn;  ///< this one and all after it

/// "email", "phone", "card", "iban", "ip", "us_ssn", "de_steuer_id", ...
std::string_view kind_name(Kind kind);
std::optional<Kind> kind_of_name(std::string_view name);

}  // namespace switchyard::privacy
