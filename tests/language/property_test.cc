// Random pipelines over all constructs: the interpreter gives what a naive reference gives, however the
// engine dies and the clock goes.
#include <gtest/gtest.h>

#include <cstdlib>

#include "model.h"
#include "reference.h"
#include "switchyard/rehearsal/rehearsal.h"

namespace switchyard::language {
namespace {

using rehearsal::Restarts;

std::string stub_text(const Answer& answer) {
  const std::string after = answer.delay_ms == 0 ? "" : ", after: " + std::to_string(answer.delay_ms) + "ms";
  switch (answer.kind) {
    case Answer::Kind::kValue: return "{ body: { v: " + std::to_string(answer.value) + " }" + after + " }";
    case Answer::Kind::kBusy: return "{ fail: { code: stub.busy, kind: unavailable }" + after + " }";
    case Answer::Kind::kWrong: return "{ fail: { code: stub.wrong, kind: unprocessable }" + after + " }";
    case Answer::Kind::kNever: return "{ never: true }";
  }
  return {};
}

std::string test_file(const Program& program, const Expected& expected, uint64_t seed) {
  std::string text = "test: gen/main\ncases:\n  case:\n    seed: " + std::to_string(seed) +
                     "\n    input: { n: " + std::to_string(program.input) + " }\n";
  if (!expected.answers.empty()) text += "    stubs:\n";
  for (const auto& [path, answers] : expected.answers) {
    text += "      \"" + path + "\": [";
    for (size_t i = 0; i < answers.size(); ++i) text += (i == 0 ? "" : ", ") + stub_text(answers[i]);
    text += "]\n";
  }
  if (!expected.people.empty()) text += "    people:\n";
  for (const auto& [path, said] : expected.people) {
    text += "      \"" + path + "\": [";
    for (size_t i = 0; i < said.size(); ++i)
      text +=
          (i == 0 ? "" : ", ") + std::string("{ answer: { v: ") + std::to_string(said[i]) + " }, after: 1s }";
    text += "]\n";
  }
  if (!expected.heard.empty()) text += "    events:\n";
  for (const auto& event : expected.heard)
    text += "      - { after: " + std::to_string(event.after_ms) + "ms, type: " + event.type +
            ", data: { v: " + std::to_string(event.value) + " } }\n";
  text += "    expect:\n";
  if (expected.completed) {
    text += "      output: { ";
    for (size_t i = 0; i < expected.output.size(); ++i)
      text += (i == 0 ? "v: " : ", o" + std::to_string(i) + ": ") + std::to_string(expected.output[i]);
    text += " }\n";
  } else {
    text += "      error: " + expected.code + "\n";
  }
  if (!expected.ordered) return text;
  text += "      emitted: [";
  for (size_t i = 0; i < expected.emitted.size(); ++i)
    text += std::string(i == 0 ? "" : ", ") + "{ type: " + kTold +
            ", data: { v: " + std::to_string(expected.emitted[i]) + " } }";
  text += "]\n";
  text += "      path: [";
  for (size_t i = 0; i < expected.path.size(); ++i)
    text += (i == 0 ? "" : ", ") + std::string("{ \"") + expected.path[i].first +
            "\": " + expected.path[i].second + " }";
  return text + "]\n";
}

/// Everything that is played for one seed; what differs, empty if nothing does.
std::string play(uint64_t seed, size_t* steps) {
  const Program program = generate(seed, 4 + static_cast<int>(seed % 14));
  const Expected expected = run_reference(program, seed);
  *steps += expected.path.size();
  rehearsal::Request request;
  for (const Pipeline& pipeline : program.pipelines)
    request.files.push_back({pipeline.name.substr(4) + ".pipeline.yaml", to_document(pipeline)});
  for (const std::string& document : event_documents(program))
    request.files.push_back({std::to_string(request.files.size()) + ".event.yaml", document});
  request.files.push_back({"gen.test.yaml", test_file(program, expected, seed)});
  const auto attempt = [&](const char* name, Restarts restarts, int64_t lateness_us) -> std::string {
    request.lateness_us = lateness_us;
    request.stage = [restarts](auto catalog, uint64_t first) {
      return machine_stage(std::move(catalog), first, restarts);
    };
    const rehearsal::Report report = rehearsal::rehearse(request);
    if (report.failed() == 0 && report.cases.size() == 1) return {};
    std::string told =
        std::string("seed ") + std::to_string(seed) + ", " + name + ":\n" + to_text(report, false);
    for (const auto& file : request.files) told += "--- " + file.path + "\n" + file.content;
    return told;
  };
  std::string failure = attempt("undisturbed", Restarts::kNone, 0);
  if (failure.empty()) failure = attempt("a late clock", Restarts::kNone, 20'000'000);
  if (failure.empty()) failure = attempt("the log folded after each record", Restarts::kFold, 0);
  if (failure.empty())
    failure = attempt("the state stored after each turn, a late clock", Restarts::kSnapshot, 5'000'000);
  return failure;
}

uint64_t number_of(const char* variable, uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

TEST(Language, RandomPipelinesGiveWhatTheReferenceGives) {
  // SWITCHYARD_LANGUAGE_SEED=N plays one again; SWITCHYARD_LANGUAGE_SEEDS=N plays the first N.
  const uint64_t only = number_of("SWITCHYARD_LANGUAGE_SEED", 0);
  const uint64_t seeds = number_of("SWITCHYARD_LANGUAGE_SEEDS", 150);
  size_t steps = 0, failures = 0;
  for (uint64_t seed = only == 0 ? 1 : only; seed <= (only == 0 ? seeds : only) && failures < 3; ++seed) {
    const std::string failure = play(seed, &steps);
    if (failure.empty()) continue;
    ++failures;
    ADD_FAILURE() << failure;
  }
  EXPECT_GT(steps, 0u);
}

}  // namespace
}  // namespace switchyard::language
