#include "reference.h"

#include <algorithm>

#include "switchyard/base/hash.h"

namespace switchyard::language {
namespace {

/// What a step gave: a number, a list, or fields.
struct Thing {
  int64_t number = 0;
  std::vector<Thing> list;
  std::map<std::string, Thing> fields;
};

/// Absent when there is no entry.
using Names = std::map<std::string, Thing>;

/// A failure on its way outwards.
struct Failure {
  std::string code;
  bool may_pass = false;
};

struct Undo {
  const Steps* steps;
  std::string prefix;
};

class Run {
 public:
  Run(const Program& program, const Pipeline& pipeline, int64_t input, std::string prefix, uint64_t seed,
      Expected& expected)
      : program_(program), pipeline_(pipeline), prefix_(std::move(prefix)), seed_(seed), expected_(expected) {
    names_["input"].fields["n"].number = input;
    is_main_ = prefix_.empty();
  }

  /// The output, or how it failed.
  std::vector<int64_t> run() {
    std::vector<int64_t> output;
    try {
      Names names = names_;
      all_steps(pipeline_.root, names, "");
      for (const Number& number : pipeline_.shown) output.push_back(evaluate(number, names));
    } catch (const Failure& failure) {
      unwinding_ = true;
      for (size_t i = undo_.size(); i-- > 0;) ignore_failure(*undo_[i].steps, undo_[i].prefix);
      if (pipeline_.finally.has_value()) ignore_failure(*pipeline_.finally, "finally.");
      throw failure;
    }
    unwinding_ = true;
    if (pipeline_.finally.has_value()) {
      Names names = names_;
      all_steps(*pipeline_.finally, names, "finally.");
    }
    return output;
  }

 private:
  void ignore_failure(const Steps& steps, const std::string& prefix) {
    try {
      Names names = names_;
      all_steps(steps, names, prefix);
    } catch (const Failure&) {
    }
  }

  // --- expressions
  static int64_t checked(bool overflows, const int64_t& value) {
    if (overflows) throw Failure{"expression.overflow"};
    return value;
  }
  int64_t evaluate(const Number& number, const Names& names) const {
    const auto part = [&](size_t i) { return evaluate(number.parts[i], names); };
    int64_t result = 0;
    switch (number.kind) {
      case Number::Kind::kConstant: return number.constant;
      case Number::Kind::kName: return read(number, names);
      case Number::Kind::kAdd: {
        const int64_t a = part(0), b = part(1);
        return checked(__builtin_add_overflow(a, b, &result), result);
      }
      case Number::Kind::kSubtract: {
        const int64_t a = part(0), b = part(1);
        return checked(__builtin_sub_overflow(a, b, &result), result);
      }
      case Number::Kind::kMultiply: {
        const int64_t a = part(0), b = part(1);
        return checked(__builtin_mul_overflow(a, b, &result), result);
      }
      case Number::Kind::kDivide: {
        const int64_t a = part(0), b = part(1);
        if (b == 0) throw Failure{"expression.divide_by_zero"};
        return checked(a == INT64_MIN && b == -1,
                       b == -1 ? -static_cast<int64_t>(static_cast<uint64_t>(a)) : a / b);
      }
      case Number::Kind::kChoose: return part(0) < part(1) ? part(2) : part(3);
    }
    return 0;
  }
  int64_t read(const Number& number, const Names& names) const {
    const auto found = names.find(number.name);
    if (found == names.end()) return number.constant;
    const Thing* thing = &found->second;
    for (const std::string& field : number.fields) thing = &thing->fields.at(field);
    return number.size ? static_cast<int64_t>(thing->list.size()) : thing->number;
  }
  bool holds(const Condition& condition, const Names& names) const {
    return (evaluate(condition.left, names) < evaluate(condition.right, names)) != condition.negated;
  }

  // --- steps
  void all_steps(const Steps& steps, Names& names, const std::string& prefix) {
    for (const Step& step : steps.steps) one_step(step, names, prefix);
  }

  void tell(const std::string& path, const char* how) {
    if (is_main_) expected_.path.emplace_back(path, how);
  }

  void one_step(const Step& step, Names& names, const std::string& prefix) {
    const std::string path = prefix + step.name;
    try {
      if (step.when.has_value() && !holds(*step.when, names)) return tell(path, "skipped");
      for (int attempt = 1;; ++attempt) {
        try {
          names[step.name] = result_of(step, names, path, attempt);
          break;
        } catch (const Failure& failure) {
          if (!failure.may_pass || attempt >= step.attempts) throw;
        }
      }
    } catch (const Failure&) {
      names.erase(step.name);
      if (step.on_error == Step::OnError::kSkip) return tell(path, "left_out");
      if (step.on_error == Step::OnError::kFail) {
        tell(path, "failed");
        throw;
      }
      names[step.name] = fallback(step, names);
      return tell(path, "replaced");
    }
    tell(path, "completed");
    if (step.compensation.has_value() && !unwinding_)
      undo_.push_back({&*step.compensation, step.name + ".compensate."});
  }

  Thing fallback(const Step& step, const Names& names) const {
    Thing v, thing;
    v.number = evaluate(step.fallback, names);
    if (step.kind == Step::Kind::kHttp)
      thing.fields["body"].fields["v"] = v;
    else
      thing.fields["v"] = v;
    return thing;
  }

  Thing result_of(const Step& step, const Names& names, const std::string& path, int attempt) {
    Thing thing;
    switch (step.kind) {
      case Step::Kind::kSet: thing.fields["v"].number = evaluate(step.value, names); break;
      case Step::Kind::kFail: throw Failure{step.code};
      case Step::Kind::kHttp: thing.fields["body"].fields["v"].number = ask(path, attempt); break;
      case Step::Kind::kReview: {
        const auto said = static_cast<int64_t>(hash64(path, seed_) % 10);
        expected_.people[prefix_ + path].push_back(said);
        thing.fields["v"].number = said;
        break;
      }
      case Step::Kind::kWait: break;
      case Step::Kind::kEmit: expected_.emitted.push_back(evaluate(step.value, names)); break;
      case Step::Kind::kListen: thing.fields["data"].fields["v"].number = listen(step, path); break;
      case Step::Kind::kForEach: return for_each(step, names, path);
      case Step::Kind::kRepeat: return repeat(step, names, path);
      case Step::Kind::kSequence: thing.fields["v"].number = block(step.body, names, path + "."); break;
      case Step::Kind::kTry: thing.fields["v"].number = attempted(step, names, path); break;
      case Step::Kind::kChild: thing.fields["v"].number = child(step, names, path); break;
    }
    return thing;
  }

  /// The output of a block; its names go with it.
  int64_t block(const Steps& steps, Names names, const std::string& prefix) {
    all_steps(steps, names, prefix);
    return steps.output.has_value() ? evaluate(*steps.output, names) : 0;
  }

  Thing for_each(const Step& step, const Names& names, const std::string& path) {
    std::vector<int64_t> items;
    for (const Number& item : step.items) items.push_back(evaluate(item, names));
    if (step.concurrency > 1) expected_.ordered = false;
    Thing thing;
    std::vector<Thing> results, failures;
    for (size_t i = 0; i < items.size(); ++i) {
      Names own = names;
      own[step.variable] = Thing{items[i], {}, {}};
      own[step.variable + "_index"] = Thing{static_cast<int64_t>(i), {}, {}};
      try {
        results.push_back({block(step.body, own, path + "[" + std::to_string(i) + "]."), {}, {}});
      } catch (const Failure&) {
        if (step.item_error == Step::ItemError::kFail) throw;
        failures.push_back({});
        if (step.item_error == Step::ItemError::kValue) results.push_back({-1, {}, {}});
      }
    }
    thing.fields["count"].number = static_cast<int64_t>(items.size());
    thing.fields["results"].list = results;
    thing.fields["failures"].list = failures;
    return thing;
  }

  Thing repeat(const Step& step, const Names& names, const std::string& path) {
    int64_t carry = evaluate(step.value, names);
    Thing thing;
    for (int round = 0;; ++round) {
      if (round == step.max) {
        if (step.fail_on_max) throw Failure{"workflow.repeat_exhausted"};
        thing.fields["iterations"].number = round;
        break;
      }
      Names own = names;
      own[step.variable] = Thing{carry, {}, {}};
      own[step.variable + "_index"] = Thing{round, {}, {}};
      all_steps(step.body, own, path + "[" + std::to_string(round) + "].");
      carry = evaluate(*step.body.output, own);
      if (holds(step.until, own)) {
        thing.fields["iterations"].number = round + 1;
        break;
      }
    }
    thing.fields["value"].number = carry;
    return thing;
  }

  static bool covers(const Clause& clause, const std::string& code) {
    return clause.codes.empty() ||
           std::any_of(clause.codes.begin(), clause.codes.end(), [&](const std::string& pattern) {
             if (!pattern.ends_with('*')) return pattern == code;
             return code.starts_with(pattern.substr(0, pattern.size() - 1));
           });
  }

  int64_t attempted(const Step& step, const Names& names, const std::string& path) {
    int64_t result = 0;
    try {
      try {
        result = block(step.body, names, path + ".");
      } catch (const Failure& failure) {
        const auto clause = std::find_if(step.clauses.begin(), step.clauses.end(),
                                         [&](const Clause& c) { return covers(c, failure.code); });
        if (clause == step.clauses.end()) throw;
        result = block(clause->body, names, path + ".catch.");
      }
    } catch (const Failure&) {
      if (step.finally.has_value()) block(*step.finally, names, path + ".finally.");
      throw;
    }
    if (step.finally.has_value()) block(*step.finally, names, path + ".finally.");
    return result;
  }

  int64_t child(const Step& step, const Names& names, const std::string& path) {
    const int64_t input = evaluate(step.value, names);
    for (const Pipeline& pipeline : program_.pipelines) {
      if (pipeline.name != step.child) continue;
      return Run(program_, pipeline, input, prefix_ + path + "/", seed_, expected_).run().front();
    }
    throw Failure{"no child"};
  }

  int64_t ask(const std::string& path, int attempt) {
    const uint64_t drawn = hash64(prefix_ + path, seed_ + static_cast<uint64_t>(attempt) * 1'000'003);
    Answer answer;
    const uint64_t roll = drawn % 100;
    answer.kind = roll < 60   ? Answer::Kind::kValue
                  : roll < 75 ? Answer::Kind::kBusy
                  : roll < 88 ? Answer::Kind::kWrong
                              : Answer::Kind::kNever;
    answer.value = static_cast<int64_t>((drawn >> 8) % 12) - 2;
    answer.delay_ms = (drawn >> 20) % 3 == 0 ? static_cast<int64_t>((drawn >> 24) % 3000) : 0;
    auto& answers = expected_.answers[prefix_ + path];
    // A container that is tried again asks the same again.
    if (answers.size() < static_cast<size_t>(attempt)) answers.push_back(answer);
    switch (answer.kind) {
      case Answer::Kind::kBusy: throw Failure{"stub.busy", true};
      case Answer::Kind::kWrong: throw Failure{"stub.wrong"};
      case Answer::Kind::kNever: throw Failure{"step.timeout", true};
      default: return answer.value;
    }
  }

  /// Two of three are told, some of them long before they listen.
  int64_t listen(const Step& step, const std::string& path) {
    const uint64_t drawn = hash64(path, seed_ + 77);
    if (drawn % 3 == 0) throw Failure{"listen.timeout"};
    const auto said = static_cast<int64_t>((drawn >> 8) % 12) - 2;
    expected_.heard.push_back({event_of(step), said, static_cast<int64_t>((drawn >> 16) % 20'000)});
    return said;
  }

  const Program& program_;
  const Pipeline& pipeline_;
  const std::string prefix_;
  const uint64_t seed_;
  Expected& expected_;
  Names names_;
  bool is_main_ = false;
  bool unwinding_ = false;
  std::vector<Undo> undo_;
};

}  // namespace

Expected run_reference(const Program& program, uint64_t seed) {
  Expected expected;
  try {
    expected.output = Run(program, program.pipelines.front(), program.input, "", seed, expected).run();
    expected.completed = true;
  } catch (const Failure& failure) {
    expected.code = failure.code;
  }
  return expected;
}

}  // namespace switchyard::language
