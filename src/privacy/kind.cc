#include "switchyard/privacy/kind.h"

namespace switchyard::privacy {
namespace {

constexpr std::array<std::string_view, kKinds> kNames = {"email",
                                                         "phone",
                                                         "card",
                                                         "iban",
                                                         "ip",
                                                         "us_ssn",
                                                         "de_steuer_id",
                                                         "fr_nir",
                                                         "es_dni",
                                                         "it_codice_fiscale",
                                                         "gb_nhs",
                                                         "nl_bsn",
                                                         "pl_pesel",
                                                         "br_cpf",
                                                         "in_aadhaar",
                                                         "se_personnummer",
                                                         "no_fodselsnummer",
                                                         "fi_hetu",
                                                         "be_national_number",
                                                         "ch_ahv",
                                                         "cn_resident_id"};
static_assert(static_cast<size_t>(Kind::kCnResidentId) + 1 == kKinds);

}  // namespace

std::string_view kind_name(Kind kind) { return kNames[static_cast<size_t>(kind)]; }

std::optional<Kind> kind_of_name(std::string_view name) {
  for (size_t i = 0; i < kKinds; ++i)
    if (kNames[i] == name) return static_cast<Kind>(i);
  return std::nullopt;
}

}  // namespace switchyard::privacy
