#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "switchyard/base/result.h"
#include "switchyard/models/tensors.h"

// Tensors as the Open Inference Protocol, version 2, writes them: in JSON, or in binary form behind it (the
// binary tensor extension). Used by the server's surface and by the backend.
namespace switchyard::models::oip {

inline constexpr std::string_view kHeaderLength = "Inference-Header-Content-Length";
inline constexpr size_t kMaxNameBytes = 256;  ///< of what messages show of names

/// "FP32", "FP64", "INT32", "INT64", "BOOL", "BYTES".
std::string_view datatype_name(ElementType type);
/// kInvalidArgument "oip.unknown_datatype" names the tensor.
Result<ElementType> datatype_from(std::string_view name, std::string_view tensor);

/// What is done with datatypes that ElementType lacks.
enum class Others : uint8_t {
  kRefuse,
  kWiden,  ///< INT8, INT16, UINT8, UINT16 to INT32; UINT32, UINT64 to INT64; FP16, BF16 to FP32
};

/// The tensors of a request's `inputs` or an answer's `outputs`; `binary` is what stands behind the JSON, and
/// must be used up. Views point into `arena`, or into `list`. kInvalidArgument "oip.bad_tensor",
/// "oip.unknown_datatype", "oip.unsupported"; the field is the tensor's name.
Result<std::vector<TensorView>> read_wire_tensors(const Value& list, std::string_view binary, Others others,
                                                  Arena& arena);

/// One tensor in binary form. Its name and data are copied into `arena`. The errors above.
Result<TensorView> read_raw_tensor(std::string_view name, std::string_view datatype,
                                   std::span<const int64_t> shape, std::string_view raw, Others others,
                                   Arena& arena);

/// Appends `{"name":..., "datatype":..., "shape":..., "data" or "parameters":...}` to `json`, and the binary
/// form, if it is wanted, to `behind`. kUnprocessable "oip.not_json" for a number that JSON lacks, or a text
/// that is no UTF-8, that is not wanted in binary form.
Status append_wire_tensor(const TensorView& tensor, bool binary, std::string& json, std::string& behind);

/// The elements of a BYTES tensor in binary form: a length of four bytes, little-endian, before each.
/// kInvalidArgument "oip.bad_tensor".
Result<std::vector<std::string_view>> split_bytes(std::string_view raw, size_t elements,
                                                  std::string_view tensor);
/// Appends one such element.
void append_bytes_element(std::string_view element, std::string& out);
/// A tensor's data in binary form.
void append_raw(const TensorView& tensor, std::string& out);

}  // namespace switchyard::models::oip
