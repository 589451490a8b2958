#include "switchyard/privacy/detector.h"

#include <re2/re2.h>
#include <re2/set.h>

#include <algorithm>
#include <array>

#include "fold.h"
#include "rules.h"
#include "switchyard/base/check.h"
#include "switchyard/privacy/limits.h"

namespace switchyard::privacy {
namespace {

/// UUIDs (RFC 9562), dates and times (ISO 8601, and day-month-year).
constexpr const char* kHarmless[] = {
    R"([0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12})",
    R"(\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?(?:Z|[+-]\d{2}:?\d{2})?)?)",
    R"(\d{1,2}[./-]\d{1,2}[./-](?:19|20)\d{2}(?: \d{2}:\d{2}(?::\d{2})?)?)"};

re2::RE2::Options options() {
  re2::RE2::Options result;
  result.set_encoding(re2::RE2::Options::EncodingLatin1);  // bytes; patterns are ASCII
  result.set_longest_match(true);
  result.set_log_errors(false);
  return result;
}

enum class Class : uint8_t { kOther, kDigit, kLetter, kOpening, kAt, kColon };

constexpr std::array<Class, 256> make_classes() {
  std::array<Class, 256> classes{};
  for (int c = '0'; c <= '9'; ++c) classes[static_cast<size_t>(c)] = Class::kDigit;
  for (int c = 'a'; c <= 'z'; ++c)
    classes[static_cast<size_t>(c)] = classes[static_cast<size_t>(c - 32)] = Class::kLetter;
  classes['_'] = Class::kLetter;
  classes['+'] = classes['('] = Class::kOpening;
  classes['@'] = Class::kAt;
  classes[':'] = Class::kColon;
  return classes;
}
constexpr std::array<Class, 256> kClasses = make_classes();
Class class_of(char c) { return kClasses[static_cast<uint8_t>(c)]; }

struct Candidate {
  size_t begin = 0, end = 0;
  bool harmless = false;
  bool named = false;  ///< a word nearby names its kind
  /// Of groups with blanks between, and behind such a group: maybe the end of a longer number. It stands only
  /// behind another finding.
  bool trails = false;
  uint8_t rank = 0;
  Kind kind{};
};

/// Whether a number may begin at `at`: not within a word or a number, not after a currency.
bool may_begin(std::string_view text, size_t at) {
  if (at == 0) return true;
  const char before = text[at - 1];
  if (is_word(before) || before == '$') return false;
  if ((before != '.' && before != '-') || at == 1) return true;
  return !is_digit(text[at - 2]);
}

bool may_end(std::string_view text, size_t begin, size_t at, Kind kind) {
  if (at >= text.size()) return true;
  if (is_word(text[at])) return false;
  if (at + 1 >= text.size() || !is_digit(text[at + 1])) return true;
  const bool reaches_on = text[at] == '.' || (text[at] == '-' && kind != Kind::kIp);
  return !reaches_on || text[begin] == '+';
}

/// Whether enough digits stand at the begin of `window` to try patterns at all: seven, or those of an
/// address.
bool is_worth_trying(std::string_view window) {
  size_t digits = 0, dots = 0, gap = 0;
  for (const char c : window) {
    if (is_digit(c)) {
      gap = 0;
      if (++digits == 7) return true;
    } else if (c == '.') {
      if (++dots == 3 || ++gap > 3) return dots >= 3;
    } else if (std::string_view(" -/()+").find(c) == std::string_view::npos || ++gap > 3) {
      // Identifiers of Finland and France have six digits before a letter, UUIDs a hyphen after eight.
      return digits >= 6 || (window.size() > 8 && window[8] == '-');
    }
  }
  return false;
}

}  // namespace

struct Detector::Impl {
  Impl() : set(options(), re2::RE2::ANCHOR_START) {
    for (const auto part : {contact_rules(), payment_rules(), national_rules()})
      for (const Rule& rule : part) {
        add(rule.pattern);
        rules.push_back(&rule);
      }
    for (const char* pattern : kHarmless) add(pattern);
    SY_CHECK(set.Compile());
  }

  void add(const char* pattern) {
    SY_CHECK(set.Add(pattern, nullptr) >= 0);
    singles.push_back(std::make_unique<re2::RE2>(pattern, options()));
  }

  re2::RE2::Set set;
  std::vector<std::unique_ptr<re2::RE2>> singles;  ///< those of the rules, then the harmless
  std::vector<const Rule*> rules;
};

namespace {

/// One pass over one folded text.
class Scan {
 public:
  Scan(const re2::RE2::Set& set, const std::vector<std::unique_ptr<re2::RE2>>& singles,
       const std::vector<const Rule*>& rules, std::string_view text, std::string_view field,
       const Kinds& wanted)
      : set_(set), singles_(singles), rules_(rules), text_(text), field_(field), wanted_(wanted) {}

  std::vector<Candidate> run() {
    size_t word = 0;     // where the running word begins
    bool tried = false;  // that word, as a candidate that begins with a letter
    bool in_word = false;
    for (size_t i = 0; i < text_.size(); ++i) {
      const Class what = class_of(text_[i]);
      const bool is_part = what == Class::kDigit || what == Class::kLetter;
      if (is_part && !in_word) {
        word = i;
        tried = false;
      }
      if (what == Class::kDigit && !tried) {
        // Identifiers that begin with letters have a digit among their first seven characters.
        tried = true;
        if (word == i || i - word <= 6) try_at(word);
        if (word == i) try_letters_before(i);
      } else if (what == Class::kOpening && i + 1 < text_.size() &&
                 (class_of(text_[i + 1]) == Class::kDigit || class_of(text_[i + 1]) == Class::kOpening)) {
        try_at(i);
      } else if (what == Class::kAt && wanted_[static_cast<size_t>(Kind::kEmail)]) {
        add_email(i);
      } else if (what == Class::kColon && i >= colons_until_) {
        add_ipv6(i, in_word ? word : i);
      }
      in_word = is_part;
    }
    return std::move(candidates_);
  }

 private:
  /// What begins with a word of letters alone: "X-1234567-L" (NIE), "RSS MRA 85T10 A562S" (codice fiscale).
  void try_letters_before(size_t at) {
    const auto letters = [&](size_t from, size_t count) {
      return std::all_of(text_.begin() + static_cast<ptrdiff_t>(from),
                         text_.begin() + static_cast<ptrdiff_t>(from + count), is_letter);
    };
    if (at >= 2 && (text_[at - 1] == '-' || text_[at - 1] == ' ') && text_[at - 2] >= 'X' &&
        text_[at - 2] <= 'Z')
      try_at(at - 2);
    if (at >= 8 && text_[at - 1] == ' ' && text_[at - 5] == ' ' && letters(at - 4, 3) && letters(at - 8, 3))
      try_at(at - 8);
  }

  void try_at(size_t begin) {
    if (!may_begin(text_, begin)) return;
    const std::string_view window = text_.substr(begin, kWindowBytes);
    if (!is_letter(window[0]) && !is_worth_trying(window)) return;
    const re2::StringPiece piece(window.data(), window.size());
    if (!set_.Match(piece, &matched_)) return;
    context_known_ = false;
    for (const int id : matched_) {
      const auto index = static_cast<size_t>(id);
      re2::StringPiece whole;
      if (!singles_[index]->Match(piece, 0, piece.size(), re2::RE2::ANCHOR_START, &whole, 1)) continue;
      const std::string_view tail = text_.substr(begin, kWindowBytes);
      if (index >= rules_.size()) {
        candidates_.push_back({begin, begin + whole.size(), true, false, false, 255, Kind::kEmail});
        continue;
      }
      add(*rules_[index], begin, tail, whole.size());
    }
  }

  void add(const Rule& rule, size_t begin, std::string_view tail, size_t matched) {
    if (!wanted_[static_cast<size_t>(rule.kind)]) return;
    const size_t length = rule.check(tail, matched);
    if (length == 0 || !may_end(text_, begin, begin + length, rule.kind)) return;
    const uint8_t context = context_at(begin);
    const bool named = context == static_cast<uint8_t>(rule.kind);
    if (rule.need == Need::kContext && !named) return;
    if (rule.need == Need::kNoHarmless && context == kHarmlessContext) return;
    const bool trails = rule.need == Need::kNoHarmless && !named && begin >= 2 && text_[begin - 1] == ' ' &&
                        is_digit(text_[begin - 2]) &&
                        tail.substr(0, length).find(' ') != std::string_view::npos;
    candidates_.push_back({begin, begin + length, false, named, trails, rule.rank, rule.kind});
  }

  uint8_t context_at(size_t begin) {
    if (context_known_) return context_;
    context_known_ = true;
    context_ = context_of(text_.substr(0, begin));
    if (context_ == kNoContext && !field_.empty()) context_ = context_of_field(field_);
    return context_;
  }

  void add_email(size_t at) {
    size_t begin = 0, end = 0;
    if (check_email(text_, at, begin, end))
      candidates_.push_back({begin, end, false, true, false, 99, Kind::kEmail});
  }

  void add_ipv6(size_t colon, size_t begin) {
    if (!wanted_[static_cast<size_t>(Kind::kIp)] || colon - begin > 4) return;
    const size_t length = check_ipv6(text_.substr(begin, 46));
    colons_until_ = begin + std::max<size_t>(length, 1);
    if (length != 0) candidates_.push_back({begin, begin + length, false, true, false, 99, Kind::kIp});
  }

  const re2::RE2::Set& set_;
  const std::vector<std::unique_ptr<re2::RE2>>& singles_;
  const std::vector<const Rule*>& rules_;
  const std::string_view text_, field_;
  const Kinds& wanted_;
  std::vector<Candidate> candidates_;
  std::vector<int> matched_;
  size_t colons_until_ = 0;
  bool context_known_ = false;
  uint8_t context_ = kNoContext;
};

/// Leaves of those that overlap the strongest.
void resolve(std::vector<Candidate>& candidates) {
  const auto stronger = [](const Candidate& a, const Candidate& b) {
    const size_t a_length = a.end - a.begin, b_length = b.end - b.begin;
    if (a_length != b_length) return a_length > b_length;
    if (a.harmless != b.harmless) return a.harmless;
    if (a.named != b.named) return a.named;
    return a.rank != b.rank ? a.rank > b.rank : a.kind < b.kind;
  };
  std::sort(candidates.begin(), candidates.end(), [&](const Candidate& a, const Candidate& b) {
    return a.begin != b.begin ? a.begin < b.begin : stronger(a, b);
  });
  // In the order of their begins, a candidate can only overlap those that were kept last. Of a weaker one
  // what stands before the stronger stays; what stands behind it was tried by itself.
  std::vector<Candidate> kept;
  for (const Candidate& each : candidates) {
    bool stands =
        !each.trails || (!kept.empty() && !kept.back().harmless && kept.back().end + 1 >= each.begin);
    Candidate rest;
    while (stands && !kept.empty() && kept.back().end > each.begin) {
      stands = stronger(each, kept.back());
      if (!stands) break;
      rest = kept.back();
      kept.pop_back();
    }
    if (!stands) continue;
    if (!rest.harmless && rest.begin < rest.end && rest.begin < each.begin) {
      rest.end = each.begin;
      kept.push_back(rest);
    }
    kept.push_back(each);
  }
  candidates = std::move(kept);
}

}  // namespace

Detector::Detector() : impl_(std::make_unique<Impl>()) {}
Detector::~Detector() = default;

const Detector& Detector::standard() {
  static const Detector detector;
  return detector;
}

std::vector<Finding> Detector::find(std::string_view text, std::string_view field,
                                    const Kinds& wanted) const {
  std::vector<Finding> findings;
  if (wanted.none()) return findings;
  const Folded folded(text.substr(0, kMaxTextBytes));
  std::vector<Candidate> candidates =
      Scan(impl_->set, impl_->singles, impl_->rules, folded.text(), field, wanted).run();
  resolve(candidates);
  for (const Candidate& each : candidates)
    if (!each.harmless) findings.push_back({each.kind, folded.begin_of(each.begin), folded.end_of(each.end)});
  return findings;
}

}  // namespace switchyard::privacy
