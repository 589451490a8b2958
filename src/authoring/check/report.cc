// What check() found, as text, JSON and SARIF.
#include <map>
#include <utility>

#include "../json_object.h"
#include "switchyard/authoring/check.h"
#include "switchyard/types/json.h"

namespace switchyard::authoring {
namespace {

using Object = JsonObject;

std::string_view severity_name(const Diagnostic& finding) {
  return finding.severity == Diagnostic::Severity::kError ? "error" : "warning";
}

std::string counted(size_t count, std::string_view what) {
  return std::to_string(count) + " " + std::string(what) + (count == 1 ? "" : "s");
}

/// The file's path as a relative URI.
std::string uri_of(std::string_view path) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : path) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-._~/").find(c) != std::string_view::npos;
    if (plain) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return out;
}

void append_finding(const Diagnostic& finding, std::string& out) {
  const Explanation why = explain(finding.code);
  Object object(out);
  object.text("severity", severity_name(finding));
  object.text("code", finding.code);
  object.text("file", finding.file);
  object.number("line", finding.line);
  object.number("column", finding.column);
  object.text("path", finding.path);
  object.text("message", finding.message);
  object.text("mend", finding.mend);
  object.optional_text("reason", why.reason);
  object.text("link", why.link);
}

void append_sarif_rule(std::string_view code, std::string& out) {
  const Explanation why = explain(code);
  Object rule(out);
  rule.text("id", code);
  if (!why.reason.empty()) {
    Object description(rule.key("shortDescription"));
    description.text("text", why.reason);
  }
  Object help(rule.key("help"));
  help.text("text", "See " + std::string(why.link));
}

void append_sarif_location(const Diagnostic& finding, std::string& out) {
  Object location(out);
  {
    Object physical(location.key("physicalLocation"));
    {
      Object artifact(physical.key("artifactLocation"));
      artifact.text("uri", uri_of(finding.file));
    }
    if (finding.line > 0) {
      Object region(physical.key("region"));
      region.number("startLine", finding.line);
      if (finding.column > 0) region.number("startColumn", finding.column);
    }
  }
  if (finding.path.empty()) return;
  std::string& list = location.key("logicalLocations");
  list += '[';
  {
    Object logical(list);
    logical.text("fullyQualifiedName", finding.path);
  }
  list += ']';
}

void append_sarif_result(const Diagnostic& finding, size_t rule, std::string& out) {
  Object result(out);
  result.text("ruleId", finding.code);
  result.number("ruleIndex", rule);
  result.text("level", severity_name(finding));
  {
    Object message(result.key("message"));
    message.text("text", finding.message + (finding.mend.empty() ? "" : ". Mend: " + finding.mend));
  }
  if (finding.file.empty()) return;
  std::string& locations = result.key("locations");
  locations += '[';
  append_sarif_location(finding, locations);
  locations += ']';
}

}  // namespace

std::string to_text(const CheckReport& report) {
  std::string out;
  for (const Diagnostic& finding : report.findings) {
    const Explanation why = explain(finding.code);
    out += finding.to_string() + "\n";
    if (!why.reason.empty()) out += "  why: " + std::string(why.reason) + "\n";
    out += "  see: " + std::string(why.link) + "\n";
  }
  out += counted(report.documents, "document") + ": " + counted(report.errors, "mistake") + ", " +
         counted(report.warnings, "warning") + "\n";
  return out;
}

std::string to_json(const CheckReport& report) {
  std::string out;
  {
    Object object(out);
    object.number("documents", report.documents);
    object.number("errors", report.errors);
    object.number("warnings", report.warnings);
    std::string& list = object.key("findings");
    list += '[';
    for (const Diagnostic& finding : report.findings) {
      if (list.back() != '[') list += ',';
      append_finding(finding, list);
    }
    list += ']';
  }
  return out + "\n";
}

std::string to_sarif(const CheckReport& report, std::string_view version) {
  std::map<std::string, size_t> rules;
  for (const Diagnostic& finding : report.findings) rules.emplace(finding.code, 0);
  size_t next = 0;
  for (auto& [code, index] : rules) index = next++;

  std::string out;
  {
    Object root(out);
    root.text("version", "2.1.0");
    root.key("runs") += '[';
    {
      Object run(out);
      {
        Object tool(run.key("tool"));
        Object driver(tool.key("driver"));
        driver.text("name", "switchyard check");
        driver.text("version", version);
        driver.key("rules") += '[';
        for (const auto& [code, index] : rules) {
          if (index > 0) out += ',';
          append_sarif_rule(code, out);
        }
        out += ']';
      }
      run.text("columnKind", "unicodeCodePoints");
      run.key("results") += '[';
      for (const Diagnostic& finding : report.findings) {
        if (out.back() != '[') out += ',';
        append_sarif_result(finding, rules.at(finding.code), out);
      }
      out += ']';
    }
    out += ']';
  }
  return out + "\n";
}

}  // namespace switchyard::authoring
