// Prompts: any text gives a prompt or an error, a prompt compiles to the same version again, and rendering it
// ends in messages or an error. The first byte chooses: a whole document, or one template.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "switchyard/document/document.h"
#include "switchyard/prompts/exchange.h"
#include "switchyard/rules/schema_types.h"
#include "switchyard/types/json.h"

namespace {

using namespace switchyard;

prompts::CompileOutcome load(const std::string& text) {
  auto parsed = document::parse(text, "fuzz.yaml");
  if (parsed.root == nullptr) return {nullptr, std::move(parsed.diagnostics)};
  prompts::CompileRequest request;
  request.document = parsed.root.get();
  request.source = text;
  request.file_name = "fuzz.yaml";
  request.files = [](const std::string&) -> Result<std::string> { return std::string("{{ input.name }}"); };
  request.types = {rules::type_of, rules::accepted_type, rules::readable_type};
  return prompts::compile(request);
}

std::string with_template(std::string_view text) {
  std::string quoted;
  append_json_string(text, quoted);
  return R"({"prompt":"a@1.0.0","input":{"type":"object","required":["name","items","any"],"properties":{)"
         R"("name":{"type":"string"},"items":{"type":"array","items":{"type":"integer"}},"any":{},)"
         R"("note":{"type":"string"}}},"messages":[{"role":"user","content":)" +
         quoted + "}]}";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string text = data[0] % 2 == 0 ? std::string(rest) : with_template(rest);
  const auto first = load(text);
  if ((first.prompt == nullptr) != has_errors(first.diagnostics)) std::abort();
  if (first.prompt == nullptr) return 0;
  const auto second = load(text);
  if (second.prompt == nullptr || second.prompt->sha256() != first.prompt->sha256()) std::abort();
  Arena arena;
  const Value input = *parse_json(R"({"name":"Ada","items":[1,2,3],"any":{"x":[1]},"note":"n"})", arena);
  const auto one = first.prompt->render(input, 7), two = second.prompt->render(input, 7);
  if (one.ok() != two.ok() || (one.ok() && one->sha256 != two->sha256)) std::abort();
  auto exchange = prompts::Exchange::begin(first.prompt, input, 7);
  if (exchange.ok() != one.ok()) std::abort();
  return 0;
}
