#include "proxy/cluster/round_robin.h"

#include <string>

#include "gtest/gtest.h"

namespace outrigger::proxy {
namespace {

std::vector<std::shared_ptr<const Host>> Hosts(const std::vector<uint32_t>& weights) {
  std::vector<std::shared_ptr<const Host>> hosts;
  for (const uint32_t weight : weights) {
    auto host = std::make_shared<Host>();
    host->weight = weight;
    hosts.push_back(host);
  }
  return hosts;
}

std::string Picks(RoundRobin& turn, int count) {
  std::string picks;
  for (int i = 0; i < count; ++i) picks += static_cast<char>('a' + turn.Pick());
  return picks;
}

TEST(RoundRobinTest, EqualHostsInTurn) {
  RoundRobin turn(0);
  turn.SetHosts(Hosts({1, 1, 1}));
  EXPECT_EQ(Picks(turn, 7), "abcabca");
  RoundRobin seeded(4);
  seeded.SetHosts(Hosts({5, 5, 5}));
  EXPECT_EQ(Picks(seeded, 4), "bcab") << "the seed says where to start";
}

TEST(RoundRobinTest, TheTurnSurvivesAnOverflow) {
  RoundRobin turn(0xffffffff);
  turn.SetHosts(Hosts({1, 1}));
  EXPECT_EQ(Picks(turn, 4), "baba");
}

TEST(RoundRobinTest, HeavyHostsGetMoreButNotInARow) {
  RoundRobin turn(0);
  turn.SetHosts(Hosts({5, 1, 1}));
  const std::string round = Picks(turn, 7);
  EXPECT_EQ(std::count(round.begin(), round.end(), 'a'), 5);
  EXPECT_EQ(std::count(round.begin(), round.end(), 'b'), 1);
  EXPECT_EQ(std::count(round.begin(), round.end(), 'c'), 1);
  EXPECT_EQ(round.find("aaa"), std::string::npos) << round;
  EXPECT_EQ(Picks(turn, 7), round) << "each round is like the one before";
}

TEST(RoundRobinTest, SharesAreExactForAnyWeights) {
  const std::vector<uint32_t> weights = {128, 1, 64, 7};
  RoundRobin turn(3);
  turn.SetHosts(Hosts(weights));
  std::vector<uint32_t> got(weights.size());
  for (int i = 0; i < 3 * 200; ++i) ++got[turn.Pick()];
  EXPECT_EQ(got, (std::vector<uint32_t>{3 * 128, 3, 3 * 64, 3 * 7}));
}

TEST(RoundRobinTest, NewHostsAreTakenOver) {
  RoundRobin turn(0);
  turn.SetHosts(Hosts({1, 1, 1}));
  Picks(turn, 2);
  turn.SetHosts(Hosts({1}));
  EXPECT_EQ(Picks(turn, 2), "aa");
  turn.SetHosts(Hosts({1, 3}));
  const std::string round = Picks(turn, 4);
  EXPECT_EQ(std::count(round.begin(), round.end(), 'b'), 3);
}

}  // namespace
}  // namespace outrigger::proxy
