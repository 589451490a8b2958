#include <deque>
#include <map>
#include <optional>

#include "base.h"
#include "layers.h"
#include "switchyard/base/check.h"
#include "switchyard/store/memory.h"

namespace switchyard::store {
namespace {

using Map = std::map<std::string, std::string, std::less<>>;

class MapCursor final : public BaseCursor {
 public:
  MapCursor(const Map& map, const Range& range, Direction direction)
      : map_(map), range_(range), direction_(direction) {
    if (direction == Direction::kForward) {
      at_ = map.lower_bound(range.from);
      valid_ = at_ != map.end() && inside();
    } else {
      at_ = range.until.empty() ? map.end() : map.lower_bound(range.until);
      advance();
    }
  }
  bool valid() const override { return valid_; }
  std::string_view key() const override { return at_->first; }
  std::string_view value() const override { return at_->second; }
  void advance() override {
    if (direction_ == Direction::kForward) {
      ++at_;
      valid_ = at_ != map_.end() && inside();
    } else {
      valid_ = at_ != map_.begin();
      if (valid_) --at_;
      valid_ = valid_ && inside();
    }
  }
  Status status() const override { return {}; }

 private:
  bool inside() const {
    return at_->first >= range_.from && (range_.until.empty() || at_->first < range_.until);
  }
  const Map& map_;
  const Range& range_;
  const Direction direction_;
  Map::const_iterator at_;
  bool valid_ = false;
};

class MemoryStore final : public MemoryStateStore, private Base {
 public:
  explicit MemoryStore(uint64_t seed)
      : random_(seed), layers_(std::make_unique<Layers>(static_cast<Base&>(*this))) {}

  void put(std::string_view key, std::string_view value) override {
    tick();
    layers_->put(key, value);
  }
  void insert(std::string_view key, std::string_view value) override {
    tick();
    layers_->insert(key, value);
  }
  void erase(std::string_view key) override {
    tick();
    layers_->erase(key);
  }
  Result<bool> get(std::string_view key, std::string& value) override {
    tick();
    return layers_->get(key, value);
  }
  Status scan(const Range& range, const ScanOptions& options, Visitor visitor) override {
    tick();
    return layers_->scan(range, options, visitor);
  }
  bool can_freeze() override {
    tick();
    return !layers_->has_frozen();
  }
  bool freeze(Checkpoint reflected, Durability durability) override {
    if (!can_freeze()) return false;
    SY_CHECK(!applied_ || applied_->offset <= reflected.offset);
    in_flight_ = &layers_->freeze();
    in_flight_at_ = reflected;
    in_flight_durable_ = durability == Durability::kDurable;
    calls_until_written_ = random() % 64;
    return true;
  }
  Status flush() override {
    if (disk_full_) return no_space();
    settle();
    make_durable();
    return {};
  }
  std::optional<Checkpoint> applied() override { return applied_; }
  std::optional<Checkpoint> flushed() const override { return flushed_; }
  Status health() const override {
    if (disk_full_) return no_space();
    return {};
  }
  size_t active_bytes() const override { return layers_->active_bytes(); }
  StoreStats stats() const override;

  void crash() override;
  void set_disk_full(bool full) override { disk_full_ = full; }
  void settle() override;

 private:
  /// What one checkpoint changed: new values, or nothing for keys that ended.
  struct Delta {
    Checkpoint checkpoint;
    std::map<std::string, std::optional<std::string>, std::less<>> changes;
  };

  Result<bool> base_get(std::string_view key, std::string& value) override {
    const auto found = base_.find(key);
    if (found == base_.end()) return false;
    value = found->second;
    return true;
  }
  std::unique_ptr<BaseCursor> base_scan(const Range& range, const ScanOptions& options) override {
    return std::make_unique<MapCursor>(base_, range, options.direction);
  }

  /// splitmix64 (Steele, Lea, Flood 2014).
  uint64_t random() {
    uint64_t z = random_ += 0x9E3779B97F4A7C15ull;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
  }
  void tick() {
    if (in_flight_ == nullptr || disk_full_) return;
    if (calls_until_written_ > 0)
      --calls_until_written_;
    else
      settle();
  }
  static void apply(const Delta& delta, Map& to);
  void make_durable();
  static Error no_space() {
    return make_error(
        ErrorKind::kNoSpace, "store.no_space",
        "the state in memory could not be written: the simulated disk is full; free space on it");
  }

  uint64_t random_;
  Map base_;     // what reads see below the overlays
  Map durable_;  // what a crash certainly leaves
  std::deque<Delta> unflushed_;
  std::optional<Checkpoint> applied_, flushed_;
  std::unique_ptr<Layers> layers_;
  const Overlay* in_flight_ = nullptr;
  Checkpoint in_flight_at_;
  bool in_flight_durable_ = false;
  uint64_t calls_until_written_ = 0;
  bool disk_full_ = false;
  uint64_t freezes_ = 0, keys_written_ = 0;
};

void MemoryStore::apply(const Delta& delta, Map& to) {
  for (const auto& [key, value] : delta.changes) {
    if (value)
      to.insert_or_assign(key, *value);
    else
      to.erase(key);
  }
}

void MemoryStore::settle() {
  if (in_flight_ == nullptr || disk_full_) return;
  Delta delta{in_flight_at_, {}};
  in_flight_->for_each([&](const Entry& entry) {
    auto& change = delta.changes[std::string(entry.key())];
    if (entry.live) change.emplace(entry.value());
  });
  apply(delta, base_);
  keys_written_ += delta.changes.size();
  ++freezes_;
  applied_ = in_flight_at_;
  unflushed_.push_back(std::move(delta));
  in_flight_ = nullptr;
  layers_->take_frozen();
  if (in_flight_durable_ || random() % 4 == 0) make_durable();
}

void MemoryStore::make_durable() {
  for (const auto& delta : unflushed_) {
    apply(delta, durable_);
    flushed_ = delta.checkpoint;
  }
  unflushed_.clear();
}

void MemoryStore::crash() {
  // A flush may have ended after any of the checkpoints written since the last one that was reported.
  for (uint64_t survive = random() % (unflushed_.size() + 1); survive > 0; --survive) {
    apply(unflushed_.front(), durable_);
    flushed_ = unflushed_.front().checkpoint;
    unflushed_.pop_front();
  }
  unflushed_.clear();
  base_ = durable_;
  applied_ = flushed_;
  in_flight_ = nullptr;
  layers_ = std::make_unique<Layers>(static_cast<Base&>(*this));
}

StoreStats MemoryStore::stats() const {
  StoreStats stats;
  stats.active_keys = layers_->active_keys();
  stats.active_bytes = layers_->active_bytes();
  stats.frozen_bytes = layers_->frozen_bytes();
  stats.freezes = freezes_;
  stats.keys_written = keys_written_;
  stats.keys_annihilated = layers_->annihilated();
  return stats;
}

}  // namespace

std::unique_ptr<MemoryStateStore> memory_state_store(uint64_t seed) {
  return std::make_unique<MemoryStore>(seed);
}

}  // namespace switchyard::store
