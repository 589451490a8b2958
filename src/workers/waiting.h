#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "switchyard/types/priority.h"

namespace switchyard::workers {

struct Entry;

/// The waiting tasks of one queue, by type. Within a type tenants take turns, and a tenant's tasks come in
/// their order; among the types that a worker can do, the first in order comes.
class Waiting {
 public:
  void add(const std::string& type, const std::string& tenant, QueueOrder order, Entry* entry);
  void remove(const std::string& type, const std::string& tenant, QueueOrder order);
  /// The next task for a worker of these types (empty: all), taken out; nullptr: none.
  Entry* take(const std::vector<std::string>& types);

  size_t size() const { return by_age_.size(); }
  /// Who came first; nullptr when nothing waits.
  const Entry* oldest() const { return by_age_.empty() ? nullptr : by_age_.begin()->second; }
  /// Whose turn would come last; nullptr when nothing waits.
  Entry* last() const;

 private:
  struct Lane {
    std::map<std::string, std::map<QueueOrder, Entry*>> tenants;  ///< none of them empty
    std::string last;                                             ///< whose turn was last
    std::map<std::string, std::map<QueueOrder, Entry*>>::iterator next();
  };
  std::map<std::string, Lane> lanes_;  ///< none of them empty
  std::map<uint64_t, Entry*> by_age_;
};

}  // namespace switchyard::workers
