#include "faulty_store.h"

#include "keys.h"
#include "switchyard/review/item.h"

namespace switchyard::sim {
namespace {

namespace keys = partition::keys;

class Borrowed final : public store::StateStore {
 public:
  Borrowed(store::MemoryStateStore& store, Plant plant) : store_(store), plant_(plant) {}

  void put(std::string_view key, std::string_view value) override {
    if (!loses(key)) store_.put(key, value);
  }
  void insert(std::string_view key, std::string_view value) override {
    if (!loses(key)) store_.insert(key, value);
  }
  void erase(std::string_view key) override { store_.erase(key); }
  Result<bool> get(std::string_view key, std::string& value) override {
    auto found = store_.get(key, value);
    if (plant_ == Plant::kTwoClaims && key.front() == keys::kReview && found.ok() && *found)
      forget_claim(key, value);
    return found;
  }
  Status scan(const store::Range& range, const store::ScanOptions& options, store::Visitor visitor) override {
    return store_.scan(range, options, visitor);
  }
  bool can_freeze() override { return store_.can_freeze(); }
  bool freeze(store::Checkpoint reflected, store::Durability durability) override {
    return store_.freeze(reflected, durability);
  }
  Status flush() override { return store_.flush(); }
  std::optional<store::Checkpoint> applied() override { return store_.applied(); }
  std::optional<store::Checkpoint> flushed() const override { return store_.flushed(); }
  Status health() const override { return store_.health(); }
  size_t active_bytes() const override { return store_.active_bytes(); }
  store::StoreStats stats() const override { return store_.stats(); }

 private:
  bool loses(std::string_view key) {
    if (plant_ == Plant::kForgottenKeys) return key.front() == keys::kIdempotency;
    if (plant_ == Plant::kForgottenSignals) return key.front() == keys::kSignalKey;
    if (plant_ == Plant::kLostCursors) return key.front() == keys::kInbox && ++writes_ % 3 == 0;
    return plant_ == Plant::kLostWrites && key.front() == keys::kQueue && ++writes_ % 3 == 0;
  }
  static void forget_claim(std::string_view key, std::string& value) {
    auto item = review::decode_item(RunId::from_bytes(key.substr(1)), value);
    if (!item.ok() || item->status != review::ItemStatus::kClaimed) return;
    item->claim_until_us = 0;
    value.clear();
    review::encode_item(*item, value);
  }

  store::MemoryStateStore& store_;
  const Plant plant_;
  uint64_t writes_ = 0;
};

}  // namespace

std::unique_ptr<store::StateStore> borrow_store(store::MemoryStateStore& store, Plant plant) {
  return std::make_unique<Borrowed>(store, plant);
}

}  // namespace switchyard::sim
