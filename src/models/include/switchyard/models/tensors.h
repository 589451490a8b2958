#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "switchyard/base/result.h"
#include "switchyard/models/manifest.h"
#include "switchyard/types/value.h"

// A model's own tensors as a document, beside the manifest's named fields:
//
//   { "$tensors": { "inputs": [ { "name", "type", "shape", "data" } ], "outputs": ["label"] } }
//
// asks, and `{ "$tensors": { "outputs": [ ... ] } }` answers. `data` is bytes (numbers little-endian, bools
// one byte each; base64 where the document went through JSON), or for `string` a list of texts or bytes. So a
// tensor call travels like every other input: queued, recorded, replayed.
namespace switchyard::models {

inline constexpr std::string_view kTensorsMember = "$tensors";

/// One tensor, row-major. Views into a document or an arena.
struct TensorView {
  std::string_view name;
  ElementType type = ElementType::kFloat;
  std::vector<int64_t> shape;
  std::string_view bytes;          ///< of numbers and bools, in the machine's (little-endian) order
  std::span<const Value> strings;  ///< of kString: strings or bytes

  size_t elements() const;
};

/// The element with that index among the bytes of numbers or bools.
Value number_at(ElementType type, std::string_view bytes, size_t index);

/// True when `document` has the form above.
bool has_tensors(const Value& document);

/// The rows that an input asks for: the first dimension of its tensors, 1 in every other form.
int64_t rows_asked(const Value& input);

/// The tensors in `side` ("inputs" or "outputs"): at most kMaxTensors, no name twice, `data` of the size that
/// type and shape say, all with the same first dimension, from 1 to kMaxTensorRows. Views point into the
/// document, or into `arena` where base64 was decoded. kInvalidArgument "models.bad_input" names the tensor.
Result<std::vector<TensorView>> read_tensors(const Value& document, std::string_view side, Arena& arena);
/// The outputs that a request wants: empty means all. kInvalidArgument "models.bad_input".
Result<std::vector<std::string_view>> wanted_outputs(const Value& document);

/// A document with `tensors` as `side`. Nothing is copied but names: `arena`, which the document keeps, holds
/// all that the views point to. `wanted` (for "inputs") may be empty.
Document make_tensor_document(std::string_view side, std::span<const TensorView> tensors,
                              std::span<const std::string_view> wanted, std::shared_ptr<Arena> arena);

}  // namespace switchyard::models
