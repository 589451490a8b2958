#pragma once

#include <string>
#include <vector>

#include "case.h"
#include "entries.h"

namespace switchyard::rehearsal {

/// Reads what a case puts in the place of the outside.
class StubReader {
 public:
  /// `pipeline` may be null: then names and types are not checked.
  StubReader(const workflow::Pipeline* pipeline, const workflow::Catalog& catalog,
             document::Reporter& reporter)
      : pipeline_(pipeline), catalog_(catalog), reporter_(reporter) {}

  void stubs(const document::Node& node, const std::string& path, std::vector<Stubs>& stubs);
  void people(const document::Node& node, const std::string& path, std::vector<PersonAnswer>& people);
  void moves(const document::Node& node, const std::string& path, std::vector<Move>& moves);

  void unknown_step(document::Position at, const std::string& path, const std::string& name);

 private:
  bool read_signal(Entries& entries, const std::string& name, const document::Node* payload, Move& move);
  Stub stub(const document::Node& node, const std::string& path, const workflow::Step* step);
  void failure(const document::Node& node, const std::string& path, Stub& stub);
  /// What each model of an ensemble or a cascade gives.
  void members(const document::Node& node, const std::string& path, const workflow::Step& step, Stub& stub);
  Stub member(const document::Node& node, const std::string& path, const expression::Type& type);
  Document answer(const document::Node& node, const std::string& path, const workflow::Step* step);
  Document http_answer(const document::Node& node, const std::string& path, const workflow::Step& step,
                       Stub& stub);
  /// The step of that name; reports when there is none or when it is of another kind.
  const workflow::Step* find(document::Position at, const std::string& path, const std::string& name,
                             bool review);

  const workflow::Pipeline* pipeline_;
  const workflow::Catalog& catalog_;
  document::Reporter& reporter_;
};

}  // namespace switchyard::rehearsal
