#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "../outline/steps.h"
#include "cursor.h"
#include "features.h"
#include "schema_walk.h"
#include "switchyard/expression/environment.h"

namespace switchyard::authoring::language {

/// What is known of the cursor's place: what the schema allows there, and which names can be read.
class Place {
 public:
  explicit Place(const Question& question);

  const Cursor& cursor() const { return cursor_; }
  /// Of the value or key that is written, or the word that is read.
  const SchemaPlace& schema() const { return schema_; }
  /// Of the mapping that the cursor is in.
  const SchemaPlace& mapping() const { return mapping_; }
  bool is_pipeline() const { return kind_ == "pipeline"; }
  bool is_known() const { return !kind_.empty(); }
  bool is(const char* part) const { return schema_.parts.contains(part); }
  /// An expression, or a template's leaf.
  bool is_expression() const { return is("expression") || is("template") || is("template_map"); }

  const std::shared_ptr<const Bundle>& bundle() const { return bundle_; }
  /// The cursor's document in its bundle; nullptr while it cannot be read.
  const governance::BundleDocument* document() const { return document_; }
  const std::vector<StepSite>& steps() const { return steps_; }
  /// The step of that name that is nearest around the cursor.
  const StepSite* find_step(const std::string& name) const;
  /// The names that expressions here can read, with their types as far as known.
  expression::Environment environment() const;

  /// The whole scalar under the cursor, on its line.
  std::string_view scalar() const;
  size_t scalar_offset() const { return question_.offset - cursor_.begin; }

 private:
  const workflow::Outline::Scope* scope() const;

  const Question& question_;
  Cursor cursor_;
  std::string kind_;
  std::shared_ptr<const Bundle> bundle_;  // shared with the workspace, which may replace it meanwhile
  const governance::BundleDocument* document_ = nullptr;
  document::ParseOutcome parsed_;
  std::vector<StepSite> steps_;
  SchemaPlace schema_, mapping_;
  std::shared_ptr<const workflow::Outline> outline_;  // the last one; shared with the workspace
};

/// Letters, digits and '_'.
bool is_word_character(char c);
/// The word around `offset`: where it begins and ends.
std::pair<size_t, size_t> word_at(std::string_view text, size_t offset);
/// The schema of pipelines, tables or costs documents; nullptr for other kinds.
const SchemaWalk* schema_of_kind(const std::string& kind);

}  // namespace switchyard::authoring::language
