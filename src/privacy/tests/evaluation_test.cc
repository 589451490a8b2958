// Recall and precision of each kind on tests/pii/set.jsonl; `--gtest_filter=Evaluation.*` prints the table.
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

#include "switchyard/privacy/detector.h"
#include "switchyard/types/json.h"

namespace switchyard::privacy {
namespace {

struct Counts {
  int wanted = 0, found = 0, false_alarms = 0;
  double recall() const { return wanted == 0 ? 1 : static_cast<double>(found) / wanted; }
  double precision() const {
    return found + false_alarms == 0 ? 1 : static_cast<double>(found) / (found + false_alarms);
  }
};

struct Evaluation {
  std::array<Counts, kKinds> kinds{};
  std::array<Counts, kKinds> nameless{};  ///< digits alone without a word nearby
  int texts = 0;
};

/// A finding counts when its kind and both its ends are those of the set.
Evaluation evaluate(const std::string& path, bool show) {
  Evaluation result;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line); ++result.texts) {
    const auto document = parse_json_document(line);
    EXPECT_TRUE(document.ok());
    if (!document.ok()) break;
    const Value& root = document->root();
    const std::string_view text = root.find("text")->as_string();
    const bool is_nameless = root.find("group")->as_string() == "nameless";
    std::vector<Finding> wanted;
    for (const Value& span : root.find("spans")->items())
      wanted.push_back({*kind_of_name(span.items()[0].as_string()),
                        static_cast<uint32_t>(span.items()[1].as_integer()),
                        static_cast<uint32_t>(span.items()[2].as_integer())});
    const auto found = Detector::standard().find(text, {}, Kinds().set());
    auto& counts = is_nameless ? result.nameless : result.kinds;
    for (const Finding& each : wanted) {
      Counts& of = counts[static_cast<size_t>(each.kind)];
      ++of.wanted;
      const bool hit = std::find(found.begin(), found.end(), each) != found.end();
      of.found += hit ? 1 : 0;
      if (show && !hit && !is_nameless)
        std::printf("missed %s in %.*s\n", std::string(kind_name(each.kind)).c_str(),
                    static_cast<int>(text.size()), text.data());
    }
    for (const Finding& each : found) {
      if (is_nameless || std::find(wanted.begin(), wanted.end(), each) != wanted.end()) continue;
      ++result.kinds[static_cast<size_t>(each.kind)].false_alarms;
      if (show)
        std::printf("false %s '%.*s' in %.*s\n", std::string(kind_name(each.kind)).c_str(),
                    static_cast<int>(each.end - each.begin), text.data() + each.begin,
                    static_cast<int>(text.size()), text.data());
    }
  }
  return result;
}

TEST(Evaluation, EachKindHasItsRecallAndPrecision) {
  const bool show = std::getenv("SHOW_MISTAKES") != nullptr;
  const Evaluation all = evaluate(SWITCHYARD_SOURCE_DIR "/tests/pii/set.jsonl", show);
  ASSERT_GT(all.texts, 5000);
  std::printf("%-20s %7s %7s %7s %9s %9s\n", "kind", "wanted", "found", "false", "recall", "precision");
  for (size_t i = 0; i < kKinds; ++i) {
    const Counts& each = all.kinds[i];
    const std::string name(kind_name(static_cast<Kind>(i)));
    std::printf("%-20s %7d %7d %7d %9.4f %9.4f\n", name.c_str(), each.wanted, each.found, each.false_alarms,
                each.recall(), each.precision());
    EXPECT_GE(each.wanted, 100) << name;
    EXPECT_GE(each.recall(), 0.98) << name;
    EXPECT_GE(each.precision(), 0.95) << name;
  }
  for (size_t i = 0; i < kKinds; ++i)
    if (all.nameless[i].wanted != 0)
      std::printf("%-20s %7d %7d  digits alone, no word nearby: not promised\n",
                  std::string(kind_name(static_cast<Kind>(i))).c_str(), all.nameless[i].wanted,
                  all.nameless[i].found);
}

}  // namespace
}  // namespace switchyard::privacy
