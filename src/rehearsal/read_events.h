#pragma once

#include <string>
#include <vector>

#include "case.h"

namespace switchyard::rehearsal {

/// Reads what a case says of events: those that are published, and those that must come of it.
class EventReader {
 public:
  /// `pipeline` may be null: then nothing is checked against it.
  EventReader(const workflow::Pipeline* pipeline, const workflow::Catalog& catalog,
              document::Reporter& reporter)
      : pipeline_(pipeline), catalog_(catalog), reporter_(reporter) {}

  void events(const document::Node& node, const std::string& path, std::vector<GivenEvent>& events);
  void downtimes(const document::Node& node, const std::string& path, std::vector<Downtime>& downtimes);
  /// What the agent keeps before the case.
  Document keeps(const document::Node& node, const std::string& path);

  std::vector<Document> emitted(const document::Node& node, const std::string& path);
  std::vector<std::pair<std::string, Document>> kept(const document::Node& node, const std::string& path);
  std::vector<DeadLetterEntry> dead_letters(const document::Node& node, const std::string& path);
  std::vector<std::pair<std::string, int64_t>> webhooks(const document::Node& node, const std::string& path);

 private:
  bool is_list(const document::Node& node, const std::string& path, const std::string& name,
               const std::string& example);
  Document event(const document::Node& node, const std::string& path, size_t number, int64_t* after_us);
  void check_data(const document::Node& node, const std::string& path, const Value& event);

  const workflow::Pipeline* pipeline_;
  const workflow::Catalog& catalog_;
  document::Reporter& reporter_;
};

}  // namespace switchyard::rehearsal
