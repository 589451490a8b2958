#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "switchyard/base/result.h"
#include "switchyard/models/backend.h"
#include "switchyard/models/manifest.h"
#include "switchyard/models/tensors.h"

namespace switchyard::models {

/// Checks the manifest's inputs and batch sizes against the tensors the model has. All contradictions are in
/// one kUnprocessable "models.tensor_mismatch": each names the tensor, what was expected and what is there.
Status check_tensors(const ModelManifest& manifest, const std::vector<TensorInfo>& inputs,
                     const std::vector<TensorInfo>& outputs);

/// Writes input documents into the rows of a batch. Immutable; any thread.
class RowEncoder {
 public:
  /// Requires that check_tensors() was content with the same arguments.
  RowEncoder(const ModelManifest& manifest, const std::vector<TensorInfo>& inputs);

  /// Shapes `batch` (one TensorData per input) for `rows` rows. Contents are unspecified; old memory is
  /// reused.
  void prepare(std::vector<TensorData>& batch, uint32_t rows) const;
  /// Fills one row. kInvalidArgument "models.bad_input" names field, tensor, what was expected and what came;
  /// the row may then be half written.
  Status encode(const Value& input, std::vector<TensorData>& batch, uint32_t row) const;
  /// Fills the rows from `row` on with the rows [first, first + rows) of the caller's own tensors.
  /// kInvalidArgument "models.bad_input" for a tensor that the model lacks, or that is missing, or whose type
  /// or row shape is not the model's.
  Status encode_tensors(const std::vector<TensorView>& tensors, uint32_t first, uint32_t rows,
                        std::vector<TensorData>& batch, uint32_t row) const;
  /// Fills a row with zeros and empty texts.
  void encode_blank(std::vector<TensorData>& batch, uint32_t row) const;
  /// Copies one row over another.
  void copy_row(std::vector<TensorData>& batch, uint32_t from, uint32_t to) const;

 private:
  struct Source {
    std::string path;                   ///< as the manifest has it, for messages
    std::vector<std::string> segments;  ///< of the path
  };
  struct Tensor {
    std::string name;
    ElementType type;
    std::vector<int64_t> row_shape;
    size_t row_elements;
    bool single;
    std::vector<Source> sources;
  };

  Status check(const Tensor& tensor, const TensorView& given) const;
  static Status put_strings(const TensorView& given, size_t from, size_t count, TensorData& data, size_t to);
  Status put(const Tensor& tensor, const Source& source, const Value& value, TensorData& data,
             size_t element) const;
  Status put_nested(const Tensor& tensor, const Source& source, const Value& value, size_t depth,
                    TensorData& data, size_t* element) const;

  std::vector<Tensor> tensors_;
};

}  // namespace switchyard::models
