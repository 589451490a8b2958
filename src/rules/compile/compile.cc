// The head of a rule table: name, policy, facts and outputs.
#include <algorithm>
#include <tuple>
#include <utility>

#include "../analysis/analysis.h"
#include "../limits.h"
#include "compiler.h"
#include "names.h"
#include "switchyard/rules/schema_types.h"
#include "switchyard/schema/in_document.h"
#include "switchyard/types/json.h"

namespace switchyard::rules {

using document::Node;
using expression::Type;
using expression::TypeKind;

namespace {

bool leaves_folder(std::string_view path) {
  return path.empty() || path.front() == '/' || path == ".." || path.starts_with("../") ||
         path.find("/../") != std::string_view::npos || path.ends_with("/..") ||
         path.find('\\') != std::string_view::npos;
}

}  // namespace

Compiler::Compiler(const Node& root, const std::string& file_name, const FileResolver& resolve_file)
    : root_(root),
      resolve_file_(resolve_file),
      reporter_(file_name, kMaxMistakes),
      context_(reporter_),
      table_(std::make_shared<Table>()) {}

CompileOutcome Compiler::run() {
  const Place root{&root_, ""};
  Fields fields(context_, root, "a rule table");
  if (!fields.is_mapping()) return {nullptr, reporter_.take()};
  if (const auto place = fields.require("rules", "name the table: rules: card-limits@1.0.0"))
    read_name(*place);
  if (const auto place = fields.find("description")) {
    const auto text = read_text(context_, *place, "a description");
    if (text.has_value() && text->size() > kMaxDescriptionBytes)
      context_.error(*place, "too_long", "the description is longer than 4096 bytes", "shorten it");
  }
  read_policy(fields);
  const auto facts =
      fields.require("facts", "say what the table decides about: facts: { schema: ./facts.schema.json }");
  if (facts.has_value()) read_facts(*facts);
  read_outputs(fields.find("outputs"), root);
  read_no_match(fields.find("default"), fields.find("on_no_match"));
  if (const auto rows = fields.require("rows", "list the rules: rows: [{ id: ..., when: ..., then: ... }]"))
    read_rules(*rows);
  fields.finish();
  if (reporter_.errors() > 0) return {nullptr, reporter_.take()};
  set_types();
  hash();
  analyse(*table_, {root_.find("rows"), "rows"}, context_);
  if (reporter_.errors() > 0) return {nullptr, reporter_.take()};
  return {table_, reporter_.take()};
}

void Compiler::read_name(const Place& place) {
  std::tie(table_->name_, table_->version_) =
      read_versioned_name(context_, place, "a table's name", "rule table", "risk/card-limits@1.0.0");
}

void Compiler::read_policy(Fields& fields) {
  const auto hit = fields.find("hit");
  if (hit.has_value()) {
    const auto text = read_text(context_, *hit, "a hit policy");
    const auto policy = text.has_value() ? parse_hit_policy(*text) : std::nullopt;
    if (policy.has_value()) table_->policy_ = *policy;
    if (text.has_value() && !policy.has_value()) {
      context_.error(*hit, "bad_hit_policy", "'" + *text + "' is no hit policy",
                     did_you_mean(*text, hit_policy_names(), "use one of: " + word_list(hit_policy_names())));
    }
  }
  const auto aggregate = fields.find("aggregate");
  if (aggregate.has_value()) read_aggregation(aggregate);
}

void Compiler::read_aggregation(const std::optional<Place>& place) {
  const auto text = read_text(context_, *place, "an aggregation");
  if (!text.has_value()) return;
  const auto aggregation = parse_aggregation(*text);
  if (!aggregation.has_value()) {
    context_.error(*place, "bad_aggregation", "'" + *text + "' is no aggregation",
                   did_you_mean(*text, aggregation_names(), "use one of: " + word_list(aggregation_names())));
    return;
  }
  table_->aggregation_ = *aggregation;
  if (*aggregation != Aggregation::kNone && table_->policy_ != HitPolicy::kCollect) {
    context_.error(*place, "aggregate_without_collect", "only the hit policy `collect` aggregates",
                   "write hit: collect, or remove `aggregate`");
  }
}

void Compiler::read_facts(const Place& place) {
  Fields fields(context_, place, "`facts`");
  auto schema_place =
      fields.require("schema", "write schema: ./facts.schema.json, or the JSON Schema itself");
  fields.finish();
  if (!schema_place.has_value()) return;
  facts_schema_node_ = schema_place->node;
  const Node* node = schema_place->node;
  std::string file;
  if (node->is(Node::Kind::kString)) {
    file = node->text;
    node = load_file(*schema_place);
    if (node == nullptr) return;
  }
  table_->facts_schema_ = compile_schema(*node, *schema_place, file);
  if (table_->facts_schema_ == nullptr) return;
  const Type type = type_of(*table_->facts_schema_);
  if (!type.is(TypeKind::kObject)) {
    context_.error(*schema_place, "facts_not_an_object",
                   "the facts must be an object, and the schema says " + type.to_string(),
                   "write type: object with properties");
    return;
  }
  facts_known_ = true;
  table_->facts_.emplace(table_->facts_schema_);
  table_->facts_type_ = accepted_type(*table_->facts_schema_);
  context_.set_facts_type(readable_type(*table_->facts_schema_));
}

const Node* Compiler::load_file(const Place& place) {
  const std::string& path = place.node->text;
  if (leaves_folder(path)) {
    context_.error(place, "bad_path", "'" + path + "' does not stay beside the document",
                   "write a path below the document's folder, such as ./facts.schema.json");
    return nullptr;
  }
  auto text = resolve_file_(path);
  if (!text.ok()) {
    context_.error(place, "missing_file", "the file '" + path + "' cannot be read: " + text.error().message,
                   "create it beside the document, or correct the path");
    return nullptr;
  }
  auto parsed = document::parse(*text, path);
  for (auto& diagnostic : parsed.diagnostics) reporter_.add(std::move(diagnostic));
  facts_file_ = std::move(parsed.root);
  return facts_file_.get();
}

schema::SchemaPtr Compiler::compile_schema(const Node& node, const Place& place, const std::string& file) {
  if (!node.is(Node::Kind::kMapping)) {
    context_.error(place, "bad_schema", "this must be a JSON Schema, and it is " + node.describe(),
                   "write a schema such as { type: number }");
    return nullptr;
  }
  Arena arena;
  auto compiled = schema::compile_in_document(node, document::to_value(node, arena), file);
  for (auto& diagnostic : compiled.diagnostics) {
    if (file.empty()) diagnostic.path = place.path;
    reporter_.add(std::move(diagnostic));
  }
  return compiled.schema;
}

void Compiler::read_outputs(const std::optional<Place>& place, const Place& root) {
  const bool counts = table_->aggregation_ == Aggregation::kCount;
  if (!place.has_value()) {
    columns_known_ = counts;
    if (!counts)
      context_.error(root, "missing_field", "a rule table needs 'outputs'",
                     "name what the table decides: outputs: { outcome: { type: string } }");
    return;
  }
  if (!place->node->is(Node::Kind::kMapping)) {
    context_.error(*place, "not_a_mapping",
                   "`outputs` must be a mapping, and this is " + place->node->describe(),
                   "write one entry per output: outcome: { type: string }");
    return;
  }
  const auto& entries = place->node->entries;
  if ((entries.empty() && !counts) || entries.size() > kMaxOutputs) {
    context_.error(*place, entries.empty() ? "no_outputs" : "too_many_outputs",
                   "a rule table has 1 to " + std::to_string(kMaxOutputs) + " outputs, and this has " +
                       std::to_string(entries.size()),
                   entries.empty() ? "name at least one output" : "split the table");
    return;
  }
  columns_known_ = true;
  for (const auto& entry : entries) read_column(entry, place->entry(entry));
  if (columns_known_) check_columns(*place);
}

void Compiler::read_column(const document::Entry& entry, const Place& place) {
  const bool reserved = entry.key == "matched";
  if (reserved || !is_output_name(entry.key)) {
    columns_known_ = false;
    context_.error_at(entry.position, place.path, "bad_output_name",
                      reserved ? "'matched' is the list of the rules that hit"
                               : "'" + entry.key + "' is no name of an output",
                      "use letters, digits and '_', such as outcome or risk_points");
    return;
  }
  auto schema = compile_schema(entry.value, place, "");
  if (schema == nullptr) {
    columns_known_ = false;
    return;
  }
  Type type = type_of(*schema);
  table_->columns_.push_back({entry.key, std::move(schema), std::move(type)});
}

void Compiler::check_columns(const Place& place) {
  const Place first = place.node->entries.empty() ? place : place.entry(place.node->entries.front());
  if (table_->columns_.empty()) return;
  if (table_->policy_ == HitPolicy::kPriority && table_->columns_[0].schema->type().enum_values.empty()) {
    context_.error(first, "priority_needs_enum",
                   "the hit policy `priority` orders rules by the enum of the first output, and '" +
                       table_->columns_[0].name + "' has none",
                   "write enum: [most important, ..., least important]");
  }
  const bool of_numbers = table_->aggregation_ == Aggregation::kSum ||
                          table_->aggregation_ == Aggregation::kMin ||
                          table_->aggregation_ == Aggregation::kMax;
  if (!of_numbers) return;
  const Type& type = table_->columns_[0].type;
  if (table_->columns_.size() != 1) {
    context_.error(place, "aggregate_needs_one_output",
                   "sum, min and max make one number of one output, and there are " +
                       std::to_string(table_->columns_.size()),
                   "keep the one that is aggregated, or collect without aggregation");
  } else if (!type.is(TypeKind::kInt) && !type.is(TypeKind::kDouble)) {
    context_.error(
        first, "aggregate_needs_a_number",
        "sum, min and max take numbers, and '" + table_->columns_[0].name + "' is " + type.to_string(),
        "write { type: number } or { type: integer }");
  }
}

void Compiler::read_no_match(const std::optional<Place>& fallback, const std::optional<Place>& on_no_match) {
  const Aggregation aggregation = table_->aggregation_;
  const bool has_empty = table_->policy_ == HitPolicy::kCollect && aggregation != Aggregation::kMin &&
                         aggregation != Aggregation::kMax;
  table_->no_match_ = has_empty ? NoMatch::kEmpty : NoMatch::kError;
  if (fallback.has_value()) {
    table_->no_match_ = NoMatch::kDefault;
    table_->default_.path = fallback->path;
    if (aggregation == Aggregation::kCount)
      context_.error(*fallback, "default_of_count", "a count needs no default: it is 0 when no rule hits",
                     "remove it");
    read_cells(*fallback, "the default", table_->default_);
  }
  if (!on_no_match.has_value()) return;
  if (fallback.has_value()) {
    context_.error(*on_no_match, "default_and_on_no_match", "with a `default` some result is always there",
                   "remove `on_no_match`, or the default");
  }
  const auto text = read_text(context_, *on_no_match, "`on_no_match`");
  if (!text.has_value()) return;
  if (*text == "error") {
    table_->no_match_ = NoMatch::kError;
  } else if (*text == "absent") {
    const bool stays_empty = has_empty && aggregation != Aggregation::kSum;
    table_->no_match_ = stays_empty ? NoMatch::kEmpty : NoMatch::kAbsent;
  } else {
    context_.error(
        *on_no_match, "bad_on_no_match", "'" + *text + "' is not understood",
        did_you_mean(*text, {"error", "absent"}, "write error or absent, or give the table a `default`"));
  }
}

void Compiler::set_types() {
  const bool required = table_->no_match_ != NoMatch::kAbsent;
  const Type matched = Type::list(Type::string());
  std::vector<expression::Field> outputs;
  for (const auto& column : table_->columns_) outputs.push_back({column.name, column.type, required});
  std::vector<expression::Field> result;
  if (table_->policy_ != HitPolicy::kCollect || table_->aggregation_ == Aggregation::kSum ||
      table_->aggregation_ == Aggregation::kMin || table_->aggregation_ == Aggregation::kMax) {
    result = std::move(outputs);
  } else if (table_->aggregation_ == Aggregation::kCount) {
    result.push_back({"count", Type::integer()});
  } else {
    result.push_back({"hits", Type::list(Type::object(std::move(outputs)))});
  }
  result.push_back({"matched", matched});
  table_->output_type_ = Type::object(std::move(result));
}

void Compiler::hash() {
  Arena arena;
  MapBuilder map(arena);
  for (const auto& entry : root_.entries) {
    if (entry.key == "facts") {
      MapBuilder facts(arena);
      facts.add("schema", table_->facts_schema_->document());
      map.add("facts", facts.build());
    } else {
      map.add(entry.key, document::to_value(entry.value, arena));
    }
  }
  table_->sha256_ = sha256(to_canonical_json(map.build()));
}

CompileOutcome compile(const Node& document, const std::string& file_name, const FileResolver& resolve_file) {
  return Compiler(document, file_name, resolve_file).run();
}

}  // namespace switchyard::rules
