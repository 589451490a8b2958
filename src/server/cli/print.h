#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "switchyard/types/value.h"

// Writing for people: aligned columns, colours on a terminal only, nothing that a terminal would obey.
namespace switchyard::server::cli {

enum class Colour : uint8_t { kNone, kBold, kDim, kRed, kGreen, kYellow, kBlue };

/// The text in a colour; as it is when standard output is no terminal, or NO_COLOR is set, or TERM is dumb.
std::string paint(std::string_view text, Colour colour);
/// Green for what went well, red for what failed, yellow for what waits.
Colour colour_of_status(std::string_view status);

/// The text on one line, without control characters: it comes from callers and must not steer the terminal.
std::string plain(std::string_view text);
/// At most `width` characters; where it is longer, the end is "…".
std::string shorten(std::string_view text, size_t width);
/// Characters, taking every code point as one column wide.
size_t width_of(std::string_view text);

/// The text member of an object, made plain; empty when it is absent or another kind.
std::string text_of(const Value& object, std::string_view name);
/// The same as it came, for what is not printed.
std::string raw_text_of(const Value& object, std::string_view name);
/// The whole number; 0 when absent.
int64_t integer_of(const Value& object, std::string_view name);
double real_of(const Value& object, std::string_view name);
bool bool_of(const Value& object, std::string_view name);
/// The items of a list member; empty when absent.
std::span<const Value> items_of(const Value& object, std::string_view name);

/// "850 µs", "12.3 ms", "4.2 s", "3 min 20 s", "2 h 5 min", "3 d 4 h".
std::string duration_text(int64_t us);
/// Microseconds since the epoch of an RFC 3339 time as the API writes it; 0 when it is none.
int64_t time_us(std::string_view rfc3339);
/// "2026-11-23 17:04:05" of an RFC 3339 time, in UTC; the text itself when it is none.
std::string when_text(std::string_view rfc3339);
/// RFC 3339 in UTC, to the second.
std::string time_text(int64_t us);
/// "0.0125", "3"
std::string number_text(double value);

/// Columns as wide as their widest cell; printed to standard output.
class Table {
 public:
  explicit Table(std::vector<std::string> head) : head_(std::move(head)) {}
  struct Cell {
    Cell(std::string t, Colour c = Colour::kNone)
        : text(std::move(t)), colour(c) {}  // NOLINT: implicit on purpose
    Cell(const char* t) : text(t) {}        // NOLINT
    std::string text;
    Colour colour = Colour::kNone;
  };
  void add(std::vector<Cell> cells) { cells_.push_back(std::move(cells)); }
  [[nodiscard]] bool empty() const { return cells_.empty(); }
  void print() const;

 private:
  std::vector<std::string> head_;
  std::vector<std::vector<Cell>> cells_;
};

}  // namespace switchyard::server::cli
