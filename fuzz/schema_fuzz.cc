// A JSON list of a schema and a value: whatever the schema, compiling ends, and what normalize() gives keeps
// its promises.
#include "switchyard/base/check.h"
#include "switchyard/schema/compatibility.h"
#include "switchyard/schema/schema.h"
#include "switchyard/types/json.h"

using namespace switchyard;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Arena arena;
  const auto pair = parse_json({reinterpret_cast<const char*>(data), size}, arena, {.max_bytes = 4096});
  if (!pair.ok() || !pair->is(Kind::kList) || pair->size() != 2) return 0;
  const Value value = pair->items()[1];
  const schema::Compiled compiled = schema::Schema::compile(pair->items()[0]);
  SY_CHECK((compiled.schema == nullptr) == has_errors(compiled.diagnostics));
  if (compiled.schema == nullptr) return 0;
  const schema::Schema& checked = *compiled.schema;
  SY_CHECK(checked.accepts(value) == checked.validate(value).empty());
  SY_CHECK(check_compatible(checked, checked).answer == schema::Compatibility::Answer::kYes);
  const auto result = checked.normalize(value, arena);
  if (!result.ok()) return 0;
  SY_CHECK(checked.accepts(*result));
  const auto again = checked.normalize(*result, arena);
  SY_CHECK(again.ok() && identical(*again, *result));
  return 0;
}
