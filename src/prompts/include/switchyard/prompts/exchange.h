#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "switchyard/base/result.h"
#include "switchyard/prompts/prompt.h"
#include "switchyard/types/value.h"

namespace switchyard::prompts {

struct ToolCall;

/// Asks a chat model with a prompt until its answer fits: who holds it calls the model with request() and
/// hands its answer to take(), as often as that says so. Knows no model and no clock; one thread at a time.
class Exchange {
 public:
  /// Errors are those of Prompt::render().
  static Result<Exchange> begin(std::shared_ptr<const Prompt> prompt, const Value& input, uint64_t seed);

  enum class Next : uint8_t { kAsk, kDone };

  /// What to send now, as the chat interface of OpenAI has it: { messages, temperature, ..., tools,
  /// response_format }.
  const Document& request() const { return request_; }
  /// Takes the model's answer, { text, finish_reason, usage, choices, ... }: calls of tools are those of the
  /// first choice's message. kAsk: call the model with request()
  /// again, which names the fault. kDone: result() is there. Errors, kUnprocessable, after which the exchange
  /// is over: "prompt.bad_answer" (it still does not fit), "prompt.bad_tool_call" (it calls what
  /// it may not, or with arguments that are no JSON of the tool's schema), "prompt.answer_cut_off",
  /// "prompt.answer_filtered", "prompt.no_answer" (no chat answer at all).
  Result<Next> take(const Value& answer);
  /// { text, finish_reason, value?, usage? }; with tools also { tool_calls: [ { id, name, arguments } ],
  /// message }, and no `value` where the model calls any. `message` is the answer as a prompt's history takes
  /// it. `usage` is the sum of all attempts. Requires kDone.
  const Document& result() const { return result_; }

  /// For the record, at any time: { name, version, rendered_sha256, messages?, attempts: [ { finish_reason,
  /// usage?, answer_sha256, answer?, tool_calls?, fault? } ] }. Texts only where the prompt keeps them. The
  /// hash is that of the text, or where tools are called of the canonical form of { text, tool_calls }.
  Document meta() const;

 private:
  struct Attempt {
    std::string finish_reason, answer_sha256, answer, fault;
    Document usage, tool_calls;
  };
  struct Verdict;
  Exchange(std::shared_ptr<const Prompt> prompt, Rendered rendered);
  std::vector<ToolCall> calls_in(const Value& answer) const;
  Verdict judge(std::string_view text, std::string_view finish_reason, const std::vector<ToolCall>& calls,
                Arena& arena) const;
  void ask_again(std::string_view text, const std::vector<ToolCall>& calls, const Verdict& verdict);
  void build_request(std::span<const Value> more);
  void keep(std::string_view text, const std::vector<ToolCall>& calls, Attempt& attempt) const;
  Document result_of(std::string_view text, std::string_view finish, const Verdict& verdict,
                     std::shared_ptr<Arena> arena) const;

  std::shared_ptr<const Prompt> prompt_;
  Rendered rendered_;
  Document request_, result_;
  std::vector<Attempt> attempts_;
};

}  // namespace switchyard::prompts
