#include "overlay.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <vector>

#include "slab.h"

namespace switchyard::store {
namespace {

TEST(Slab, GivesEveryPieceItsOwnMemoryAndReusesWhatWasReleased) {
  Slab slab;
  std::mt19937_64 random(7);
  std::map<char*, std::pair<size_t, char>> held;
  for (int i = 0; i < 20000; ++i) {
    if (held.size() < 500 && random() % 5 < 3) {
      const size_t bytes = random() % 10 == 0 ? random() % 20000 : random() % 700;
      char* piece = static_cast<char*>(slab.allocate(bytes));
      ASSERT_GE(Slab::rounded(bytes), bytes);
      ASSERT_EQ(reinterpret_cast<uintptr_t>(piece) % 8, 0u);
      const char fill = static_cast<char>(random());
      std::fill_n(piece, bytes, fill);
      ASSERT_TRUE(held.emplace(piece, std::pair(bytes, fill)).second);
    } else if (!held.empty()) {
      const auto one = std::next(held.begin(), static_cast<long>(random() % held.size()));
      const auto [bytes, fill] = one->second;
      for (size_t b = 0; b < bytes; ++b) ASSERT_EQ(one->first[b], fill);
      slab.release(one->first, bytes);
      held.erase(one);
    }
  }
  for (const auto& [piece, what] : held) slab.release(piece, what.first);
  EXPECT_EQ(slab.used_bytes(), 0u);
}

TEST(Slab, RoundsUpByAQuarterAtMost) {
  for (size_t bytes = 1; bytes <= 4096; ++bytes) {
    EXPECT_GE(Slab::rounded(bytes), bytes);
    EXPECT_LE(Slab::rounded(bytes), bytes + std::max<size_t>(15, bytes / 4)) << bytes;
    if (bytes > 1) {
      EXPECT_GE(Slab::rounded(bytes), Slab::rounded(bytes - 1));
    }
  }
}

TEST(Overlay, FindsExactlyWhatWasAddedAndNotRemovedUnderManyCollisions) {
  // Made-up hashes: sixteen homes only, some at the end of the table so that probing wraps around.
  const auto hash_of = [](int i) {
    return static_cast<uint64_t>(i % 16 < 8 ? i % 16 : 0xFFFFFFF0u + i % 16);
  };
  Overlay overlay;
  std::map<int, Entry*> model;
  std::mt19937_64 random(3);
  for (int step = 0; step < 30000; ++step) {
    const int i = static_cast<int>(random() % 300);
    const std::string key = "k" + std::to_string(i);
    Entry* found = overlay.find(key, hash_of(i));
    ASSERT_EQ(found, model.contains(i) ? model[i] : nullptr);
    if (found == nullptr) {
      model[i] = overlay.add(key, hash_of(i));
      overlay.set_value(model[i], key);
    } else if (random() % 2 == 0) {
      overlay.remove(found, hash_of(i));
      model.erase(i);
    }
    ASSERT_EQ(overlay.keys(), model.size());
    if (step % 1000 == 0) {
      const Range range = Range::all();
      size_t seen = 0;
      for (Overlay::Cursor cursor(overlay, range, Direction::kForward); cursor.entry() != nullptr;
           cursor.advance())
        ++seen;
      ASSERT_EQ(seen, model.size());
    }
  }
}

TEST(Overlay, OrdersOnlyTheTablesThatAreScanned) {
  Overlay overlay;
  for (int i = 0; i < 100; ++i) {
    for (const char table : {'a', 'b', 'c'}) {
      const std::string key = table + std::to_string(i);
      overlay.set_value(overlay.add(key, Overlay::hash(key)), "v");
    }
  }
  const auto pending = [&](char table) {
    size_t n = 0;
    overlay.for_each([&](const Entry& e) { n += e.key()[0] == table && e.pending_at != Entry::kIndexed; });
    return n;
  };
  const Range range = Range::prefix("b");
  Overlay::Cursor cursor(overlay, range, Direction::kBackward);
  ASSERT_NE(cursor.entry(), nullptr);
  EXPECT_EQ(cursor.entry()->key(), "b99");
  EXPECT_EQ(pending('a'), 100u);
  EXPECT_EQ(pending('b'), 0u);
}

}  // namespace
}  // namespace switchyard::store
