#include <cstdio>

#include "switchyard/rehearsal/rehearsal.h"

namespace switchyard::rehearsal {
namespace {

std::string indented(const std::string& text, const std::string& indent) {
  std::string out = indent;
  for (const char c : text) {
    out += c;
    if (c == '\n') out += indent;
  }
  return out;
}

std::string percent(size_t part, size_t whole) {
  return whole == 0 ? "100 %" : std::to_string(part * 100 / whole) + " %";
}

/// Text of an element or attribute; what XML cannot carry becomes a question mark.
std::string xml(const std::string& text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\n': out += "&#10;"; break;
      default: out += static_cast<unsigned char>(c) < 0x20 && c != '\t' ? '?' : c;
    }
  }
  return out;
}

std::string seconds(int64_t us) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6f", static_cast<double>(us) / 1e6);
  return text;
}

}  // namespace

std::string to_text(const Report& report, bool coverage) {
  std::string text;
  for (const Diagnostic& diagnostic : report.diagnostics) text += diagnostic.to_string() + "\n";
  if (has_errors(report.diagnostics)) return text;
  std::string file;
  for (const CaseReport& test : report.cases) {
    if (test.file != file) text += (file.empty() ? "" : "\n") + test.file + "\n";
    file = test.file;
    text += std::string(test.updated  ? "  updated  "
                        : test.passed ? "  ok       "
                                      : "  FAILED   ") +
            test.name + "\n";
    for (const std::string& difference : test.differences)
      text += "           " + test.file + ":" + std::to_string(test.line) + ":\n" +
              indented(difference, "           ") + "\n";
  }
  size_t updated = 0;
  for (const CaseReport& test : report.cases) updated += test.updated;
  text +=
      "\n" + std::to_string(report.cases.size()) + (report.cases.size() == 1 ? " case, " : " cases, ") +
      std::to_string(report.failed()) + " failed" +
      (updated == 0 ? ""
                    : ", " + std::to_string(updated) + " updated: read the difference before you keep it") +
      "\n";
  if (!coverage) return text;
  for (const CoverageReport& covered : report.coverage) {
    text += "\n" + covered.pipeline + ": " + std::to_string(covered.steps_reached) + " of " +
            std::to_string(covered.steps) + " steps (" + percent(covered.steps_reached, covered.steps) +
            "), " + std::to_string(covered.branches_reached) + " of " + std::to_string(covered.branches) +
            " branches (" + percent(covered.branches_reached, covered.branches) + ")\n";
    if (!covered.missed.empty()) text += "  no case reaches\n";
    for (const std::string& missed : covered.missed) text += "    " + missed + "\n";
  }
  return text;
}

std::string to_junit(const Report& report) {
  std::string text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"switchyard\" tests=\"" +
                     std::to_string(report.cases.size()) + "\" failures=\"" +
                     std::to_string(report.failed()) + "\" errors=\"" +
                     std::to_string(has_errors(report.diagnostics) ? 1 : 0) + "\">\n";
  if (has_errors(report.diagnostics)) {
    text += "  <testsuite name=\"documents\" tests=\"0\" errors=\"1\">\n    <testcase name=\"documents\">\n";
    for (const Diagnostic& diagnostic : report.diagnostics) {
      if (diagnostic.severity == Diagnostic::Severity::kError)
        text += "      <error type=\"" + xml(diagnostic.code) + "\" message=\"" +
                xml(diagnostic.to_string()) + "\"/>\n";
    }
    text += "    </testcase>\n  </testsuite>\n";
  }
  for (size_t i = 0; i < report.cases.size();) {
    size_t end = i, failures = 0;
    while (end < report.cases.size() && report.cases[end].file == report.cases[i].file)
      failures += !report.cases[end++].passed;
    text += "  <testsuite name=\"" + xml(report.cases[i].file) + "\" tests=\"" + std::to_string(end - i) +
            "\" failures=\"" + std::to_string(failures) + "\">\n";
    for (; i < end; ++i) {
      const CaseReport& test = report.cases[i];
      text += "    <testcase classname=\"" + xml(test.file) + "\" name=\"" + xml(test.name) + "\" file=\"" +
              xml(test.file) + "\" line=\"" + std::to_string(test.line) + "\" time=\"" +
              seconds(test.took_us) + "\"";
      if (test.passed) {
        text += "/>\n";
        continue;
      }
      std::string all;
      for (const std::string& difference : test.differences) all += (all.empty() ? "" : "\n") + difference;
      text += ">\n      <failure message=\"" +
              xml(test.differences.empty() ? "" : test.differences.front().substr(0, 200)) + "\">" +
              xml(all) + "</failure>\n    </testcase>\n";
    }
    text += "  </testsuite>\n";
  }
  return text + "</testsuites>\n";
}

}  // namespace switchyard::rehearsal
