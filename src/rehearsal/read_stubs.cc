#include "read_stubs.h"

#include <algorithm>

#include "entries.h"
#include "fit.h"
#include "places.h"

namespace switchyard::rehearsal {
namespace {

using document::Node;
using workflow::StepKind;

constexpr ErrorKind kKinds[] = {
    ErrorKind::kInvalidArgument, ErrorKind::kUnauthenticated,   ErrorKind::kPermissionDenied,
    ErrorKind::kNotFound,        ErrorKind::kConflict,          ErrorKind::kTooLarge,
    ErrorKind::kUnprocessable,   ErrorKind::kResourceExhausted, ErrorKind::kInternal,
    ErrorKind::kUnavailable,     ErrorKind::kDeadlineExceeded,  ErrorKind::kIo};

bool asks_outside(const workflow::Step& step) { return workflow::is_effect(step.kind); }

/// The models of an ensemble or a cascade; nullptr: the step is none.
const std::vector<workflow::PanelMember>* members_of(const workflow::Step& step) {
  if (const auto* ensemble = std::get_if<workflow::EnsembleSpec>(&step.spec)) return &ensemble->members;
  const auto* cascade = std::get_if<workflow::CascadeSpec>(&step.spec);
  return cascade == nullptr ? nullptr : &cascade->tiers;
}

/// What the result says of a member's answer.
expression::Type member_type(const workflow::Step& step, const std::string& name) {
  if (const auto* members = step.result_type.find_field("members"); members != nullptr) {
    const auto* own = members->type.find_field(name);
    return own == nullptr ? expression::Type::dyn() : own->type;
  }
  const auto* tiers = step.result_type.find_field("tiers");
  const auto* answer = tiers == nullptr ? nullptr : tiers->type.element().find_field("answer");
  return answer == nullptr ? expression::Type::dyn() : answer->type;
}

/// As the server's client takes it: what the far side may get over is worth another try.
Error unexpected_status(int64_t status) {
  const bool passing = status >= 500 || status == 408 || status == 425 || status == 429;
  return make_error(passing ? ErrorKind::kUnavailable : ErrorKind::kUnprocessable, "http.unexpected_status",
                    "the stub answered with status " + std::to_string(status));
}

bool expected(const workflow::HttpSpec& spec, int64_t status) {
  if (spec.expect.empty()) return status >= 200 && status < 300;
  return std::find(spec.expect.begin(), spec.expect.end(), status) != spec.expect.end();
}

}  // namespace

void StubReader::unknown_step(document::Position at, const std::string& path, const std::string& name) {
  const std::vector<std::string> names = step_names(*pipeline_, catalog_);
  const std::string near = document::nearest(name, names);
  reporter_.error(at, path, "test.unknown_step",
                  "pipeline " + pipeline_->name + " has no step '" + name + "'" +
                      (near.empty() ? "" : "; did you mean '" + near + "'?"),
                  near.empty() ? "name one of its steps" : "write " + near);
}

const workflow::Step* StubReader::find(document::Position at, const std::string& path,
                                       const std::string& name, bool review) {
  if (pipeline_ == nullptr) return nullptr;
  const auto found = steps_named(*pipeline_, name, catalog_);
  if (found.empty()) {
    unknown_step(at, path, name);
    return nullptr;
  }
  for (const workflow::Step* step : found)
    if (review ? step->kind == StepKind::kReview : asks_outside(*step)) return step;
  reporter_.error(at, path, "test.wrong_step",
                  "step '" + name + "' is of the kind " +
                      std::string(workflow::step_kind_name(found.front()->kind)) +
                      (review ? " and asks nobody" : " and runs for real"),
                  review ? "name a review step" : "remove the stub; only what asks the outside has one");
  return nullptr;
}

void StubReader::stubs(const Node& node, const std::string& path, std::vector<Stubs>& stubs) {
  Entries entries(node, path, "`stubs`", reporter_);
  for (const document::Entry& entry : node.entries) {
    const std::string here = entries.path(entry.key);
    const workflow::Step* step = find(entry.position, here, entry.key, false);
    if (step == nullptr && pipeline_ != nullptr) continue;
    Stubs list;
    list.path = entry.key;
    if (entry.value.is(Node::Kind::kSequence)) {
      for (size_t i = 0; i < entry.value.items.size(); ++i)
        list.attempts.push_back(stub(entry.value.items[i], document::child_path(here, i), step));
    } else {
      list.attempts.push_back(stub(entry.value, here, step));
    }
    if (list.attempts.empty())
      reporter_.error(entry.value.position, here, "test.no_stub", "the list is empty",
                      "write what each attempt gives");
    else
      stubs.push_back(std::move(list));
  }
}

Stub StubReader::stub(const Node& node, const std::string& path, const workflow::Step* step) {
  Stub stub;
  Entries entries(node, path, "a stub", reporter_);
  const Node* answer_node = entries.find("answer");
  const Node* fail = entries.find("fail");
  const Node* never = entries.find("never");
  const Node* real = entries.find("real");
  const Node* status = node.find("status");
  const bool asks_several = step == nullptr || members_of(*step) != nullptr;
  const Node* several = asks_several ? entries.find("members") : nullptr;
  stub.delay_us = entries.duration("after").value_or(0);
  const bool http = step == nullptr ? status != nullptr : step->kind == StepKind::kHttp;
  if (http)
    for (const char* key : {"status", "headers", "body"}) entries.find(key);
  entries.finish();
  if (!entries.is_mapping()) return stub;
  const bool has_parts = status != nullptr || node.find("headers") != nullptr || node.find("body") != nullptr;
  const int said = (answer_node != nullptr) + (fail != nullptr) + (never != nullptr) + (real != nullptr) +
                   (several != nullptr) + (http && has_parts);
  if (said > 1 || (said == 0 && !http)) {
    reporter_.error(
        node.position, path, "test.bad_stub", "a stub says one thing: what the attempt gives",
        "write answer, fail, never: true or real: true" + std::string(http ? ", or status and body" : ""));
    return stub;
  }
  if (several != nullptr) {
    if (step != nullptr) members(*several, path + ".members", *step, stub);
  } else if (fail != nullptr) {
    failure(*fail, path + ".fail", stub);
  } else if (never != nullptr || real != nullptr) {
    stub.what = never != nullptr ? Stub::What::kNever : Stub::What::kReal;
    const Node& word = never != nullptr ? *never : *real;
    if (!word.is(Node::Kind::kBool) || !word.boolean)
      reporter_.error(word.position, path, "test.bad_stub", "here can only stand true",
                      "write true, or an answer");
    if (real != nullptr && step != nullptr && step->kind != StepKind::kModel && members_of(*step) == nullptr)
      reporter_.error(word.position, path + ".real", "test.not_a_model",
                      "only models run for real; step '" + step->name + "' is of the kind " +
                          std::string(workflow::step_kind_name(step->kind)),
                      "write the answer");
  } else if (answer_node != nullptr) {
    stub.answer = answer(*answer_node, path + ".answer", step);
  } else if (step != nullptr) {
    stub.answer = http_answer(node, path, *step, stub);
  }
  return stub;
}

void StubReader::members(const Node& node, const std::string& path, const workflow::Step& step, Stub& stub) {
  stub.what = Stub::What::kMembers;
  Entries entries(node, path, "`members`", reporter_);
  std::vector<std::string> names;
  for (const workflow::PanelMember& member : *members_of(step)) names.push_back(member.name);
  for (const document::Entry& entry : node.entries) {
    const std::string here = entries.path(entry.key);
    if (std::find(names.begin(), names.end(), entry.key) != names.end()) {
      stub.members.emplace_back(entry.key, member(entry.value, here, member_type(step, entry.key)));
      continue;
    }
    const std::string near = document::nearest(entry.key, names);
    reporter_.error(entry.position, here, "test.unknown_member",
                    "step '" + step.name + "' asks no '" + entry.key + "'",
                    near.empty() ? "name one of the models that it asks" : "write " + near);
  }
}

Stub StubReader::member(const Node& node, const std::string& path, const expression::Type& type) {
  Stub stub;
  Entries entries(node, path, "a stub", reporter_);
  const Node* answer = entries.find("answer");
  const Node* fail = entries.find("fail");
  const Node* never = entries.find("never");
  const Node* real = entries.find("real");
  stub.delay_us = entries.duration("after").value_or(0);
  entries.finish();
  if (!entries.is_mapping()) return stub;
  const Node* word = never != nullptr ? never : real;
  const bool bad_word = word != nullptr && !(word->is(Node::Kind::kBool) && word->boolean);
  if ((answer != nullptr) + (fail != nullptr) + (never != nullptr) + (real != nullptr) != 1 || bad_word) {
    reporter_.error(node.position, path, "test.bad_stub", "a stub says one thing: what the model gives",
                    "write answer, fail, never: true or real: true");
    return stub;
  }
  if (fail != nullptr) {
    failure(*fail, path + ".fail", stub);
  } else if (word != nullptr) {
    stub.what = never != nullptr ? Stub::What::kNever : Stub::What::kReal;
  } else {
    auto arena = std::make_shared<Arena>(512);
    const Value value = fit(*answer, type, path + ".answer", *arena, reporter_);
    stub.answer = Document(std::move(arena), value);
  }
  return stub;
}

void StubReader::failure(const Node& node, const std::string& path, Stub& stub) {
  stub.what = Stub::What::kFail;
  stub.error = make_error(ErrorKind::kUnavailable, "stub.failed", "the stub failed");
  if (node.is(Node::Kind::kString)) {
    stub.error.code = node.text;
    return;
  }
  Entries entries(node, path, "`fail`", reporter_);
  if (const auto code = entries.text("code")) stub.error.code = *code;
  if (const auto message = entries.text("message")) stub.error.message = *message;
  if (const auto kind = entries.text("kind")) {
    const auto found = std::find_if(std::begin(kKinds), std::end(kKinds),
                                    [&](ErrorKind k) { return error_kind_name(k) == *kind; });
    if (found != std::end(kKinds)) {
      stub.error.kind = *found;
    } else {
      std::vector<std::string> names;
      for (const ErrorKind k : kKinds) names.emplace_back(error_kind_name(k));
      const std::string near = document::nearest(*kind, names);
      entries.error(
          *node.find("kind"), "kind", "test.unknown_kind", "'" + *kind + "' is no kind of error",
          "write " + (near.empty() ? "unavailable, where another try may help, or unprocessable" : near));
    }
  }
  entries.finish();
}

Document StubReader::answer(const Node& node, const std::string& path, const workflow::Step* step) {
  auto arena = std::make_shared<Arena>(512);
  const Value value = step == nullptr ? document::to_value(node, *arena)
                                      : fit(node, step->result_type, path, *arena, reporter_);
  return Document(std::move(arena), value);
}

Document StubReader::http_answer(const Node& node, const std::string& path, const workflow::Step& step,
                                 Stub& stub) {
  Node filled = node;
  std::erase_if(filled.entries, [](const document::Entry& e) { return e.key == "after"; });
  const auto add = [&](const char* key, Node value) {
    if (filled.find(key) != nullptr) return;
    value.position = node.position;
    filled.entries.push_back({key, node.position, std::move(value)});
  };
  Node status, headers;
  status.kind = Node::Kind::kInteger;
  status.integer = 200;
  status.text = "200";
  headers.kind = Node::Kind::kMapping;
  add("status", status);
  add("headers", headers);
  add("body", Node());
  const Node* given = filled.find("status");
  if (given->is(Node::Kind::kInteger) && !expected(std::get<workflow::HttpSpec>(step.spec), given->integer)) {
    stub.what = Stub::What::kFail;
    stub.error = unexpected_status(given->integer);
    return {};
  }
  return answer(filled, path, &step);
}

void StubReader::people(const Node& node, const std::string& path, std::vector<PersonAnswer>& people) {
  Entries entries(node, path, "`people`", reporter_);
  for (const document::Entry& entry : node.entries) {
    const std::string here = entries.path(entry.key);
    const workflow::Step* step = find(entry.position, here, entry.key, true);
    const bool several = entry.value.is(Node::Kind::kSequence);
    const size_t count = several ? entry.value.items.size() : 1;
    for (size_t i = 0; i < count; ++i) {
      const Node& item = several ? entry.value.items[i] : entry.value;
      Entries own(item, several ? document::child_path(here, i) : here, "an answer", reporter_);
      PersonAnswer person;
      person.path = entry.key;
      if (const auto who = own.text("by")) person.who = *who;
      person.after_us = own.duration("after").value_or(0);
      const Node* answer_node = own.find("answer");
      own.finish();
      if (!own.is_mapping()) continue;
      if (answer_node == nullptr) {
        own.error(item, "answer", "test.no_answer", "the person says nothing", "add answer: { ... }");
        continue;
      }
      auto arena = std::make_shared<Arena>(256);
      const workflow::ReviewSpec* spec =
          step == nullptr ? nullptr : std::get_if<workflow::ReviewSpec>(&step->spec);
      const Value value =
          spec == nullptr || spec->form == nullptr
              ? document::to_value(*answer_node, *arena)
              : fit(*answer_node, *spec->form, own.path("answer"), "the answer", *arena, reporter_);
      person.answer = Document(std::move(arena), value);
      people.push_back(std::move(person));
    }
  }
}

bool StubReader::read_signal(Entries& entries, const std::string& name, const Node* payload, Move& move) {
  move.what = Move::What::kSignal;
  move.signal = name;
  auto arena = std::make_shared<Arena>(512);
  Value value = payload == nullptr ? Value() : document::to_value(*payload, *arena);
  if (pipeline_ != nullptr) {
    const workflow::Signal* known = pipeline_->find_signal(name);
    if (known == nullptr) {
      entries.error(*entries.find("signal"), "signal", "test.unknown_signal",
                    "no step of the pipeline listens to a signal '" + name + "'",
                    "name one that a step listens to: listen: { signal: ... }");
      return false;
    }
    if (known->schema != nullptr && payload != nullptr)
      value = fit(*payload, *known->schema, entries.path("payload"), "the payload", *arena, reporter_);
  }
  move.payload = Document(std::move(arena), value);
  return true;
}

void StubReader::moves(const Node& node, const std::string& path, std::vector<Move>& moves) {
  if (!node.is(Node::Kind::kSequence)) {
    reporter_.error(node.position, path, "test.wrong_type", "`then` is a list, not " + node.describe(),
                    "write then: [ { after: 2h, cancel: true } ]");
    return;
  }
  for (size_t i = 0; i < node.items.size(); ++i) {
    Entries entries(node.items[i], document::child_path(path, i), "an item of `then`", reporter_);
    Move move;
    move.after_us = entries.duration("after").value_or(0);
    const Node* cancel = entries.find("cancel");
    const auto signal = entries.text("signal");
    const Node* payload = entries.find("payload");
    if (const auto who = entries.text("by")) move.who = *who;
    if (const auto why = entries.text("why")) move.why = *why;
    entries.finish();
    if (!entries.is_mapping()) continue;
    const bool cancels = cancel != nullptr && cancel->is(Node::Kind::kBool) && cancel->boolean;
    if (cancels == signal.has_value()) {
      entries.error(node.items[i], "cancel", "test.bad_move", "the item does not say what happens",
                    "add cancel: true, or signal: <name> with its payload");
      continue;
    }
    if (signal.has_value() && !read_signal(entries, *signal, payload, move)) continue;
    moves.push_back(std::move(move));
  }
}

}  // namespace switchyard::rehearsal
