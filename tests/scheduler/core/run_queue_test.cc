#include "scheduler/core/run_queue.h"

#include <atomic>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace outrigger::scheduler {
namespace {

using SmallQueue = RunQueue<4>;

class RunQueueTest : public testing::Test {
 protected:
  G* g(size_t i) { return &gs_[i]; }
  // Index of a G; -1 for null.
  int Name(const G* g) const { return g ? static_cast<int>(g - gs_.data()) : -1; }
  void Push(SmallQueue& queue, std::initializer_list<size_t> names) {
    for (size_t i : names) ASSERT_EQ(queue.Push(g(i), /*front=*/false), nullptr);
  }

  std::vector<G> gs_{16};
};

TEST_F(RunQueueTest, FirstInFirstOut) {
  SmallQueue queue;
  EXPECT_TRUE(queue.Empty());
  for (int round = 0; round < 3; ++round) {
    Push(queue, {0, 1, 2, 3});
    EXPECT_EQ(queue.size(), 4u);
    for (int i = 0; i < 4; ++i) EXPECT_EQ(Name(queue.Pop()), i);
    EXPECT_EQ(queue.Pop(), nullptr);
    EXPECT_TRUE(queue.Empty());
  }
}

TEST_F(RunQueueTest, TheRunNextSlotGoesFirstAndKicksWhoWasThereToTheTail) {
  SmallQueue queue;
  Push(queue, {0});
  EXPECT_EQ(queue.Push(g(1), /*front=*/true), nullptr);
  EXPECT_EQ(queue.Push(g(2), /*front=*/true), nullptr);
  EXPECT_FALSE(queue.Empty());
  for (int expected : {2, 0, 1, -1}) EXPECT_EQ(Name(queue.Pop()), expected);
}

TEST_F(RunQueueTest, TheOldestIsTakenPastRunNext) {
  SmallQueue queue;
  EXPECT_FALSE(queue.OnlyNext());
  Push(queue, {0});
  EXPECT_EQ(queue.Push(g(1), /*front=*/true), nullptr);
  EXPECT_FALSE(queue.OnlyNext());
  EXPECT_EQ(Name(queue.PopOldest()), 0);
  EXPECT_EQ(queue.PopOldest(), nullptr);
  EXPECT_TRUE(queue.OnlyNext());
  EXPECT_EQ(Name(queue.Pop()), 1);
}

TEST_F(RunQueueTest, WithoutThievesTheOrderIsTheSame) {
  SmallQueue queue;
  queue.SetUnshared();
  for (int round = 0; round < 3; ++round) {
    Push(queue, {0});
    EXPECT_EQ(queue.Push(g(1), /*front=*/true), nullptr);
    EXPECT_EQ(queue.Push(g(2), /*front=*/true), nullptr);
    for (int expected : {2, 0, 1, -1}) EXPECT_EQ(Name(queue.Pop()), expected);
    EXPECT_TRUE(queue.Empty());
  }
}

TEST_F(RunQueueTest, AFullRingGivesItsOlderHalfAndTheNewOneAway) {
  SmallQueue queue;
  Push(queue, {0, 1, 2, 3});
  std::vector<int> chain;
  for (G* given = queue.Push(g(4), /*front=*/false); given; given = given->next) {
    chain.push_back(Name(given));
  }
  EXPECT_EQ(chain, (std::vector<int>{0, 1, 4}));
  for (int expected : {2, 3, -1}) EXPECT_EQ(Name(queue.Pop()), expected);
}

TEST_F(RunQueueTest, AThiefTakesTheOlderHalfRoundedUp) {
  SmallQueue queue, thief;
  Push(queue, {0, 1, 2});
  EXPECT_EQ(Name(queue.StealInto(thief, /*take_next=*/false)), 1);
  EXPECT_EQ(Name(thief.Pop()), 0);
  EXPECT_EQ(Name(queue.StealInto(thief, /*take_next=*/false)), 2);
  EXPECT_EQ(queue.StealInto(thief, /*take_next=*/false), nullptr);
  EXPECT_TRUE(thief.Empty());
}

TEST_F(RunQueueTest, AThiefTakesRunNextOnlyWhereAskedToAndNothingElseIsThere) {
  SmallQueue queue, thief;
  Push(queue, {0});
  queue.Push(g(1), /*front=*/true);
  EXPECT_EQ(Name(queue.StealInto(thief, /*take_next=*/true)), 0);
  EXPECT_EQ(queue.StealInto(thief, /*take_next=*/false), nullptr);
  EXPECT_EQ(Name(queue.StealInto(thief, /*take_next=*/true)), 1);
  EXPECT_TRUE(queue.Empty());
}

// Each G that the owner pushed is taken by exactly one of: owner, a thief, an overflow.
TEST(RunQueueRaceTest, NothingIsLostOrTakenTwice) {
  constexpr size_t kGs = 200'000;
  constexpr size_t kThieves = 3;
  std::vector<G> gs(kGs);
  std::unique_ptr<std::atomic<uint8_t>[]> taken(new std::atomic<uint8_t>[kGs]());
  SmallQueue queue;
  std::atomic<bool> over{false};
  const auto take = [&](G* g) { taken[static_cast<size_t>(g - gs.data())].fetch_add(1); };

  std::vector<std::thread> thieves;
  for (size_t i = 0; i < kThieves; ++i) {
    thieves.emplace_back([&, i] {
      SmallQueue own;
      while (true) {
        const bool last = over.load();
        G* g = queue.StealInto(own, /*take_next=*/i == 0);
        for (; g; g = own.Pop()) take(g);
        if (last && queue.Empty()) return;
        std::this_thread::yield();
      }
    });
  }
  std::minstd_rand random(1);
  for (size_t i = 0; i < kGs;) {
    if (random() % 3 != 0) {
      G* chain = queue.Push(&gs[i++], /*front=*/random() % 4 == 0);
      while (chain) {
        G* next = chain->next;  // nobody's but ours
        take(chain);
        chain = next;
      }
    } else if (G* g = queue.Pop()) {
      take(g);
    }
    ASSERT_LE(queue.size(), 4u);
  }
  while (G* g = queue.Pop()) take(g);
  over.store(true);
  for (std::thread& thief : thieves) thief.join();
  for (size_t i = 0; i < kGs; ++i) ASSERT_EQ(taken[i].load(), 1) << i;
}

// What a parking P relies on: a queue that is never empty never looks empty.
TEST(RunQueueRaceTest, AQueueThatHoldsOneDoesNotLookEmpty) {
  std::vector<G> gs(2);
  SmallQueue queue;
  std::atomic<bool> over{false};
  queue.Push(&gs[0], /*front=*/true);
  int empty = 0;
  std::thread watcher([&] {
    while (!over.load()) empty += queue.Empty();
  });
  G* spare = &gs[1];
  SmallQueue other;
  for (int i = 0; i < 200'000; ++i) {
    // The slot holds one. It is kicked into the ring, and the slot emptied behind it.
    queue.Push(spare, /*front=*/true);
    ASSERT_EQ(queue.Pop(), spare);
    // Back: the slot is filled, then the ring emptied.
    queue.Push(spare, /*front=*/true);
    spare = queue.StealInto(other, /*take_next=*/false);
  }
  over.store(true);
  watcher.join();
  EXPECT_EQ(empty, 0);
}

TEST(GQueueTest, KeepsItsOrderAndCount) {
  std::vector<G> gs(3);
  GQueue queue;
  EXPECT_EQ(queue.Pop(), nullptr);
  for (int round = 0; round < 2; ++round) {
    for (G& g : gs) queue.Push(&g);
    EXPECT_EQ(queue.size(), 3u);
    for (G& g : gs) EXPECT_EQ(queue.Pop(), &g);
    EXPECT_TRUE(queue.empty());
  }
}

}  // namespace
}  // namespace outrigger::scheduler
