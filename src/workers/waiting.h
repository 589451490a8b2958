#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace switchyard::workers {

struct Entry;

/// The waiting tasks of one queue, by type. Within a type tenants take turns, and a tenant's tasks come in
/// their order; among the types that a worker can do, the task that has waited longest comes first.
class Waiting {
 public:
  void add(const std::string& type, const std::string& tenant, uint64_t order, Entry* entry);
  void remove(const std::string& type, const std::string& tenant, uint64_t order);
  /// The next task for a worker of these types (empty: all), taken out; nullptr: none.
  Entry* take(const std::vector<std::string>& types);

  size_t size() const { return size_; }
  /// nullptr when nothing waits.
  const Entry* oldest() const;

 private:
  struct Lane {
    std::map<std::string, std::map<uint64_t, Entry*>> tenants;  ///< none of them empty
    std::string last;                                           ///< whose turn was last
    std::map<std::string, std::map<uint64_t, Entry*>>::iterator next();
  };
  std::map<std::string, Lane> lanes_;  ///< none of them empty
  size_t size_ = 0;
};

}  // namespace switchyard::workers
