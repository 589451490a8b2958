#include "scenery.h"

#include <cstdio>
#include <cstdlib>
#include <vector>

#include "switchyard/workflow/compiler.h"

namespace switchyard::sim {
namespace {

using expression::Type;
using workflow::ArtefactRef;

constexpr const char* kInput = R"Y(
input:
  schema:
    type: object
    properties: { n: { type: integer }, amount: { type: number }, card: { type: string } }
    required: [n, amount, card]
  key: input.card
search: { n: input.n, large: input.amount > 500.0 }
)Y";

constexpr const char* kForm =
    "{ type: object, properties: { fraud: { type: boolean }, comment: { type: string } }, required: [fraud] "
    "}";

std::string form(std::string text) {
  const size_t at = text.find("$FORM");
  if (at != std::string::npos) text.replace(at, 5, kForm);
  return text;
}

using Documents = std::vector<std::pair<const char*, std::string>>;

/// Runs of single steps.
const Documents& step_documents() {
  static const Documents kDocuments{
      {"quick", R"Y(
steps:
  twice: { set: { n: input.n * 2 } }
  limits: { rules: risk-limits, facts: input }
  bad: { when: input.n % 7 == 3, fail: { code: sim.seven, message: "'n is ' + string(input.n)" } }
output: { n: twice.n, limit: limits.limit }
)Y"},
      {"score", form(R"Y(
deadline: 60s
steps:
  limits: { rules: risk-limits, facts: input }
  light: { model: light, input: { amount: input.amount }, retry: { attempts: 3, backoff: 20ms..2s, jitter: 0.5 } }
  heavy:
    when: light.confidence < 0.6
    model: heavy
    input: { amount: input.amount }
    timeout: 400ms
    on_error: light
  verdict:
    triage: heavy.?score.orValue(light.score)
    confidence_below: 0.8
    sample: 0.1
    budget: { per_day: 5 }
    queue: desk
  opinion:
    when: verdict.to_person
    review:
      queue: desk
      form: $FORM
      title: "'Amount ' + string(input.amount)"
      show: [input, light, { reason: verdict.reason }]
      due: 30m
      priority: 80
      on_breach: { answer: { fraud: true, comment: "'nobody answered'" } }
output: { fraud: opinion.?fraud.orValue(verdict.positive), by: "has(opinion) ? opinion.reviewer : verdict.reason", limit: limits.limit }
)Y")},
      {"transfer", R"Y(
deadline: 5m
steps:
  light: { model: light, input: { amount: input.amount }, on_error: skip }
  reserve:
    http: { method: POST, url: "'https://bank.example.org/reserve/' + string(input.n)", body: { amount: input.amount }, effect: idempotent, expect: [200, 201] }
    retry: { attempts: 4, backoff: 100ms..5s }
  transfer:
    after: reserve
    http: { method: POST, url: "'https://bank.example.org/transfer'", body: { amount: input.amount, score: light.?score }, expect: [200, 201] }
    timeout: 3s
    retry: { attempts: 3, backoff: 1s..30s }
    on_error: { value: { status: 0, headers: {}, body: null } }
  notify:
    after: transfer
    http: { method: POST, url: "'https://hooks.example.org/done'", body: { id: run.id, seed: run.seed } }
    on_error: skip
output: { done: transfer.status == 200, told: has(notify) }
)Y"},
      {"waits", R"Y(
deadline: 20s
steps:
  short: { wait: 250ms }
  light: { model: light, input: { amount: input.amount }, after: short }
  long: { wait: { for: "duration('2h')" }, after: light, when: input.n % 2 == 0 }
  heavy: { model: heavy, input: { amount: input.amount }, after: long, on_error: light }
output: { score: heavy.score }
)Y"},
      {"escalated", form(R"Y(
steps:
  opinion:
    review: { queue: desk, form: $FORM, show: { n: input.n }, due: 4m, on_breach: { escalate: leads } }
  after_all: { set: { said: opinion.fraud } }
output: { said: after_all.said, who: opinion.reviewer }
)Y")},
      {"breached", form(R"Y(
deadline: 30s
steps:
  opinion:
    review: { queue: leads, form: $FORM, show: { n: input.n }, due: 2m, priority: 20 }
    on_error: { value: { fraud: false, comment: "''", reviewer: "'nobody'", answered_at: "timestamp('2026-01-01T00:00:00Z')" } }
  tell: { http: { method: PUT, url: "'https://hooks.example.org/x'", body: { f: opinion.fraud }, effect: idempotent }, retry: { attempts: 5, backoff: 10ms..10s } }
output: { said: opinion.fraud, status: tell.status }
)Y")},
      {"patient", form(R"Y(
steps:
  opinion: { review: { queue: desk, form: $FORM, show: { n: input.n } } }
output: { said: opinion.fraud }
)Y")},
  };
  return kDocuments;
}

/// Steps side by side, and steps that hold others.
const Documents& flow_documents() {
  static const Documents kDocuments{
      {"parallel", form(R"Y(
deadline: 30s
steps:
  a: { model: light, input: { amount: input.amount }, retry: { attempts: 3, backoff: 50ms..20s } }
  b: { model: heavy, input: { amount: input.amount }, timeout: 2s, on_error: skip }
  c: { http: { method: GET, url: "'https://facts.example.org/' + input.card", effect: idempotent }, retry: { attempts: 2, backoff: 10ms..1s }, on_error: skip }
  d: { wait: 3s }
  e: { http: { method: POST, url: "'https://hooks.example.org/e'", body: { n: input.n } }, retry: { attempts: 2, backoff: 1s..2s }, on_error: skip }
  f: { set: { v: "has(b) ? b.score : a.score" }, after: [c, d, e] }
  g: { when: f.v > 0.5, review: { queue: desk, form: $FORM, show: [f], due: 1m }, on_error: skip }
output: { v: f.v, g: "has(g) ? g.reviewer : 'nobody'" }
)Y")},
      {"failing", R"Y(
deadline: 3s
steps:
  a: { model: heavy, input: { amount: input.amount } }
  b: { http: { method: GET, url: "'https://facts.example.org/'", effect: idempotent }, timeout: 2s, retry: { attempts: 5, backoff: 400ms..20s } }
  c: { fail: { code: sim.small, message: "'too small'" }, when: a.score < 0.2 }
output: { v: a.score, s: b.status }
)Y"},
      {"batch", form(R"Y(
steps:
  items: { set: { list: "[1, 2, 3, 4, 5, 6, 7]" } }
  checks:
    for_each: items.list
    concurrency: 3
    on_item_error: skip
    steps:
      score: { model: light, input: { amount: double(item) * input.amount }, retry: { attempts: 2, backoff: 10ms..1s } }
      odd: { when: item % 3 == 0, fail: { code: sim.third, message: "'third'" }, after: score }
      tell: { http: { method: POST, url: "'https://hooks.example.org/' + string(item)", body: { n: item } }, after: odd }
    output: { item: item, score: score.score }
    timeout: 10m
  doubt:
    when: input.n % 2 == 0
    for_each: checks.results
    concurrency: 2
    on_item_error: { value: { fraud: true } }
    steps:
      ask: { review: { queue: desk, form: $FORM, show: { item: item.item }, due: 2m } }
    output: { fraud: ask.fraud }
output: { n: checks.count, failed: size(checks.failures), asked: "has(doubt) ? size(doubt.results) : 0" }
)Y")},
      {"rounds", R"Y(
steps:
  draft:
    repeat: { from: { n: input.n, sum: 0.0 }, until: score.score > 0.8, max: 5, pause: 30s, on_max: stop }
    steps:
      score: { model: light, input: { amount: input.amount + double(carry_index) } }
    output: { n: carry.n + 1, sum: carry.sum + score.score }
  many:
    repeat: { from: { n: 0 }, as: acc, until: "acc.n >= (input.n % 16 == 0 ? 2100 : 3)", max: 4000 }
    steps: { next: { set: { n: acc.n + 1 } } }
    output: { n: next.n }
output: { rounds: draft.iterations, done: draft.done, sum: draft.value.sum, many: many.value.n }
)Y"},
      {"saga", R"Y(
finally:
  steps:
    tell: { http: { method: PUT, url: "'https://hooks.example.org/' + outcome.status", effect: idempotent }, on_error: skip }
steps:
  book:
    sequence:
      - hotel:
          http: { method: POST, url: "'https://bank.example.org/hotel'", body: { n: input.n }, expect: [200, 201] }
          retry: { attempts: 3, backoff: 100ms..1s }
          compensate: { http: { method: DELETE, url: "'https://bank.example.org/hotel/' + string(hotel.status)", effect: idempotent }, retry: { attempts: 3, backoff: 10ms..1s }, on_error: skip }
      - flight:
          try:
            steps:
              first: { http: { method: POST, url: "'https://bank.example.org/flight'", body: { n: input.n } }, timeout: 2s, compensate: { set: { undone: first.status } } }
            output: { by: "'first'" }
          catch:
            - on: [step.timeout, "http.*"]
              when: input.n % 5 != 0
              steps: { second: { model: heavy, input: { amount: input.amount } } }
              output: { by: "error.code" }
          finally:
            steps: { note: { wait: 1s } }
      - check: { when: input.n % 3 == 0, fail: { code: sim.no_seat, message: "'no seat'" } }
    timeout: 20m
    retry: { attempts: 2, backoff: 1s..2s }
output: { by: book.flight.by }
)Y"},
      {"family", R"Y(
steps:
  first: { pipeline: sim/quick, input: { n: input.n, amount: input.amount, card: input.card }, on_error: { value: { n: 0, limit: 0.0 } } }
  others:
    for_each: "[1, 2, 3]"
    concurrency: 2
    on_item_error: skip
    steps:
      child: { pipeline: sim/waits, input: { n: item, amount: input.amount, card: input.card }, timeout: 3h }
    output: child.score
  away: { pipeline: sim/batch, input: { n: 1, amount: 2.0, card: input.card }, key: "'other'", detached: true }
output: { n: first.n, others: size(others.results), away: away.run }
)Y"},
  };
  return kDocuments;
}

/// Amounts over 500 have a small limit.
class Limits final : public rules::RuleTable {
 public:
  const std::string& name() const override { return name_; }
  const std::string& version() const override { return version_; }
  const Sha256& sha256() const override { return sha256_; }
  const Type& facts_type() const override { return facts_; }
  const Type& output_type() const override { return output_; }
  Result<Value> evaluate(const Value& facts, Arena& arena) const override {
    if (table_watch().off) ++table_watch().breaches;
    const Value* amount = facts.find("amount");
    const bool large = amount != nullptr && amount->is_number() && amount->to_double() > 500;
    ListBuilder matched(arena);
    matched.add(Value::string(large ? "large" : "small"));
    MapBuilder result(arena);
    result.add("limit", Value::real(large ? 100 : 1000));
    result.add("matched", matched.build());
    return result.build();
  }

 private:
  const std::string name_ = "risk-limits", version_ = "1.0.0";
  const Sha256 sha256_ = switchyard::sha256("risk-limits@1.0.0");
  const Type facts_ = Type::object({{"amount", Type::real()}}, true);
  const Type output_ = Type::object({{"limit", Type::real()}, {"matched", Type::list(Type::string())}});
};

/// Steps that ask several models, and work for processes that poll for it.
const Documents& panel_and_task_documents() {
  static const Documents kDocuments{
      {"panels", form(R"Y(
deadline: 2m
steps:
  both:
    ensemble: { members: [{ model: light, weight: 1 }, { model: heavy, weight: 3, timeout: 5s }], combine: mean, quorum: 1 }
    input: { amount: input.amount }
    retry: { attempts: 3, backoff: 20ms..2s }
    on_error: skip
  strict:
    ensemble: { members: [{ model: light }, { model: heavy }, { name: again, model: light }], combine: best, quorum: 3 }
    input: { amount: input.amount }
    timeout: 3s
    retry: { attempts: 2, backoff: 1s..2s }
    on_error: { value: { score: 0.5, confidence: 0.5, members: {}, answered: 0, missing: [], disagreement: {} } }
  either:
    after: both
    cascade:
      tiers: [{ model: light, until: answer.confidence > 0.7 }, { model: heavy, cost: 1.0, accuracy: 0.9 }]
      error_cost: input.amount
    input: { amount: "has(both) ? both.score : input.amount" }
    retry: { attempts: 2, backoff: 10ms..1s }
  opinion: { when: "!either.sure", review: { queue: desk, form: $FORM, show: [either], due: 5m }, on_error: skip }
output: { tier: either.tier, answered: strict.answered, asked: has(opinion) }
)Y")},
      {"tasks", R"Y(
finally: { steps: { tell: { task: { type: tell, effect: idempotent }, input: "{'n': input.n}", on_error: skip } } }
steps:
  look: { task: { type: look, effect: pure, result: { type: object, properties: { score: { type: number } }, required: [score] } }, input: { n: input.n }, timeout: 8s, retry: { attempts: 3, backoff: 50ms..2s } }
  each:
    for_each: "[1, 2, 3]"
    concurrency: 2
    on_item_error: skip
    steps:
      work: { task: { type: work, effect: idempotent }, input: { item: item, n: input.n }, retry: { attempts: 2, backoff: 10ms..1s } }
      rate: { after: work, cascade: { tiers: [{ model: light, until: answer.score > 0.5 }, { model: heavy }] }, input: { amount: input.amount }, on_error: skip }
    output: item
  book:
    after: [look, each]
    task: { type: book, queue: "bookings" }
    input: { score: look.score }
    timeout: 30s
    retry: { attempts: 2, backoff: 1s..5s }
    compensate: { task: { type: undo, effect: idempotent }, input: { n: input.n }, retry: { attempts: 3, backoff: 10ms..1s }, on_error: skip }
  no: { after: book, when: input.n % 4 == 0, fail: { code: sim.no, message: "'no'" } }
output: { each: size(each.results), score: look.score }
)Y"},
  };
  return kDocuments;
}

/// How many go at once.
const Documents& limited_documents() {
  static const Documents kDocuments{
      {"serial", R"Y(
concurrency: { key: input.card, limit: 1, max_queued: 6 }
priority: "input.n % 3 * 20 + 30"
steps:
  light: { model: light, input: { amount: input.amount }, retry: { attempts: 2, backoff: 10ms..1s }, on_error: skip }
  pause: { wait: 2s, after: light }
  tell: { http: { method: POST, url: "'https://hooks.example.org/serial'", body: { n: input.n } }, after: pause, on_error: skip }
output: { told: has(tell) }
)Y"},
      {"pairs", R"Y(
deadline: 40s
concurrency: { limit: 2, max_queued: 20 }
finally: { steps: { last: { wait: 100ms } } }
steps:
  heavy: { model: heavy, input: { amount: input.amount }, on_error: skip }
  bad: { after: heavy, when: input.n % 7 == 3, fail: { code: sim.seven, message: "'seven'" } }
output: { heavy: has(heavy) }
)Y"},
      {"freshest", R"Y(
concurrency: { key: input.card, on_limit: latest_wins }
steps:
  take:
    http: { method: POST, url: "'https://bank.example.org/take'", body: { n: input.n }, effect: idempotent }
    on_error: skip
    compensate: { wait: 3s }
  pause: { wait: 30s, after: take }
  light: { after: pause, model: light, input: { amount: input.amount }, on_error: skip }
output: { n: input.n }
)Y"},
      {"newest-two", R"Y(
concurrency: { key: "input.n % 2 == 0 ? 'even' : 'odd'", limit: 2, on_limit: latest_wins }
finally: { steps: { tell: { http: { method: PUT, url: "'https://hooks.example.org/two'", effect: idempotent }, on_error: skip } } }
steps: { pause: { wait: 1m } }
output: { n: input.n }
)Y"},
      {"only", R"Y(
concurrency: { key: input.card, on_limit: refuse }
steps: { light: { model: light, input: { amount: input.amount }, on_error: skip }, pause: { wait: 5s, after: light } }
output: { n: input.n }
)Y"},
  };
  return kDocuments;
}

/// What events and the clock start, and what waits for events: whole documents but for the input.
const Documents& event_documents() {
  static const std::vector<std::pair<const char*, std::string>> kDocuments{
      {"await", R"Y(
steps:
  first: { listen: { event: tick.counted, key: input.card, match: event.?subject.orValue(''), when: event.data.count % 2 == 0, timeout: 40m }, on_error: skip }
  second: { after: first, listen: { event: "tick.*", timeout: 10m }, on_error: skip }
output: { got: has(first), more: has(second) }
)Y"},
      {"counter", R"Y(
on: { event: tick.count, key: event.data.card, input: { n: event.data.n, amount: "1.0", card: event.data.card } }
state: { schema: { type: object, properties: { count: { type: integer } }, required: [count] }, initial: { count: 0 } }
steps:
  pause: { when: input.n % 3 == 0, wait: 300ms }
  light: { after: pause, when: input.n % 5 == 0, model: light, input: { amount: input.amount }, on_error: skip }
  write: { after: light, state: { count: state.count + 1 } }
  bad: { after: write, when: input.n % 11 == 0, fail: { code: sim.eleven, message: "'no'" } }
  tell: { after: bad, emit: { event: tick.counted, subject: input.card, data: { n: input.n, count: write.count } } }
output: { count: write.count }
)Y"},
      {"relay", R"Y(
on: { event: "tick.*", when: event.type != 'tick.count', key: event.?subject.orValue('none'), input: { n: 1, amount: "2.0", card: event.?subject.orValue('none') } }
steps:
  light: { model: light, input: { amount: input.amount }, on_error: skip }
output: { n: input.n }
)Y"},
      {"bell", R"Y(
on: { event: "tick.loose", key: event.?subject.orValue('none'), input: { n: 1, amount: "2.0", card: event.?subject.orValue('none') } }
concurrency: { key: "input.card < 'c3' ? 'low' : 'high'" }
steps:
  light: { model: light, input: { amount: input.amount }, on_error: skip }
  pause: { wait: 1s, after: light }
output: { n: input.n }
)Y"},
      {"ping", R"Y(
on: { event: ping, key: event.?subject.orValue(''), input: { n: 1, amount: "2.0", card: event.?subject.orValue('') } }
steps:
  again: { emit: { event: ping, subject: "input.card == 'c0' ? 'c1' : 'c0'" }, on_error: skip }
output: { again: has(again) }
)Y"},
      {"nightly", R"Y(
schedule: { every: 10m, missed: one, input: { n: schedule.missed, amount: "1.0", card: "'clock'" } }
steps:
  tell: { emit: { event: tick.loose, subject: "'clock'", data: { n: input.n } } }
output: { n: input.n }
)Y"},
  };
  return kDocuments;
}

constexpr const char* kPapers =
    "signal: papers, schema: { type: object, required: [no], properties: { no: { type: integer }, good: { "
    "type: "
    "boolean } } }, when: signal.payload.?good.orValue(true)";

/// What is told to a run while it is under way; the second version has more steps, in another order. What
/// waits needs the same in both.
Documents versioned_documents() {
  const auto filled = [](std::string text) {
    for (size_t at = text.find("$PAPERS"); at != std::string::npos; at = text.find("$PAPERS"))
      text.replace(at, 7, kPapers);
    return form(std::move(text));
  };
  return {
      {"parcel@1.0.0", filled(R"Y(
steps:
  light: { model: light, input: { amount: input.amount }, on_error: skip }
  papers: { after: light, listen: { $PAPERS, timeout: 30m }, on_error: skip }
  more: { after: papers, listen: { $PAPERS, timeout: 8m }, on_error: skip }
  heard: { listen: { event: tick.counted, key: input.card, match: event.?subject.orValue(''), timeout: 30m }, on_error: skip }
  items: { set: { list: "[1, 2, 3]" } }
  each: { for_each: items.list, concurrency: 2, steps: { nap: { wait: 40s }, ok: { after: nap, set: { v: item } } }, output: ok.v }
  paid: { set: { v: 1 }, compensate: { http: { method: PUT, url: "'https://bank.example.org/undo/' + string(paid.v)", effect: idempotent }, on_error: skip } }
  child: { pipeline: sim/waits, input: { n: input.n, amount: input.amount, card: input.card }, on_error: { value: { score: 0.0 } } }
  opinion: { after: more, when: input.n % 2 == 0, review: { queue: desk, form: $FORM, due: 6m }, on_error: skip }
  no: { after: opinion, when: input.n % 5 == 0, fail: { code: sim.no, message: "'no'" } }
queries: { stage: "has(opinion) ? 'read' : has(papers) ? 'there' : 'asked'", no: { no: papers.?payload.no } }
output: { papers: papers.?payload.no, more: more.?payload.no, each: size(each.results) }
)Y")},
      {"parcel@2.0.0", filled(R"Y(
steps:
  opinion: { after: more, when: input.n % 2 == 0, review: { queue: desk, form: $FORM, due: 6m }, on_error: skip }
  late: { after: opinion, model: heavy, input: { amount: input.amount }, on_error: skip }
  extra: { set: { v: input.n + 1 } }
  paid: { set: { v: 1 }, compensate: { http: { method: PUT, url: "'https://bank.example.org/undo/' + string(paid.v)", effect: idempotent }, on_error: skip } }
  each: { for_each: items.list, concurrency: 2, steps: { before: { set: { v: item } }, nap: { wait: 20s }, ok: { after: nap, set: { v: item } } }, output: ok.v }
  items: { set: { list: "[1, 2, 3]" } }
  no: { after: opinion, when: input.n % 5 == 0, fail: { code: sim.no, message: "'no'" } }
  child: { pipeline: sim/waits, input: { n: input.n, amount: input.amount, card: input.card }, on_error: { value: { score: 0.0 } } }
  more: { after: papers, listen: { $PAPERS, timeout: 8m }, on_error: skip }
  last: { after: [each, late], wait: 2s }
  heard: { listen: { event: tick.counted, key: input.card, match: event.?subject.orValue(''), timeout: 30m }, on_error: skip }
  papers: { after: light, listen: { $PAPERS, timeout: 30m }, on_error: skip }
  light: { model: light, input: { amount: input.amount }, on_error: skip }
queries: { stage: "has(last) ? 'over' : 'under way'" }
output: { papers: papers.?payload.no, more: more.?payload.no, each: size(each.results), extra: extra.v }
)Y")},
  };
}

constexpr const char* kWebhook = R"Y(
webhook: hook@1.0.0
events: [tick.counted, tick.loose]
url: https://hooks.example.org/
mode: batch
batch: 4
retry: { attempts: 4, backoff: 1s..1m }
)Y";

class SceneryResolver final : public workflow::Resolver {
 public:
  explicit SceneryResolver(const rules::RuleTable& limits) : limits_(limits) {
    const Type input = Type::object({{"amount", Type::real()}});
    const Type output = Type::object({{"score", Type::real()}, {"confidence", Type::real()}});
    models_["light"] = {"1.0.0", nullptr, input, output};
    models_["heavy"] = {"2.0.0", nullptr, input, output};
  }
  /// What was compiled can be started by what comes later.
  void add(const workflow::Pipeline& pipeline) {
    pipelines_[pipeline.name] = {pipeline.version, pipeline.input_type, pipeline.output_type};
  }
  const rules::RuleTable* rules(const ArtefactRef& ref) override {
    return ref.name == limits_.name() ? &limits_ : nullptr;
  }
  const workflow::ModelInterface* model(const ArtefactRef& ref) override {
    const auto found = models_.find(ref.name);
    return found == models_.end() ? nullptr : &found->second;
  }
  const workflow::PipelineInterface* pipeline(const ArtefactRef& ref) override {
    const auto found = pipelines_.find(ref.name);
    return found == pipelines_.end() ? nullptr : &found->second;
  }
  const document::Node* costs(const ArtefactRef&) override { return nullptr; }
  Result<std::string> file(const std::string& path) override {
    return make_error(ErrorKind::kNotFound, "sim.no_file", "there is no file " + path);
  }
  std::vector<std::string> names(workflow::Dependency::Kind) override { return {}; }

 private:
  const rules::RuleTable& limits_;
  std::map<std::string, workflow::ModelInterface> models_;
  std::map<std::string, workflow::PipelineInterface> pipelines_;
};

[[noreturn]] void refuse(const char* name, const Diagnostics& diagnostics) {
  for (const auto& diagnostic : diagnostics)
    std::fprintf(stderr, "%s: %s\n", name, diagnostic.to_string().c_str());
  std::exit(2);
}

}  // namespace

Scenery::Scenery() : limits_(std::make_shared<Limits>()) {
  SceneryResolver resolver(*limits_);
  Documents all = step_documents();
  all.insert(all.end(), flow_documents().begin(), flow_documents().end());
  all.insert(all.end(), panel_and_task_documents().begin(), panel_and_task_documents().end());
  all.insert(all.end(), limited_documents().begin(), limited_documents().end());
  all.insert(all.end(), event_documents().begin(), event_documents().end());
  const Documents versioned = versioned_documents();
  all.insert(all.end(), versioned.begin(), versioned.end());
  for (const auto& [name, body] : all) {
    const std::string full =
        std::string(name) + (std::string_view(name).find('@') == std::string_view::npos ? "@1.0.0" : "");
    const std::string text = "pipeline: sim/" + full + kInput + body;
    auto parsed = document::parse(text, name);
    if (parsed.root == nullptr) refuse(name, parsed.diagnostics);
    auto outcome = workflow::compile(*parsed.root, name, resolver);
    if (outcome.pipeline == nullptr) refuse(name, outcome.diagnostics);
    auto pins = std::make_shared<workflow::Pins>();
    pins->governance = offset();
    for (const workflow::Dependency& dependency : outcome.pipeline->dependencies) {
      if (dependency.kind == workflow::Dependency::Kind::kPipeline) {
        pins->pins.push_back(
            {ArtefactKind::kPipeline, dependency.ref.name, "1.0.0", sha256(dependency.ref.name), nullptr});
        continue;
      }
      const bool is_model = dependency.kind == workflow::Dependency::Kind::kModel;
      const std::string version = !is_model ? "1.0.0" : resolver.model(dependency.ref)->version;
      pins->pins.push_back({is_model ? ArtefactKind::kModel : ArtefactKind::kRules, dependency.ref.name,
                            version, sha256(dependency.ref.name), is_model ? nullptr : limits_});
    }
    pins_[outcome.pipeline->full_name()] = std::move(pins);
    resolver.add(*outcome.pipeline);
    subscriptions_.add_agent(outcome.pipeline);
    subscriptions_.add_listeners(outcome.pipeline);
    const bool asked = !outcome.pipeline->on.has_value() && !outcome.pipeline->schedule.has_value();
    const bool later = outcome.pipeline->version != "1.0.0";
    (later ? later_ : asked ? pipelines_ : agents_).push_back(std::move(outcome.pipeline));
  }
  const auto parsed = document::parse(kWebhook, "hook");
  auto hook = events::compile_webhook(*parsed.root, "hook", {});
  if (hook.webhook == nullptr) refuse("hook", hook.diagnostics);
  webhook_ = hook.webhook;
  subscriptions_.add_webhook(webhook_);
}

std::shared_ptr<const events::Webhook> Scenery::webhook(std::string_view name) const {
  return name == webhook_->name ? webhook_ : nullptr;
}

std::vector<std::shared_ptr<const workflow::Pipeline>> Scenery::scheduled() const {
  std::vector<std::shared_ptr<const workflow::Pipeline>> scheduled;
  for (const auto& pipeline : agents_)
    if (pipeline->schedule.has_value()) scheduled.push_back(pipeline);
  return scheduled;
}

Scenery::~Scenery() = default;

std::shared_ptr<const workflow::Pipeline> Scenery::pipeline(std::string_view name,
                                                            std::string_view version) const {
  for (const auto* list : {&pipelines_, &agents_, &later_})
    for (const auto& pipeline : *list)
      if (pipeline->name == name && (version.empty() || pipeline->version == version)) return pipeline;
  return nullptr;
}

std::shared_ptr<const workflow::Pipeline> Scenery::pipeline_by_hash(const Sha256& hash) const {
  for (const auto* list : {&pipelines_, &agents_, &later_})
    for (const auto& pipeline : *list)
      if (pipeline->hash == hash) return pipeline;
  return nullptr;
}

Result<std::shared_ptr<const workflow::Pins>> Scenery::pins_for(const workflow::Pipeline& pipeline) const {
  return pins_.at(pipeline.full_name());
}

std::shared_ptr<const rules::RuleTable> Scenery::rules(std::string_view name, std::string_view) const {
  return name == limits_->name() ? limits_ : nullptr;
}

TableWatch& table_watch() {
  thread_local TableWatch watch;
  return watch;
}

std::shared_ptr<const Scenery> scenery() {
  static const auto kScenery = std::make_shared<const Scenery>();
  return kScenery;
}

}  // namespace switchyard::sim
