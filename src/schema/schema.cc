#include "switchyard/schema/schema.h"

#include "checker.h"
#include "compiler.h"
#include "normalizer.h"
#include "switchyard/schema/limits.h"

namespace switchyard::schema {

Schema::Schema(std::unique_ptr<const Program> program) : program_(std::move(program)) {}
Schema::~Schema() = default;

Compiled Schema::compile(const Value& document) {
  Compiled compiled;
  auto program = std::make_unique<Program>();
  program->document = make_document(document);
  Compiler(*program, compiled.diagnostics).run();
  if (has_errors(compiled.diagnostics)) return compiled;
  derive_types(*program);
  compiled.schema = SchemaPtr(new Schema(std::move(program)));
  return compiled;
}

Result<SchemaPtr> Schema::compile_or_error(const Value& document) {
  Compiled compiled = compile(document);
  if (compiled.schema != nullptr) return compiled.schema;
  size_t errors = 0;
  const Diagnostic* first = nullptr;
  for (const Diagnostic& diagnostic : compiled.diagnostics) {
    if (diagnostic.severity != Diagnostic::Severity::kError) continue;
    if (errors++ == 0) first = &diagnostic;
  }
  SY_CHECK(first != nullptr);
  std::string message = "the schema has a mistake: " + first->message + "; " + first->mend;
  if (errors > 1) message += " (and " + std::to_string(errors - 1) + " more)";
  return make_error(ErrorKind::kUnprocessable, "schema.invalid", std::move(message), first->path);
}

bool Schema::accepts(const Value& value) const { return Checker(*program_).run(program_->root, value); }

std::vector<Violation> Schema::validate(const Value& value) const {
  std::vector<Violation> violations;
  const bool accepted = Checker(*program_).run(program_->root, value);
  if (accepted) return violations;
  (void)Checker(*program_, &violations).run(program_->root, value);
  SY_CHECK(!violations.empty());
  return violations;
}

Result<Value> Schema::normalize(const Value& value, Arena& arena) const {
  Value current = value;
  for (uint32_t round = 0; round < kMaxRounds; ++round) {
    Checker checker(*program_);
    if (!checker.run(program_->root, current)) {
      Error error = violations_error(validate(current));
      if (round > 0) error.message = "with the defaults filled in, " + error.message;
      return error;
    }
    if (!checker.may_change()) return current;
    Normalizer normalizer(*program_, arena);
    current = normalizer.run(program_->root, current);
    if (!program_->defaults_may_conflict || !normalizer.filled_defaults()) return current;
  }
  return make_error(
      ErrorKind::kInvalidArgument, "schema.violation",
      "the defaults of the schema lead to ever more of them; remove those inside of anyOf and oneOf");
}

const SchemaType& Schema::type() const { return *program_->root_type; }
const Value& Schema::document() const { return program_->document.root(); }

Error violations_error(const std::vector<Violation>& violations) {
  SY_CHECK(!violations.empty());
  std::string message = violations[0].message;
  if (violations.size() > 1) message += " (and " + std::to_string(violations.size() - 1) + " more)";
  return make_error(ErrorKind::kInvalidArgument, "schema.violation", std::move(message),
                    violations[0].pointer);
}

}  // namespace switchyard::schema
