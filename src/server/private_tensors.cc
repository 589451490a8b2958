#include "private_tensors.h"

#include <cmath>
#include <utility>
#include <vector>

#include "switchyard/models/tensors.h"

namespace switchyard::server {
namespace {

using models::ElementType;
using models::TensorView;

/// Shorter numbers are nobody's.
constexpr double kTelling = 1e6;

/// Of numbers one, for what the policy says of the field, and those that may tell of a person.
Value elements_of(const TensorView& tensor, Arena& arena) {
  if (tensor.type == ElementType::kString) return Value::list(tensor.strings);
  ListBuilder list(arena);
  const size_t count = tensor.elements();
  for (size_t i = 0; i < count; ++i) {
    const Value number = models::number_at(tensor.type, tensor.bytes, i);
    const bool tells = number.is_number() && number.to_double() >= kTelling &&
                       std::floor(number.to_double()) == number.to_double();
    if (i == 0 || tells) list.add(number);
    if (number.is(Kind::kBool)) break;
  }
  return list.build();
}

Error stays(const privacy::Policy& policy, std::string_view tensor, const std::string& why) {
  return make_error(ErrorKind::kUnprocessable, "privacy.tensor_stays",
                    "the privacy policy " + policy.full_name() + " does not let tensor '" +
                        std::string(tensor) + "' leave as it is, and " + why + ": nothing was sent",
                    std::string(tensor));
}

/// Puts what may leave of `tensor` in its place.
Status take(const privacy::Policy& policy, const Value& before, const Value* after, TensorView& tensor) {
  if (after == nullptr || !after->is(Kind::kList) || after->size() != before.size())
    return stays(policy, tensor.name, "the model cannot be asked without it");
  for (uint32_t i = 0; i < before.size(); ++i) {
    const Value& left = after->items()[i];
    const bool is_text = left.is(Kind::kString) || left.is(Kind::kBytes);
    if (tensor.type == ElementType::kString && !is_text)
      return stays(policy, tensor.name, "the model cannot be asked without its texts");
    if (tensor.type != ElementType::kString && !identical(left, before.items()[i]))
      return stays(policy, tensor.name, "numbers have nothing to stand for them");
  }
  if (tensor.type == ElementType::kString) tensor.strings = after->items();
  return {};
}

}  // namespace

Result<privacy::Reduced> apply_to_tensors(const privacy::Policy& policy, const Value& input,
                                          const telemetry::Secret* key) {
  auto arena = std::make_shared<Arena>(1024);
  SY_ASSIGN_OR_RETURN(std::vector<TensorView> tensors, models::read_tensors(input, "inputs", *arena));
  SY_ASSIGN_OR_RETURN(const auto wanted, models::wanted_outputs(input));
  MapBuilder fields(*arena);
  for (const TensorView& tensor : tensors)
    fields.add(Value::string(tensor.name), elements_of(tensor, *arena));
  const Value before = fields.build();
  SY_ASSIGN_OR_RETURN(privacy::Reduced reduced, privacy::apply(policy, before, key));
  for (TensorView& tensor : tensors)
    SY_RETURN_IF_ERROR(take(policy, *before.find(tensor.name), reduced.document->find(tensor.name), tensor));
  // What is left lies in the reduced document, and the numbers in the input.
  const Document whole = models::make_tensor_document("inputs", tensors, wanted, arena);
  auto kept = std::make_shared<Arena>(1024);
  const Value copied = copy_value(whole.root(), *kept);
  reduced.document = Document(std::move(kept), copied);
  return reduced;
}

Result<privacy::Reduced> apply_to_input(const privacy::Policy& policy, const Value& input,
                                        const telemetry::Secret* key) {
  return models::has_tensors(input) ? apply_to_tensors(policy, input, key)
                                    : privacy::apply(policy, input, key);
}

}  // namespace switchyard::server
