#include "proxy/cluster/lb/edf_schedule.h"

#include <gtest/gtest.h>

#include <string>

namespace outrigger::proxy {
namespace {

std::string Picks(EdfSchedule& schedule, const std::vector<double>& weights, int count) {
  std::string picks;
  for (int i = 0; i < count; ++i) {
    picks += static_cast<char>('a' + schedule.Pick([&](uint32_t m) { return weights[m]; }));
  }
  return picks;
}

TEST(EdfScheduleTest, EqualWeightsComeInTurn) {
  const std::vector<double> weights = {2, 2, 2};
  EdfSchedule schedule;
  EXPECT_TRUE(schedule.empty());
  schedule.Start(weights);
  EXPECT_FALSE(schedule.empty());
  EXPECT_EQ(Picks(schedule, weights, 7), "abcabca");
}

TEST(EdfScheduleTest, HeavyMembersComeOftenAndEvenlySpread) {
  const std::vector<double> weights = {4, 1, 1};
  EdfSchedule schedule;
  schedule.Start(weights);
  EXPECT_EQ(Picks(schedule, weights, 12), "aaabcaaaabca") << "of equal deadlines the first come";
}

TEST(EdfScheduleTest, MayStartAnywhereInItsCycle) {
  const std::vector<double> weights = {100, 1};
  EdfSchedule schedule;
  schedule.Start(weights);
  EXPECT_EQ(Picks(schedule, weights, 3), "aaa");
  schedule.Start(weights, 100);
  EXPECT_EQ(Picks(schedule, weights, 3), "aba");
  schedule.Start(weights, 50);
  EXPECT_EQ(Picks(schedule, weights, 101).find('b'), 50u);
}

TEST(EdfScheduleTest, SharesAreTheWeights) {
  const std::vector<double> weights = {128, 1, 64, 7};
  EdfSchedule schedule;
  schedule.Start(weights);
  const std::string picks = Picks(schedule, weights, 2000);
  EXPECT_EQ(std::count(picks.begin(), picks.end(), 'a'), 1280);
  EXPECT_EQ(std::count(picks.begin(), picks.end(), 'b'), 10);
  EXPECT_EQ(std::count(picks.begin(), picks.end(), 'c'), 640);
  EXPECT_EQ(std::count(picks.begin(), picks.end(), 'd'), 70);
}

TEST(EdfScheduleTest, AWeightThatChangesHoldsFromTheNextTurn) {
  EdfSchedule schedule;
  schedule.Start(std::vector<double>{1, 1});
  EXPECT_EQ(Picks(schedule, {1, 0.25}, 10), "abaaabaaaa");
}

TEST(EdfScheduleTest, StartsOver) {
  EdfSchedule schedule;
  schedule.Start(std::vector<double>{1, 2});
  Picks(schedule, {1, 2}, 5);
  schedule.Start(std::vector<double>{1});
  EXPECT_EQ(Picks(schedule, {1}, 3), "aaa");
  schedule.Clear();
  EXPECT_TRUE(schedule.empty());
}

}  // namespace
}  // namespace outrigger::proxy
