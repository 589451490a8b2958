// Megabytes a second that the detectors read, and a whole call reduced and restored.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <string>

#include "switchyard/privacy/detector.h"
#include "switchyard/privacy/reduce.h"

namespace {

using namespace switchyard;
using namespace switchyard::privacy;

constexpr size_t kBytes = 1u << 20;

std::string repeated(std::string_view text) {
  std::string result;
  while (result.size() < kBytes) result += text;
  return result;
}

/// A letter to a customer service without anything personal but one address in 2 KiB.
std::string prose() {
  std::string page;
  while (page.size() < 2048)
    page +=
        "I ordered the blue lamp two weeks ago and it still has not come. The page says it was sent on "
        "Monday, but "
        "nobody rang and there was no card in the letter box. Can you please look where it is? ";
  return repeated(page + "Write to anna.b@mail.example.org please. ");
}

/// An access log: an address, a time and numbers in each line.
std::string log_lines() {
  return repeated(
      "203.0.113.7 - - [12/Mar/2026:10:15:32 +0000] \"GET /items/48213?ref=a1b2 HTTP/1.1\" 200 5123 0.0031 "
      "550e8400-e29b-41d4-a716-446655440000\n");
}

/// Much that is personal: one finding in 30 bytes.
std::string dense() {
  return repeated(
      "Tel. +49 30 23125 123, IBAN DE89 3704 0044 0532 0130 00, a@b.example, card 4242 4242 4242 4242, "
      "PESEL 44051401359; ");
}

void find(benchmark::State& state, const std::string& text, bool expects) {
  const Detector& detector = Detector::standard();
  size_t found = 0;
  for (auto _ : state) found = detector.find(text, {}, Kinds().set()).size();
  if ((found != 0) != expects) std::abort();
  state.SetBytesProcessed(static_cast<int64_t>(text.size()) * state.iterations());
  state.counters["findings"] = static_cast<double>(found);
}
void find_in_prose(benchmark::State& state) { find(state, prose(), true); }
void find_in_logs(benchmark::State& state) { find(state, log_lines(), true); }
void find_in_dense(benchmark::State& state) { find(state, dense(), true); }
void find_in_digits(benchmark::State& state) { find(state, repeated("1 2 3 4 5 6 7 8 9 0 "), false); }
BENCHMARK(find_in_prose);
BENCHMARK(find_in_logs);
BENCHMARK(find_in_dense);
BENCHMARK(find_in_digits);

/// What a chat request of 2 KiB costs before it leaves, and its answer when it comes.
void reduce_and_restore(benchmark::State& state) {
  const Policy policy;
  const std::string text = prose().substr(0, 2048) + " a@b.example, +49 30 23125 123";
  for (auto _ : state) {
    const auto reduced = apply(policy, Value::string(text));
    if (reduced->session->restore(reduced->document->as_string()) != text) std::abort();
  }
}
BENCHMARK(reduce_and_restore);

}  // namespace
