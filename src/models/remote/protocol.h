#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "switchyard/http/client.h"
#include "switchyard/models/backend_spec.h"
#include "switchyard/models/caller.h"

namespace switchyard::models {

/// What a server answered, in our form.
struct RemoteReply {
  Document output;
  ModelUsage usage;
  std::string served_by;
};

/// What the caller wants made of an answer.
enum class AnswerForm : uint8_t {
  kDocument,  ///< as the manifest's output says
  kTensors,   ///< the server's own tensors: the caller gave tensors, too
};

/// Reads an answer that comes in pieces.
class StreamReader {
 public:
  virtual ~StreamReader() = default;
  using OnPart = std::function<bool(const Document& part)>;
  /// Hands each part that is complete to `part`; false of it ends with kCancelled "models.cancelled".
  virtual Status take(std::string_view piece, const OnPart& part) = 0;
  /// The body has ended: the whole answer, or kUnavailable "models.truncated" when it is not the end of one.
  virtual Result<RemoteReply> end() = 0;
};

/// How to speak with one kind of server over HTTP, of one model version. Immutable; any thread.
class Protocol {
 public:
  virtual ~Protocol() = default;

  struct Request {
    http::Method method = http::Method::kPost;
    std::string path;                   ///< below the backend's URL
    std::vector<http::Header> headers;  ///< Content-Type and Accept are JSON's unless they are here
    std::string body;
    AnswerForm wanted = AnswerForm::kDocument;  ///< to be given to reply()
  };
  /// kInvalidArgument "models.bad_input".
  virtual Result<Request> request(const Value& input, bool streams) const = 0;
  /// Tells the server how long its answer is waited for, where the protocol has a field for that.
  virtual void add_deadline(int64_t timeout_ms, std::vector<http::Header>& headers) const {
    static_cast<void>(timeout_ms), static_cast<void>(headers);
  }
  /// Brings a refusal that the protocol writes elsewhere to where HTTP has it: status and body.
  virtual void unwrap(http::ClientResponse& response) const { static_cast<void>(response); }
  /// Of a status from 200 to 299. kUnavailable "models.bad_answer" when it is not what it should be.
  virtual Result<RemoteReply> reply(const http::ClientResponse& response, AnswerForm wanted) const = 0;
  /// nullptr: cannot stream.
  virtual std::unique_ptr<StreamReader> stream() const { return nullptr; }
  /// What the output looks like, for checking pipelines.
  virtual expression::Type output_type() const = 0;
};

// One for each kind of server. kUnprocessable "models.wrong_kind" when it has no models of the manifest's
// kind, "models.bad_output_expression".
Result<std::unique_ptr<Protocol>> make_openai_protocol(const ModelManifest& manifest);
Result<std::unique_ptr<Protocol>> make_anthropic_protocol(const ModelManifest& manifest);
Result<std::unique_ptr<Protocol>> make_http_protocol(const ModelManifest& manifest);
/// What the workers of a queue take and give.
Result<std::unique_ptr<Protocol>> make_worker_protocol(const ModelManifest& manifest);
/// Also kUnprocessable "models.tensor_mismatch".
Result<std::unique_ptr<Protocol>> make_oip_protocol(const ModelManifest& manifest);
Result<std::unique_ptr<Protocol>> make_oip_grpc_protocol(const ModelManifest& manifest);

/// The protocol of that name; kUnprocessable "models.unknown_protocol".
Result<std::unique_ptr<Protocol>> make_protocol(std::string_view name, const ModelManifest& manifest);

/// The input as its schema has it; null schema: as it is. kInvalidArgument "models.bad_input".
Result<Value> normalized_input(const ModelName& model, const schema::SchemaPtr& schema, const Value& input,
                               Arena& arena);

Error wrong_kind(const ModelManifest& manifest, std::string_view protocol, std::string_view kinds);
/// kDeadlineExceeded "models.deadline": it had passed before the model was asked.
Error too_late(const ModelName& model);
/// kResourceExhausted "models.backend_busy".
Error backend_busy(const ModelName& model, uint32_t max_concurrent);
/// The reply as an answer that took `run_us`, with its price.
ModelAnswer answer_of(RemoteReply reply, int64_t run_us);
/// The server's answer is none: kUnavailable "models.bad_answer".
Error bad_answer(std::string why);
/// kUnavailable "models.truncated".
Error truncated(std::string why);

}  // namespace switchyard::models
