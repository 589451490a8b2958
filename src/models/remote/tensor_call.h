#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "../row_encoder.h"
#include "protocol.h"
#include "switchyard/models/tensors.h"

namespace switchyard::models {

/// What a call of a server of the Open Inference Protocol is, in whatever form it goes out: fields become
/// tensors, and tensors results, as for a model in this process; or the caller's own tensors are passed on.
/// Immutable; any thread.
class TensorCall {
 public:
  /// kUnprocessable "models.wrong_kind", "models.tensor_mismatch", "models.bad_output_expression".
  static Result<std::unique_ptr<TensorCall>> make(const ModelManifest& manifest, std::string_view protocol);
  ~TensorCall();

  struct Question {
    AnswerForm form = AnswerForm::kDocument;
    std::vector<TensorView> inputs;
    std::vector<std::string_view> wanted;  ///< outputs; empty: all
    std::vector<TensorData> row;           ///< what `inputs` may point to
  };
  /// Views into `input`, `arena` and the question itself. kInvalidArgument "models.bad_input".
  Result<Question> ask(const Value& input, Arena& arena) const;

  struct Answer {
    AnswerForm wanted;  ///< the question's form
    std::string_view model, version;
    std::vector<TensorView> outputs;
    std::shared_ptr<Arena> arena;  ///< what `outputs` point into
  };
  /// kUnavailable "models.bad_answer".
  Result<RemoteReply> reply(Answer answer) const;

  /// The server's name of the model.
  const std::string& model() const { return model_; }
  expression::Type output_type() const;

 private:
  class Outputs;
  TensorCall(const ModelManifest& manifest, std::vector<TensorInfo> infos, std::unique_ptr<Outputs> outputs);

  const std::string model_;
  const std::vector<TensorInfo> infos_;
  const RowEncoder encoder_;
  const std::unique_ptr<const Outputs> outputs_;
};

}  // namespace switchyard::models
