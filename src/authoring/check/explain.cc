#include <algorithm>
#include <array>

#include "switchyard/authoring/check.h"

namespace switchyard::authoring {
namespace {

#define LINK(slug) "docs/authoring.md#" slug

/// Warnings: what is allowed, and why it is probably not meant. docs/authoring.md has a section for each.
constexpr std::array kExplained{
    Explanation{
        "lint.constant_condition",
        "A condition that is the same for every input decides nothing: either the step always runs, or it "
        "never does.",
        LINK("lintconstant_condition")},
    Explanation{
        "lint.endless_circle",
        "Runs that start each other again and again never come to rest: each event or child is one more "
        "decision, with its calls and its cost.",
        LINK("lintendless_circle")},
    Explanation{"lint.http_without_timeout",
                "A call without a time-out of its own waits as long as the server lets it, and holds up the "
                "decision with it.",
                LINK("linthttp_without_timeout")},
    Explanation{"lint.insecure_url", "What is sent over http:// can be read and changed on its way.",
                LINK("lintinsecure_url")},
    Explanation{
        "lint.no_input_schema",
        "Without a schema every field of the input is of unknown type: a misspelt name is found by the "
        "first decision instead of by this check.",
        LINK("lintno_input_schema")},
    Explanation{
        "lint.retried_effect",
        "An effectful call may have happened although its answer was lost; a retry makes it happen twice.",
        LINK("lintretried_effect")},
    Explanation{"lint.review_shows_nothing", "People cannot judge what they are not shown.",
                LINK("lintreview_shows_nothing")},
    Explanation{
        "lint.secret_in_document",
        "A pipeline's text is stored, shown and copied; a secret in it is known to everyone who may read "
        "a decision.",
        LINK("lintsecret_in_document")},
    Explanation{"lint.unknown_document",
                "A document is recognised by its first word; without it a deployment passes over the file in "
                "silence.",
                LINK("lintunknown_document")},
    Explanation{"lint.unreadable_file", "A file that nobody can read is probably half written.",
                LINK("lintunreadable_file")},
    Explanation{"lint.unused_file",
                "A schema or form that no document names is left over, or the document names another one by "
                "mistake.",
                LINK("lintunused_file")},
    Explanation{"pipeline.always_fails",
                "A `fail` without `when` ends every run; nothing after it is ever answered.",
                LINK("pipelinealways_fails")},
    Explanation{"pipeline.review_without_due",
                "A review without `due` can wait for ever, and nobody is told.",
                LINK("pipelinereview_without_due")},
    Explanation{"pipeline.timeout_after_deadline",
                "The deadline ends the step before its own time-out does, so that `on_error` never sees it.",
                LINK("pipelinetimeout_after_deadline")},
    Explanation{"pipeline.unused_step", "A step whose result nobody reads costs time and says nothing.",
                LINK("pipelineunused_step")},
    Explanation{"rules.gap", "Facts for which no rule hits end the run with an error.",
                "docs/rules.md#what-is-checked-when-a-table-is-deployed"},
    Explanation{"rules.never_hits", "A rule that no facts can fit is a slip of the pen.",
                "docs/rules.md#what-is-checked-when-a-table-is-deployed"},
    Explanation{"rules.not_analysed", "Overlaps and gaps of so large a table are not looked for.",
                "docs/rules.md#what-is-checked-when-a-table-is-deployed"},
    Explanation{"rules.shadowed", "Rules that go before it always hit too: it never decides.",
                "docs/rules.md#what-is-checked-when-a-table-is-deployed"},
};

#undef LINK

struct Family {
  std::string_view prefix, link;
};
constexpr Family kFamilies[] = {
    {"expression.", "docs/language.md#values-expressions-templates"},
    {"rules.", "docs/rules.md"},
    {"models.", "docs/models.md"},
    {"format.", "docs/authoring.md#one-way-to-write-it"},
    {"governance.", "docs/authoring.md#what-is-checked"},
};

}  // namespace

Explanation explain(std::string_view code) {
  for (const Explanation& known : kExplained)
    if (known.code == code) return known;
  for (const Family& family : kFamilies)
    if (code.starts_with(family.prefix)) return {code, "", family.link};
  return {code, "", "docs/language.md#mistakes"};
}

std::vector<Explanation> explained_codes() { return {kExplained.begin(), kExplained.end()}; }

}  // namespace switchyard::authoring
