#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

// A pipeline as the generator thinks of it: small enough to be printed as a document and to be run by the
// naive reference. Every expression is a whole number or a condition.
namespace switchyard::language {

/// A number: a constant, a variable, or what a step gave, and sums of these.
struct Number {
  enum class Kind : uint8_t {
    kConstant,
    kName,
    kAdd,
    kSubtract,
    kMultiply,
    kDivide,
    kChoose
  } kind = Kind::kConstant;
  int64_t constant = 0;
  /// kName: a variable or a step, and the fields below it; `size`: how many items the last of them has.
  std::string name;
  std::vector<std::string> fields;
  bool size = false;
  bool may_be_absent = false;  ///< then `constant` stands for it
  std::vector<Number> parts;   ///< kChoose: if the first is less than the second the third, else the fourth
};

/// left < right, or not; or that the error of a catch clause has a code.
struct Condition {
  Number left, right;
  bool negated = false;
};

struct Step;

struct Steps {
  std::vector<Step> steps;       ///< each waits for the one before
  std::optional<Number> output;  ///< as { v: ... }; of a for_each and a repeat bare
};

struct Clause {
  std::vector<std::string> codes;  ///< "stub.*", "demo.one"; empty: all
  Steps body;
};

struct Step {
  enum class Kind : uint8_t {
    kSet,
    kFail,
    kHttp,
    kReview,
    kWait,
    kForEach,
    kRepeat,
    kSequence,
    kTry,
    kChild,
    kListen,
    kEmit
  };
  std::string name;
  Kind kind = Kind::kSet;
  std::optional<Condition> when;
  int attempts = 1;
  enum class OnError : uint8_t { kFail, kSkip, kValue } on_error = OnError::kFail;
  Number fallback;            ///< kValue: v
  Number value;               ///< kSet: v; kRepeat: from; kChild: n; kEmit: v
  std::string code;           ///< kFail
  std::vector<Number> items;  ///< kForEach
  int concurrency = 1;
  enum class ItemError : uint8_t { kFail, kSkip, kValue } item_error = ItemError::kFail;
  std::string variable;  ///< kForEach, kRepeat
  Condition until;       ///< kRepeat
  int max = 1;
  bool fail_on_max = true;
  bool pause = false;
  Steps body;
  std::vector<Clause> clauses;
  std::optional<Steps> finally;
  std::optional<Steps> compensation;
  std::string child;
};

struct Pipeline {
  std::string name;
  Steps root;
  std::optional<Steps> finally;
  std::vector<Number> shown;  ///< the output: { o0, o1, ... }
};

struct Program {
  std::vector<Pipeline> pipelines;  ///< the first is started; a pipeline starts only later ones
  int64_t input = 0;
};

std::string to_document(const Pipeline& pipeline);
/// The type of the events that a kListen step waits for.
std::string event_of(const Step& step);
/// The documents of all event types: those that are waited for, and what kEmit steps publish.
std::vector<std::string> event_documents(const Program& program);
inline constexpr const char* kTold = "gen.told";
std::string to_text(const Number& number);
std::string to_text(const Condition& condition);

/// The same program for the same seed. `size`: about how many steps.
Program generate(uint64_t seed, int size);

}  // namespace switchyard::language
