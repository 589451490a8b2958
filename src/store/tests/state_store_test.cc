#include <gtest/gtest.h>

#include "store_fixture.h"

namespace switchyard::store {
namespace {

template <typename S>
class StateStoreTest : public testing::Test {
 protected:
  S subject_{1};
  StateStore& store() { return subject_.store(); }
};

struct SubjectNames {
  template <typename S>
  static std::string GetName(int) {
    return std::is_same_v<S, RocksSubject> ? "Rocks" : "Memory";
  }
};
using Subjects = testing::Types<RocksSubject, MemorySubject>;
TYPED_TEST_SUITE(StateStoreTest, Subjects, SubjectNames);

TYPED_TEST(StateStoreTest, ReadsWhatWasPutThroughEveryLayer) {
  auto& store = this->store();
  store.put("run/1", "in the base");
  store.put("run/2", "replaced later");
  ASSERT_TRUE(store.freeze(at(10), Durability::kWritten));
  this->subject_.settle();
  store.put("run/2", "frozen");
  store.put("run/3", std::string("with\0zero", 9));
  ASSERT_TRUE(store.freeze(at(20), Durability::kWritten));
  store.put("run/4", "");
  EXPECT_EQ(store.get("run/1").value(), "in the base");
  EXPECT_EQ(store.get("run/2").value(), "frozen");
  EXPECT_EQ(store.get("run/3").value(), std::string("with\0zero", 9));
  EXPECT_EQ(store.get("run/4").value(), "");
  EXPECT_EQ(store.get("run/5").value(), std::nullopt);
}

TYPED_TEST(StateStoreTest, AnErasedKeyStaysErasedWhicheverLayerHeldIt) {
  auto& store = this->store();
  store.put("a/base", "1");
  store.put("a/both", "1");
  ASSERT_TRUE(store.freeze(at(1), Durability::kWritten));
  this->subject_.settle();
  store.put("a/frozen", "1");
  store.put("a/both", "2");
  ASSERT_TRUE(store.freeze(at(2), Durability::kWritten));
  store.put("a/active", "1");
  for (const auto* key : {"a/base", "a/both", "a/frozen", "a/active"}) store.erase(key);
  EXPECT_EQ(scanned(store, Range::all()), Entries{});
  this->subject_.settle();
  EXPECT_EQ(scanned(store, Range::all()), Entries{});
  ASSERT_TRUE(store.freeze(at(3), Durability::kWritten));
  this->subject_.settle();
  for (const auto* key : {"a/base", "a/both", "a/frozen", "a/active"})
    EXPECT_EQ(store.get(key).value(), std::nullopt);
  EXPECT_EQ(scanned(store, Range::all()), Entries{});
}

TYPED_TEST(StateStoreTest, AnInsertedKeyErasedBeforeTheFreezeNeverReachesTheBase) {
  auto& store = this->store();
  for (int i = 0; i < 100; ++i) store.insert("run/" + std::to_string(i), "short life");
  (void)scanned(store, Range::prefix("run/"));  // some are in the ordered view, some are not
  for (int i = 100; i < 200; ++i) store.insert("run/" + std::to_string(i), "short life");
  for (int i = 0; i < 200; ++i) store.erase("run/" + std::to_string(i));
  EXPECT_EQ(store.stats().active_keys, 0u);
  ASSERT_TRUE(store.freeze(at(1), Durability::kWritten));
  this->subject_.settle();
  EXPECT_EQ(store.stats().keys_written, 0u);
  EXPECT_EQ(store.stats().keys_annihilated, 200u);
  EXPECT_EQ(store.applied(), at(1));
}

TYPED_TEST(StateStoreTest, AKeyInsertedAgainOverItsTombstoneStillHidesTheBaseWhenErased) {
  auto& store = this->store();
  store.put("k", "old");
  ASSERT_TRUE(store.freeze(at(1), Durability::kWritten));
  this->subject_.settle();
  store.erase("k");
  store.insert("k", "new");
  EXPECT_EQ(store.get("k").value(), "new");
  store.erase("k");
  EXPECT_EQ(store.get("k").value(), std::nullopt);
  ASSERT_TRUE(store.freeze(at(2), Durability::kWritten));
  // The tombstone is frozen now; a new key above it must fall back onto it.
  store.insert("k", "newer");
  store.erase("k");
  EXPECT_EQ(store.get("k").value(), std::nullopt);
  this->subject_.settle();
  EXPECT_EQ(store.get("k").value(), std::nullopt);
}

TYPED_TEST(StateStoreTest, ScansInBothDirectionsWithBoundsAndLimitAcrossLayers) {
  auto& store = this->store();
  store.put("a", "1");
  store.put("b1", "base");
  store.put("b3", "base");
  ASSERT_TRUE(store.freeze(at(1), Durability::kWritten));
  this->subject_.settle();
  store.put("b2", "frozen");
  store.erase("b3");
  ASSERT_TRUE(store.freeze(at(2), Durability::kWritten));
  store.put("b4", "active");
  store.put("b1", "active");
  store.put("c", "1");
  const Entries b{{"b1", "active"}, {"b2", "frozen"}, {"b4", "active"}};
  EXPECT_EQ(scanned(store, Range::prefix("b")), b);
  EXPECT_EQ(scanned(store, Range::prefix("b"), {.direction = Direction::kBackward}),
            Entries(b.rbegin(), b.rend()));
  EXPECT_EQ(scanned(store, Range::prefix("b"), {.limit = 2}), Entries(b.begin(), b.begin() + 2));
  EXPECT_EQ(scanned(store, Range::between("b2", "b4")), Entries(b.begin() + 1, b.begin() + 2));
  EXPECT_EQ(scanned(store, Range::between("b4", "b2")), Entries{});
  EXPECT_EQ(scanned(store, Range::between("", "a")), Entries{});
  size_t seen = 0;
  ASSERT_TRUE(store.scan(Range::all(), [&](std::string_view, std::string_view) { return ++seen < 2; }).ok());
  EXPECT_EQ(seen, 2u);
}

TYPED_TEST(StateStoreTest, ScanNeverShowsTheStoresOwnKeys) {
  auto& store = this->store();
  ASSERT_TRUE(store.freeze(at(5), Durability::kDurable));
  this->subject_.settle();
  EXPECT_EQ(scanned(store, Range::all()), Entries{});
  EXPECT_EQ(scanned(store, Range::all(), {.direction = Direction::kBackward}), Entries{});
}

TYPED_TEST(StateStoreTest, FlushMakesTheLastFreezeSurviveACrashAndNothingAfterIt) {
  auto& store = this->store();
  EXPECT_EQ(store.applied(), std::nullopt);
  EXPECT_EQ(store.flushed(), std::nullopt);
  store.put("kept", "1");
  ASSERT_TRUE(store.freeze(at(7, 3), Durability::kWritten));
  ASSERT_TRUE(store.flush().ok());
  EXPECT_EQ(store.flushed(), at(7, 3));
  store.put("lost", "1");
  this->subject_.crash();
  EXPECT_EQ(this->store().applied(), at(7, 3));
  EXPECT_EQ(this->store().flushed(), at(7, 3));
  EXPECT_EQ(scanned(this->store(), Range::all()), (Entries{{"kept", "1"}}));
}

TYPED_TEST(StateStoreTest, ADurableFreezeAdvancesFlushedByItself) {
  auto& store = this->store();
  store.put("k", "v");
  ASSERT_TRUE(store.freeze(at(9), Durability::kDurable));
  this->subject_.settle();
  while (store.flushed() != at(9)) std::this_thread::yield();
  this->subject_.crash();
  EXPECT_EQ(this->store().get("k").value(), "v");
}

TYPED_TEST(StateStoreTest, AFreezeIsDeclinedWhileOneIsInFlightAndNothingIsLost) {
  auto& store = this->store();
  Model model;
  uint64_t declined = 0;
  for (int i = 0; i < 2000; ++i) {
    const std::string key = "k" + std::to_string(i % 700);
    store.put(key, std::to_string(i));
    model[key] = std::to_string(i);
    if (!store.freeze(at(static_cast<uint64_t>(i)), Durability::kWritten)) ++declined;
  }
  EXPECT_GT(declined, 0u);
  EXPECT_EQ(scanned(store, Range::all()), entries_of(model));
}

TYPED_TEST(StateStoreTest, LargeAndShrinkingValuesAreKeptExactly) {
  auto& store = this->store();
  for (const size_t size : {0, 1, 15, 16, 17, 255, 256, 257, 4096, 4097, 100000, 3, 70000, 0, 12}) {
    store.put("k", std::string(size, 'x') + "end");
    EXPECT_EQ(store.get("k").value()->size(), size + 3);
    EXPECT_TRUE(store.get("k").value()->ends_with("end"));
  }
  EXPECT_LT(store.active_bytes(), 4096u);  // the room of the large values was given back
}

/// Random calls against a std::map; after a crash the store must equal the map as it was at applied().
template <typename S>
void run_against_model(uint64_t seed, int steps) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const auto below = [&](uint64_t n) { return random() % n; };
  S subject(seed);
  Model model;
  std::map<uint64_t, Model> checkpoints{{0, {}}};
  uint64_t known_flushed = 0;

  const auto random_key = [&] {
    static constexpr char kFirst[] = {'\x01', 'r', 't', '\xff'};
    std::string key(1, kFirst[below(4)]);
    for (uint64_t n = below(3); n > 0; --n)
      key.push_back(static_cast<char>(below(2) == 0 ? below(6) : 250 + below(6)));
    return key;
  };
  for (int step = 1; step <= steps; ++step) {
    auto& store = subject.store();
    const auto offset = static_cast<uint64_t>(step);
    const std::string key = random_key();
    const uint64_t choice = below(100);
    if (choice < 35) {
      const std::string value =
          std::to_string(step) + std::string(below(20) == 0 ? below(9000) : below(60), 'v');
      if (model.contains(key) || below(2) == 0)
        store.put(key, value);
      else
        store.insert(key, value);
      model[key] = value;
    } else if (choice < 60) {
      store.erase(key);
      model.erase(key);
    } else if (choice < 75) {
      const auto found = store.get(key);
      ASSERT_TRUE(found.ok());
      const auto known = model.find(key);
      ASSERT_EQ(found.value(), known == model.end() ? std::nullopt : std::optional(known->second))
          << "step " << step;
    } else if (choice < 88) {
      const ScanOptions options{below(2) == 0 ? Direction::kForward : Direction::kBackward,
                                below(3) == 0 ? below(9) : 0, below(4) == 0};
      const Range range = below(4) == 0   ? Range::all()
                          : below(2) == 0 ? Range::prefix(key)
                                          : Range::between(key, random_key());
      ASSERT_EQ(scanned(store, range, options), expected(model, range, options)) << "step " << step;
    } else if (choice < 95) {
      if (store.freeze(at(offset), below(5) == 0 ? Durability::kDurable : Durability::kWritten))
        checkpoints[offset] = model;
    } else if (choice < 97) {
      subject.settle();
    } else if (choice < 98) {
      ASSERT_TRUE(store.flush().ok());
      if (store.applied()) {
        ASSERT_EQ(store.flushed(), store.applied());
      }
    } else if (below(3) == 0) {
      subject.crash();
      const auto applied = subject.store().applied();
      const uint64_t survived = applied ? applied->offset.value : 0;
      ASSERT_GE(survived, known_flushed) << "step " << step;
      ASSERT_TRUE(checkpoints.contains(survived));
      model = checkpoints[survived];
      checkpoints.erase(checkpoints.upper_bound(survived), checkpoints.end());
      ASSERT_EQ(scanned(subject.store(), Range::all()), entries_of(model)) << "step " << step;
    }
    if (const auto flushed = subject.store().flushed()) {
      ASSERT_GE(flushed->offset.value, known_flushed) << "flushed() went back at step " << step;
      known_flushed = flushed->offset.value;
    }
  }
  ASSERT_EQ(scanned(subject.store(), Range::all()), entries_of(model));
}

TEST(StateStoreModel, MemoryBehavesAsAMapWhateverIsFrozenFlushedAndCrashed) {
  for (uint64_t seed = 1; seed <= 100; ++seed)
    ASSERT_NO_FATAL_FAILURE(run_against_model<MemorySubject>(seed, 1000));
}

TEST(StateStoreModel, RocksBehavesAsAMapWhateverIsFrozenFlushedAndCrashed) {
  for (uint64_t seed = 1; seed <= 4; ++seed)
    ASSERT_NO_FATAL_FAILURE(run_against_model<RocksSubject>(seed, 3000));
}

TEST(MemoryStateStore, TheSameSeedAndCallsGiveTheSameCrash) {
  const auto survivors = [](uint64_t seed) {
    const auto store = memory_state_store(seed);
    std::vector<uint64_t> offsets;
    for (uint64_t i = 1; i <= 300; ++i) {
      store->put("k", std::to_string(i));
      store->freeze(at(i), Durability::kWritten);
      if (i % 20 == 0) {
        store->crash();
        offsets.push_back(store->applied() ? store->applied()->offset.value : 0);
      }
    }
    return offsets;
  };
  EXPECT_EQ(survivors(4), survivors(4));
  EXPECT_NE(survivors(4), survivors(5));
}

TEST(MemoryStateStore, AFullDiskHoldsTheFreezeBackUntilThereIsSpace) {
  const auto store = memory_state_store(1);
  store->put("k", "v");
  ASSERT_TRUE(store->freeze(at(1), Durability::kWritten));
  store->set_disk_full(true);
  store->settle();
  EXPECT_FALSE(store->can_freeze());
  EXPECT_EQ(store->flush().error().kind, ErrorKind::kNoSpace);
  EXPECT_EQ(store->health().error().code, "store.no_space");
  EXPECT_EQ(store->get("k").value(), "v");
  store->set_disk_full(false);
  ASSERT_TRUE(store->flush().ok());
  EXPECT_TRUE(store->health().ok());
  EXPECT_EQ(store->flushed(), at(1));
}

}  // namespace
}  // namespace switchyard::store
