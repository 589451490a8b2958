#include <algorithm>
#include <utility>

#include "model.h"
#include "switchyard/testing/seeded_random.h"

namespace switchyard::language {
namespace {

using testing::SeededRandom;

/// What an expression may read at some place of the document.
using Scope = std::vector<Number>;

constexpr int kDeepest = 3;

class Generator {
 public:
  Generator(uint64_t seed, int size) : random_(seed), left_(size) {}

  Program program() {
    Program program;
    program.input = pick(-3, 12);
    const int children = random_.one_in(3) ? 1 + static_cast<int>(random_.below(2)) : 0;
    for (int i = children; i > 0; --i) {
      const int rest = std::exchange(left_, 4);
      program.pipelines.insert(program.pipelines.begin(), pipeline("gen/child" + std::to_string(i)));
      children_.push_back("gen/child" + std::to_string(i));
      left_ = rest;
    }
    program.pipelines.insert(program.pipelines.begin(), pipeline("gen/main"));
    return program;
  }

 private:
  int64_t pick(int64_t least, int64_t most) {
    return least + static_cast<int64_t>(random_.below(static_cast<uint64_t>(most - least + 1)));
  }
  std::string fresh(const char* prefix) { return prefix + std::to_string(++names_); }

  Pipeline pipeline(const std::string& name) {
    Pipeline result;
    result.name = name;
    is_main_ = name == "gen/main";
    Scope scope{variable("input", {"n"})};
    result.root = steps(scope, 0, 2 + static_cast<int>(random_.below(5)), true);
    for (int i = 0; i < 3; ++i) result.shown.push_back(number(scope, 1));
    if (random_.one_in(4)) {
      Scope own{variable("input", {"n"})};
      result.finally = steps(own, kDeepest, 1, false);
    }
    return result;
  }

  static Number variable(const std::string& name, std::vector<std::string> fields = {}) {
    Number number;
    number.kind = Number::Kind::kName;
    number.name = name;
    number.fields = std::move(fields);
    return number;
  }

  // --- expressions
  Number constant() {
    Number number;
    number.constant = random_.one_in(40) ? INT64_MAX - 2 : pick(0, 9);
    return number;
  }
  Number number(const Scope& scope, int depth) {
    if (depth == 0 || random_.one_in(3)) {
      if (scope.empty() || random_.one_in(4)) return constant();
      return scope[scope.size() - 1 - random_.below(std::min<size_t>(scope.size(), 6))];
    }
    Number result;
    const auto part = [&] { result.parts.push_back(number(scope, depth - 1)); };
    part(), part();
    switch (random_.below(7)) {
      case 0: result.kind = Number::Kind::kSubtract; break;
      case 1: result.kind = Number::Kind::kMultiply; break;
      case 2:
        result.kind = Number::Kind::kDivide;
        // A constant zero is refused before anything runs.
        result.parts[1] = scope.empty() ? constant() : scope[random_.below(scope.size())];
        if (result.parts[1].kind == Number::Kind::kConstant) result.parts[1].constant = 3;
        break;
      case 3: result.kind = Number::Kind::kChoose, part(), part(); break;
      default: result.kind = Number::Kind::kAdd;
    }
    return result;
  }
  Condition condition(const Scope& scope) {
    Condition result;
    result.left = scope.empty() ? constant() : scope[random_.below(scope.size())];
    result.right = constant();
    result.negated = random_.one_in(2);
    return result;
  }

  // --- steps
  /// Appends what the steps give to `scope`.
  Steps steps(Scope& scope, int depth, int count, bool root) {
    Steps result;
    for (int i = 0; i < count && (i == 0 || left_ > 0); ++i) {
      --left_;
      result.steps.push_back(step(scope, depth, root));
    }
    return result;
  }

  Step::Kind kind(int depth) {
    const uint64_t roll = random_.below(depth >= kDeepest ? 60 : 100);
    if (roll < 14) return Step::Kind::kSet;
    if (roll < 20) return Step::Kind::kEmit;
    if (roll < 28) return Step::Kind::kFail;
    if (roll < 45) return Step::Kind::kHttp;
    if (roll < 50) return Step::Kind::kReview;
    if (roll < 54) return Step::Kind::kWait;
    if (roll < 60) return children_.empty() ? Step::Kind::kSet : Step::Kind::kChild;
    if (roll < 72) return Step::Kind::kForEach;
    if (roll < 80) return Step::Kind::kRepeat;
    if (roll < 88) return Step::Kind::kSequence;
    return Step::Kind::kTry;
  }

  Step step(Scope& scope, int depth, bool root) {
    Step result;
    result.name = fresh("s");
    result.kind = kind(depth);
    // Elsewhere the same step may listen more than once, each time for the same event.
    if (root && is_main_ && random_.one_in(7)) result.kind = Step::Kind::kListen;
    if (random_.one_in(3) || result.kind == Step::Kind::kFail) result.when = condition(scope);
    switch (result.kind) {
      case Step::Kind::kSet:
      case Step::Kind::kEmit: result.value = number(scope, 2); break;
      case Step::Kind::kFail: result.code = random_.one_in(2) ? "demo.one" : "demo.two"; break;
      case Step::Kind::kChild:
        result.child = children_[random_.below(children_.size())];
        result.value = number(scope, 1);
        break;
      case Step::Kind::kForEach: for_each(result, scope, depth); break;
      case Step::Kind::kRepeat: repeat(result, scope, depth); break;
      case Step::Kind::kSequence:
        inner(result.body, scope, depth, 1 + static_cast<int>(random_.below(3)));
        break;
      case Step::Kind::kTry: attempt(result, scope, depth); break;
      default: break;
    }
    on_error(result, scope);
    const bool can_be_undone = result.kind != Step::Kind::kFail && result.kind != Step::Kind::kWait;
    if (can_be_undone && random_.one_in(root ? 5 : 8)) {
      Scope own{variable("input", {"n"})};
      result.compensation = steps(own, kDeepest, 1, false);
    }
    add_views(result, scope);
    return result;
  }

  void on_error(Step& step, const Scope& scope) {
    if (step.kind == Step::Kind::kHttp || step.kind == Step::Kind::kTry || step.kind == Step::Kind::kSequence)
      step.attempts = random_.one_in(3) ? 2 : 1;
    if (step.kind == Step::Kind::kReview || step.kind == Step::Kind::kWait || step.kind == Step::Kind::kFail)
      return;
    const uint64_t roll = random_.below(4);
    if (roll == 0) step.on_error = Step::OnError::kSkip;
    const bool shaped = step.kind == Step::Kind::kSet || step.kind == Step::Kind::kHttp ||
                        step.kind == Step::Kind::kSequence || step.kind == Step::Kind::kTry ||
                        step.kind == Step::Kind::kChild;
    if (roll == 1 && shaped && step.kind != Step::Kind::kChild) {
      step.on_error = Step::OnError::kValue;
      step.fallback = number(scope, 0);
    }
  }

  /// A block whose steps see the scope around it; its output reads what they give.
  void inner(Steps& body, const Scope& outer, int depth, int count) {
    Scope scope = outer;
    body = steps(scope, depth + 1, count, false);
    body.output = number(scope, 1);
  }

  void for_each(Step& step, const Scope& scope, int depth) {
    const size_t count = random_.below(5);
    for (size_t i = 0; i < count; ++i) step.items.push_back(number(scope, 0));
    // An empty list has items of no type.
    if (step.items.empty()) step.items.push_back(variable("input", {"n"}));
    step.variable = fresh("item");
    step.item_error = static_cast<Step::ItemError>(random_.below(3));
    if (step.item_error != Step::ItemError::kFail && random_.one_in(3)) step.concurrency = 3;
    Scope own = scope;
    own.push_back(variable(step.variable));
    own.push_back(variable(step.variable + "_index"));
    inner(step.body, own, depth, 1 + static_cast<int>(random_.below(2)));
  }

  void repeat(Step& step, const Scope& scope, int depth) {
    step.value = number(scope, 0);
    step.variable = fresh("carry");
    step.max = static_cast<int>(pick(1, 4));
    step.fail_on_max = random_.one_in(2);
    step.pause = random_.one_in(3);
    Scope own = scope;
    own.push_back(variable(step.variable));
    own.push_back(variable(step.variable + "_index"));
    step.body = steps(own, depth + 1, 1 + static_cast<int>(random_.below(2)), false);
    step.body.output = number(own, 1);
    step.until = condition(own);
  }

  void attempt(Step& step, const Scope& scope, int depth) {
    inner(step.body, scope, depth, 1 + static_cast<int>(random_.below(3)));
    const size_t clauses = random_.below(3);
    static const std::vector<std::vector<std::string>> kCodes{
        {"demo.one"}, {"demo.*"}, {"stub.*", "step.timeout"}, {"expression.*"}, {}};
    for (size_t i = 0; i < clauses; ++i) {
      Clause clause;
      clause.codes = kCodes[random_.below(kCodes.size())];
      inner(clause.body, scope, depth, 1);
      step.clauses.push_back(std::move(clause));
    }
    if (clauses == 0 || random_.one_in(3)) {
      Scope own = scope;
      step.finally = steps(own, depth + 1, 1, false);
    }
  }

  void add_views(const Step& step, Scope& scope) {
    const bool absent = step.when.has_value() || step.on_error == Step::OnError::kSkip;
    const auto add = [&](std::vector<std::string> fields, bool size = false) {
      Number view = variable(step.name, std::move(fields));
      view.size = size;
      view.may_be_absent = absent;
      view.constant = pick(0, 5);
      scope.push_back(std::move(view));
    };
    switch (step.kind) {
      case Step::Kind::kFail:
      case Step::Kind::kEmit:
      case Step::Kind::kWait: break;
      case Step::Kind::kHttp: add({"body", "v"}); break;
      case Step::Kind::kListen: add({"data", "v"}); break;
      case Step::Kind::kForEach: add({"count"}), add({"results"}, true), add({"failures"}, true); break;
      case Step::Kind::kRepeat: add({"value"}), add({"iterations"}); break;
      default: add({"v"});
    }
  }

  SeededRandom random_;
  int left_;
  int names_ = 0;
  bool is_main_ = false;
  std::vector<std::string> children_;
};

}  // namespace

Program generate(uint64_t seed, int size) { return Generator(seed, size).program(); }

}  // namespace switchyard::language
