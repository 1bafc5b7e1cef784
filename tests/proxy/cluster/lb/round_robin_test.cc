#include "proxy/cluster/lb/round_robin.h"

#include <gtest/gtest.h>

#include "tests/proxy/cluster/lb/hosts.h"

namespace outrigger::proxy {
namespace {

using Health = Host::Health;

TEST(RoundRobinTest, EqualHostsInTurn) {
  Balanced turn({}, HostsOf({1, 1, 1}));
  EXPECT_EQ(turn.Picks(7), "abcabca");
  Balanced seeded({}, HostsOf({5, 5, 5}), 4);
  EXPECT_EQ(seeded.Picks(4), "bcab") << "the seed says where to start";
}

TEST(RoundRobinTest, TheTurnSurvivesAnOverflow) {
  Balanced turn({}, HostsOf({1, 1}), 0xffffffff);
  EXPECT_EQ(turn.Picks(4), "baba");
}

TEST(RoundRobinTest, SharesAreExactForAnyWeights) {
  for (const uint32_t seed : {0u, 3u, 4000000000u}) {
    Balanced turn({}, HostsOf({128, 1, 64, 7}), seed);
    EXPECT_EQ(turn.Shares(3 * 200), (std::map<uint32_t, int>{{0, 384}, {1, 3}, {2, 192}, {3, 21}}));
  }
}

TEST(RoundRobinTest, HeavyHostsAreSpread) {
  Balanced turn({}, HostsOf({3, 1, 1}));
  const std::string round = turn.Picks(10);
  EXPECT_EQ(std::count(round.begin(), round.end(), 'a'), 6) << round;
  EXPECT_EQ(round.find("aaaaa"), std::string::npos) << round;
}

TEST(RoundRobinTest, NewHostsAreTakenOver) {
  Balanced turn({}, HostsOf({1, 1, 1}));
  turn.Picks(2);
  turn.SetHosts(HostsOf({1}));
  EXPECT_EQ(turn.Picks(2), "aa");
  turn.SetHosts(HostsOf({1, 3}));
  const std::string round = turn.Picks(4);
  EXPECT_EQ(std::count(round.begin(), round.end(), 'b'), 3) << round;
  turn.SetHosts(HostsOf({2, 2}));
  EXPECT_EQ(turn.Shares(10), (std::map<uint32_t, int>{{0, 5}, {1, 5}}));
  turn.SetHosts({});
  EXPECT_EQ(turn.Picks(2), "--");
}

TEST(RoundRobinTest, UnhealthyHostsGetNothing) {
  Balanced turn({}, WithHealth({Health::kHealthy, Health::kUnhealthy, Health::kHealthy}));
  EXPECT_EQ(turn.Picks(4), "acac");
}

TEST(RoundRobinTest, DegradedHostsGetTheirShare) {
  Balanced turn({}, WithHealth({Health::kHealthy, Health::kDegraded, Health::kUnhealthy,
                                Health::kUnhealthy}));
  const auto shares = turn.Shares(10000);
  EXPECT_EQ(shares.size(), 2u);
  EXPECT_NEAR(shares.at(0), 5000, 200);
}

}  // namespace
}  // namespace outrigger::proxy
