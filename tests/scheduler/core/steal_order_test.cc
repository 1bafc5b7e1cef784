#include "scheduler/core/steal_order.h"

#include <algorithm>
#include <set>

#include "gtest/gtest.h"

namespace outrigger::scheduler {
namespace {

std::vector<uint32_t> Asked(const StealOrder& order, uint32_t thief, uint32_t random) {
  std::vector<uint32_t> asked;
  EXPECT_FALSE(order.Each(thief, random, [&](uint32_t id) {
    asked.push_back(id);
    return false;
  }));
  return asked;
}

TEST(StealOrderTest, EverybodyElseIsAskedOnce) {
  for (const size_t n : {1, 2, 3, 8, 12}) {
    const StealOrder order(std::vector<int>(n, -1));
    for (uint32_t thief = 0; thief < n; ++thief) {
      for (uint32_t random = 0; random < 200; ++random) {
        std::vector<uint32_t> asked = Asked(order, thief, random);
        EXPECT_EQ(asked.size(), n - 1);
        EXPECT_EQ(std::count(asked.begin(), asked.end(), thief), 0);
        EXPECT_EQ(std::set<uint32_t>(asked.begin(), asked.end()).size(), n - 1);
      }
    }
  }
}

TEST(StealOrderTest, NearOnesComeFirst) {
  const StealOrder order({4, 0, 4, 0, 8, 0});
  for (uint32_t random = 0; random < 100; ++random) {
    const std::vector<uint32_t> asked = Asked(order, 3, random);
    ASSERT_EQ(asked.size(), 5u);
    EXPECT_EQ((std::set<uint32_t>{asked[0], asked[1]}), (std::set<uint32_t>{1, 5}));
    EXPECT_EQ((std::set<uint32_t>{asked[2], asked[3], asked[4]}), (std::set<uint32_t>{0, 2, 4}));
    EXPECT_EQ(Asked(order, 4, random).size(), 5u);  // alone with its cache
  }
}

TEST(StealOrderTest, OrdersDiffer) {
  const StealOrder order(std::vector<int>(7, 0));
  std::set<std::vector<uint32_t>> seen;
  for (uint32_t random = 0; random < 100; ++random) seen.insert(Asked(order, 0, random));
  EXPECT_EQ(seen.size(), 36u);  // six steps from each of the six others
}

TEST(StealOrderTest, EndsWhereTheVisitorSays) {
  const StealOrder order(std::vector<int>(4, 0));
  int visits = 0;
  EXPECT_TRUE(order.Each(0, 5, [&](uint32_t) { return ++visits == 2; }));
  EXPECT_EQ(visits, 2);
}

}  // namespace
}  // namespace outrigger::scheduler
