#include "model.h"

namespace switchyard::language {
namespace {

std::string quoted(const std::string& text) { return "\"" + text + "\""; }

std::string name_text(const Number& number) {
  std::string path = number.name;
  for (const std::string& field : number.fields) path += "." + field;
  const std::string read = number.size ? "size(" + path + ")" : path;
  if (!number.may_be_absent) return read;
  return "(has(" + number.name + ") ? " + read + " : " + std::to_string(number.constant) + ")";
}

std::string steps_text(const Steps& steps);

std::string output_text(const Steps& steps, bool bare) {
  if (!steps.output.has_value()) return {};
  const std::string text = quoted(to_text(*steps.output));
  return ", output: " + (bare ? text : "{ v: " + text + " }");
}

std::string list_text(const std::vector<std::string>& items) {
  std::string text = "[";
  for (const std::string& item : items) text += (text.size() == 1 ? "" : ", ") + item;
  return text + "]";
}

std::string kind_text(const Step& step) {
  switch (step.kind) {
    case Step::Kind::kSet: return "set: { v: " + quoted(to_text(step.value)) + " }";
    case Step::Kind::kFail: return "fail: { code: " + step.code + ", message: \"'" + step.code + "'\" }";
    case Step::Kind::kHttp:
      return "http: { method: GET, url: \"'https://example.org/'\", response: { type: object, properties: { "
             "v: { type: "
             "integer } }, required: [v] } }";
    case Step::Kind::kReview:
      return "review: { queue: desk, form: { type: object, properties: { v: { type: integer } }, required: "
             "[v] } }";
    case Step::Kind::kWait: return "wait: 5s";
    case Step::Kind::kEmit:
      return "emit: { event: " + std::string(kTold) + ", data: { v: " + quoted(to_text(step.value)) + " } }";
    case Step::Kind::kListen: return "listen: { event: " + event_of(step) + ", timeout: 1h }";
    case Step::Kind::kForEach: {
      std::vector<std::string> items;
      for (const Number& item : step.items) items.push_back(to_text(item));
      std::string text = "for_each: " + quoted(list_text(items)) + ", as: " + step.variable;
      if (step.concurrency != 1) text += ", concurrency: " + std::to_string(step.concurrency);
      if (step.item_error == Step::ItemError::kSkip) text += ", on_item_error: skip";
      if (step.item_error == Step::ItemError::kValue) text += ", on_item_error: { value: -1 }";
      return text + ", steps: " + steps_text(step.body) + output_text(step.body, true);
    }
    case Step::Kind::kRepeat:
      return "repeat: { from: " + quoted(to_text(step.value)) + ", as: " + step.variable +
             ", until: " + quoted(to_text(step.until)) + ", max: " + std::to_string(step.max) +
             (step.fail_on_max ? "" : ", on_max: stop") + (step.pause ? ", pause: 3s" : "") +
             " }, steps: " + steps_text(step.body) + output_text(step.body, true);
    case Step::Kind::kSequence: {
      std::string text = "sequence: [";
      bool first = true;
      const std::string steps = steps_text(step.body);
      // The same steps as a list; `after` is not needed there.
      Steps own = step.body;
      (void)steps;
      for (Step& inner : own.steps) {
        Steps one;
        one.steps.push_back(inner);
        text += std::string(first ? "" : ", ") + steps_text(one);
        first = false;
      }
      return text + "]" + output_text(step.body, false);
    }
    case Step::Kind::kTry: {
      std::string text = "try: { steps: " + steps_text(step.body) + output_text(step.body, false) + " }";
      if (!step.clauses.empty()) {
        text += ", catch: [";
        for (size_t i = 0; i < step.clauses.size(); ++i) {
          const Clause& clause = step.clauses[i];
          std::vector<std::string> codes;
          for (const std::string& code : clause.codes) codes.push_back(quoted(code));
          text += std::string(i == 0 ? "" : ", ") + "{ as: " + step.name + "_error, " +
                  (codes.empty() ? "" : "on: " + list_text(codes) + ", ") +
                  "steps: " + steps_text(clause.body) + output_text(clause.body, false) + " }";
        }
        text += "]";
      }
      if (step.finally.has_value()) text += ", finally: { steps: " + steps_text(*step.finally) + " }";
      return text;
    }
    case Step::Kind::kChild:
      return "pipeline: " + step.child + ", input: { n: " + quoted(to_text(step.value)) + " }";
  }
  return {};
}

/// The result of a step that fell back: only v counts.
std::string fallback_text(const Step& step) {
  const std::string v = quoted(to_text(step.fallback));
  switch (step.kind) {
    case Step::Kind::kHttp: return "{ status: 0, headers: {}, body: { v: " + v + " } }";
    default: return "{ v: " + v + " }";
  }
}

std::string steps_text(const Steps& steps) {
  std::string text = "{ ";
  std::string before;
  for (const Step& step : steps.steps) {
    if (!before.empty()) text += ", ";
    text += step.name + ": { " + kind_text(step);
    if (!before.empty()) text += ", after: " + before;
    if (step.when.has_value()) text += ", when: " + quoted(to_text(*step.when));
    if (step.attempts > 1)
      text += ", retry: { attempts: " + std::to_string(step.attempts) + ", backoff: 1s..8s }";
    if (step.kind == Step::Kind::kHttp) text += ", timeout: 4s";
    if (step.on_error == Step::OnError::kSkip) text += ", on_error: skip";
    if (step.on_error == Step::OnError::kValue) text += ", on_error: { value: " + fallback_text(step) + " }";
    if (step.compensation.has_value())
      text += ", compensate: { steps: " + steps_text(*step.compensation) + " }";
    text += " }";
    before = step.name;
  }
  return text + " }";
}

}  // namespace

std::string to_text(const Number& number) {
  const auto part = [&](size_t i) { return to_text(number.parts[i]); };
  switch (number.kind) {
    case Number::Kind::kConstant: return std::to_string(number.constant);
    case Number::Kind::kName: return name_text(number);
    case Number::Kind::kAdd: return "(" + part(0) + " + " + part(1) + ")";
    case Number::Kind::kSubtract: return "(" + part(0) + " - " + part(1) + ")";
    case Number::Kind::kMultiply: return "(" + part(0) + " * " + part(1) + ")";
    case Number::Kind::kDivide: return "(" + part(0) + " / " + part(1) + ")";
    case Number::Kind::kChoose:
      return "(" + part(0) + " < " + part(1) + " ? " + part(2) + " : " + part(3) + ")";
  }
  return {};
}

std::string to_text(const Condition& condition) {
  const std::string text = to_text(condition.left) + " < " + to_text(condition.right);
  return condition.negated ? "!(" + text + ")" : text;
}

std::string event_of(const Step& step) { return "gen." + step.name; }

std::vector<std::string> event_documents(const Program& program) {
  const auto document = [](const std::string& type) {
    return "event: " + type +
           "@1.0.0\nschema: { type: object, properties: { v: { type: integer } }, required: [v] }\n";
  };
  std::vector<std::string> documents{document(kTold)};
  for (const Step& step : program.pipelines.front().root.steps)
    if (step.kind == Step::Kind::kListen) documents.push_back(document(event_of(step)));
  return documents;
}

std::string to_document(const Pipeline& pipeline) {
  std::string text =
      "pipeline: " + pipeline.name +
      "@1.0.0\ninput: { schema: { type: object, properties: { n: { type: integer } }, required: [n] } }\n";
  text += "steps:\n";
  std::string before;
  for (const Step& step : pipeline.root.steps) {
    Steps one;
    one.steps.push_back(step);
    std::string line = steps_text(one);
    line = line.substr(2, line.size() - 4);
    if (!before.empty()) line.insert(line.size() - 2, ", after: " + before);
    text += "  " + line + "\n";
    before = step.name;
  }
  if (pipeline.finally.has_value()) text += "finally: { steps: " + steps_text(*pipeline.finally) + " }\n";
  text += "output: { ";
  for (size_t i = 0; i < pipeline.shown.size(); ++i)
    text += (i == 0 ? "" : ", ") + std::string(i == 0 ? "v" : "o" + std::to_string(i)) + ": " +
            quoted(to_text(pipeline.shown[i]));
  return text + " }\n";
}

}  // namespace switchyard::language
