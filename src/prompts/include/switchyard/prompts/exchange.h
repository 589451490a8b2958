#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "switchyard/base/result.h"
#include "switchyard/prompts/prompt.h"
#include "switchyard/types/value.h"

namespace switchyard::prompts {

/// Asks a chat model with a prompt until its answer fits: who holds it calls the model with request() and
/// hands its answer to take(), as often as that says so. Knows no model and no clock; one thread at a time.
class Exchange {
 public:
  /// Errors are those of Prompt::render().
  static Result<Exchange> begin(std::shared_ptr<const Prompt> prompt, const Value& input, uint64_t seed);

  enum class Next : uint8_t { kAsk, kDone };

  /// What to send now, as the chat interface of OpenAI has it: { messages, temperature, ...,
  /// response_format }.
  const Document& request() const { return request_; }
  /// Takes the model's answer, { text, finish_reason, usage, ... }. kAsk: call the model with request()
  /// again, which names the fault. kDone: result() is there. Errors, kUnprocessable, after which the exchange
  /// is over: "prompt.bad_answer" (it still does not fit), "prompt.answer_cut_off", "prompt.answer_filtered",
  /// "prompt.no_answer" (no chat answer at all).
  Result<Next> take(const Value& answer);
  /// { text, finish_reason, value?, usage? }; `usage` is the sum of all attempts. Requires kDone.
  const Document& result() const { return result_; }

  /// For the record, at any time: { name, version, rendered_sha256, messages?, attempts: [ { finish_reason,
  /// usage?, answer_sha256, answer?, fault? } ] }. Texts only where the prompt keeps them.
  Document meta() const;

 private:
  struct Attempt {
    std::string finish_reason, answer_sha256, answer, fault;
    Document usage;
  };
  struct Verdict;
  Exchange(std::shared_ptr<const Prompt> prompt, Rendered rendered);
  Verdict judge(std::string_view text, std::string_view finish_reason, Arena& arena) const;
  void ask_again(std::string_view text, const std::string& fault);
  void build_request(const Value* answer, const Value* fault);

  std::shared_ptr<const Prompt> prompt_;
  Rendered rendered_;
  Document request_, result_;
  std::vector<Attempt> attempts_;
};

}  // namespace switchyard::prompts
