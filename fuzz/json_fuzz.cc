// The fast parser and the careful scanner agree on what JSON is, and what is parsed survives being written.
#include "json_fault.h"
#include "switchyard/base/check.h"
#include "switchyard/types/json.h"

using namespace switchyard;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  Arena arena;
  const JsonLimits limits{.max_bytes = 1u << 20, .max_depth = 32};
  const auto value = parse_json(text, arena, limits);
  const JsonFault fault = find_json_fault(text, limits.max_depth);
  SY_CHECK(value.ok() == fault.code.empty());
  if (!value.ok()) {
    SY_CHECK(fault.offset <= text.size());
    return 0;
  }
  for (const std::string& written : {to_json(*value), to_pretty_json(*value)}) {
    const auto back = parse_json(written, arena, {.max_bytes = 64u << 20, .max_depth = 32});
    SY_CHECK(back.ok() && identical(*back, *value));
  }
  return 0;
}
