#include "builtin.h"

#include <map>
#include <mutex>
#include <string>

#include "switchyard/expression/limits.h"

namespace switchyard::expression {

bool Call::fail(FaultCode fault_code, const char* what) {
  fault = Fault{fault_code, 0, what, Value(), Value(), 0};
  return false;
}
bool Call::fail(FaultCode fault_code, const char* what, const Value& a) {
  fault = Fault{fault_code, 0, what, a, Value(), 1};
  return false;
}
bool Call::fail(FaultCode fault_code, const char* what, const Value& a, const Value& b) {
  fault = Fault{fault_code, 0, what, a, b, 2};
  return false;
}

bool Call::no_overload() {
  if (count == 0) return fail(FaultCode::kNoOverload, "");
  if (count == 1) return fail(FaultCode::kNoOverload, "", args[0]);
  return fail(FaultCode::kNoOverload, "", args[0], args[1]);
}

bool Call::spent() {
  fuel = -1;
  return fail(FaultCode::kCostExceeded, "");
}

bool Call::give_text(std::string_view text, bool as_bytes) {
  if (text.size() > kMaxBuiltBytes) return fail(FaultCode::kTooLarge, "a text of more than 1 MiB");
  if (!charge_text(text.size())) return false;
  const auto copy = arena.copy(text);
  return give(as_bytes ? Value::bytes(copy) : Value::string(copy));
}

namespace {

/// Reads "list(A), int -> A". Only our own tables are read, so that a mistake is a defect.
class SignatureReader {
 public:
  explicit SignatureReader(std::string_view text) : rest_(text) {}

  Overload read() {
    Overload overload;
    skip();
    while (!rest_.starts_with("->")) {
      overload.params.push_back(type());
      take(",");
    }
    take("->");
    overload.result = type();
    SY_CHECK(rest_.empty());
    return overload;
  }

 private:
  void skip() {
    while (rest_.starts_with(' ')) rest_.remove_prefix(1);
  }
  bool take(std::string_view what) {
    skip();
    if (!rest_.starts_with(what)) return false;
    rest_.remove_prefix(what.size());
    skip();
    return true;
  }
  Type type() {
    skip();
    size_t size = 0;
    while (size < rest_.size() && ((rest_[size] | 32) >= 'a' && (rest_[size] | 32) <= 'z')) ++size;
    const auto name = rest_.substr(0, size);
    rest_.remove_prefix(size);
    if (name.size() == 1) return Type::variable(static_cast<uint32_t>(name[0] - 'A'));
    if (name == "int") return Type::integer();
    if (name == "uint") return Type::unsigned_integer();
    if (name == "double") return Type::real();
    if (name == "bool") return Type::boolean();
    if (name == "string") return Type::string();
    if (name == "bytes") return Type::bytes();
    if (name == "timestamp") return Type::timestamp();
    if (name == "duration") return Type::duration();
    if (name == "type") return Type::type();
    if (name == "dyn") return Type::dyn();
    if (name == "ip") return Type::ip();
    if (name == "cidr") return Type::cidr();
    SY_CHECK(take("("));
    Type first = type();
    Type result = name == "list" ? Type::list(first) : Type::optional(first);
    if (name == "map") {
      take(",");
      result = Type::map(first, type());
    }
    SY_CHECK(take(")"));
    return result;
  }
  std::string_view rest_;
};

using Table = std::map<std::pair<std::string_view, bool>, Builtin>;

Table make_table() {
  Table table;
  for (const auto specs : {conversion_builtins(), string_builtins(), format_builtins(), math_builtins(),
                           time_builtins(), value_builtins(), network_builtins()}) {
    for (const auto& spec : specs) {
      Builtin builtin{spec.name, spec.method, spec.function, spec.overloads.empty(), {}};
      for (const char* signature : spec.overloads)
        builtin.overloads.push_back(SignatureReader(signature).read());
      const bool added = table.emplace(std::pair(builtin.name, builtin.method), builtin).second;
      SY_CHECK(added);
    }
  }
  return table;
}

const Table& table() {
  static const Table made = make_table();
  return made;
}

}  // namespace

const Builtin* find_builtin(std::string_view name, bool method) {
  const auto found = table().find({name, method});
  return found == table().end() ? nullptr : &found->second;
}

std::vector<std::string_view> builtin_names(bool method) {
  std::vector<std::string_view> names;
  for (const auto& [key, builtin] : table())
    if (key.second == method) names.push_back(key.first);
  return names;
}

std::string_view type_name(const Value& value) {
  switch (value.kind()) {
    case Kind::kNull: return "null_type";
    case Kind::kTimestamp: return "google.protobuf.Timestamp";
    case Kind::kDuration: return "google.protobuf.Duration";
    case Kind::kOptional: return "optional_type";
    default: return kind_name(value.kind());
  }
}

std::string_view type_constant(std::string_view name) {
  static constexpr std::string_view kNames[] = {"bool",
                                                "int",
                                                "uint",
                                                "double",
                                                "string",
                                                "bytes",
                                                "list",
                                                "map",
                                                "null_type",
                                                "type",
                                                "optional_type",
                                                "google.protobuf.Timestamp",
                                                "google.protobuf.Duration",
                                                "net.IP",
                                                "net.CIDR"};
  for (const auto known : kNames)
    if (name == known) return known;
  return {};
}

}  // namespace switchyard::expression
