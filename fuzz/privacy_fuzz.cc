// A text, and how it is cut: spans are sound, what was replaced by tokens comes back exactly, and no token is
// left of what a stream restores in pieces.
#include <string>

#include "switchyard/base/check.h"
#include "switchyard/privacy/detector.h"
#include "switchyard/privacy/reduce.h"
#include "switchyard/types/utf8.h"

using namespace switchyard;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const size_t piece = 1 + data[0] % 16;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  uint32_t at = 0;
  for (const auto& each : privacy::Detector::standard().find(text, "phone", privacy::Kinds().set())) {
    SY_CHECK(at <= each.begin && each.begin < each.end && each.end <= text.size());
    at = each.end;
    const std::string_view span = text.substr(each.begin, each.end - each.begin);
    SY_CHECK(!is_valid_utf8(text) || is_valid_utf8(span));
  }
  static const privacy::Policy kPolicy;
  const auto reduced = privacy::apply(kPolicy, Value::bytes(text));
  SY_CHECK(reduced.ok());
  const std::string_view sent = reduced->document->as_bytes();
  SY_CHECK(reduced->session->restore(sent) == text);
  privacy::Restorer restorer(reduced->session);
  std::string out;
  for (size_t i = 0; i < sent.size(); i += piece) restorer.feed(sent.substr(i, piece), out);
  restorer.finish(out);
  SY_CHECK(out == text);
  // The same session over hostile JSON text must only not fail.
  reduced->session->restore_json(text);
  return 0;
}
