#include "proxy/cluster/lb/least_request.h"

#include <gtest/gtest.h>

#include "tests/proxy/cluster/lb/hosts.h"

namespace outrigger::proxy {
namespace {

LbOptions Options(uint32_t choices = 2, double bias = 1.0) {
  LbOptions options;
  options.policy = LbOptions::Policy::kLeastRequest;
  options.choice_count = choices;
  options.active_request_bias = bias;
  return options;
}

TEST(LeastRequestTest, OfTwoTheOneWithFewerRequests) {
  Balanced balanced(Options(), HostsOf({1, 1}));
  balanced.AddActive(0, 1);
  // Both choices fall on the busy one in a quarter of all cases.
  const auto shares = balanced.Shares(10000);
  EXPECT_NEAR(shares.at(0), 2500, 150);
  EXPECT_NEAR(shares.at(1), 7500, 150);
}

TEST(LeastRequestTest, MoreChoicesFindTheIdleOneMoreOften) {
  Balanced balanced(Options(8), HostsOf({1, 1}));
  balanced.AddActive(0, 1);
  EXPECT_LT(balanced.Shares(10000)[0], 100) << "1 / 2^8 of them";
}

TEST(LeastRequestTest, EqualLoadsShareAlike) {
  Balanced balanced(Options(), HostsOf({1, 1, 1, 1}));
  for (uint32_t host = 0; host < 4; ++host) balanced.AddActive(host, 3);
  for (const auto& [host, share] : balanced.Shares(10000)) EXPECT_NEAR(share, 2500, 150) << host;
}

TEST(LeastRequestTest, LoadsEvenOut) {
  Balanced balanced(Options(), HostsOf(std::vector<uint32_t>(10, 1)));
  std::map<uint32_t, int> loads;
  for (int i = 0; i < 1000; ++i) {
    const uint32_t host = balanced.Pick().value();
    balanced.AddActive(host, 1);
    ++loads[host];
  }
  for (const auto& [host, load] : loads) EXPECT_NEAR(load, 100, 4) << host;
}

TEST(LeastRequestTest, WeightsShrinkWithTheRequests) {
  Balanced idle(Options(), HostsOf({3, 1}));
  EXPECT_EQ(idle.Shares(400), (std::map<uint32_t, int>{{0, 300}, {1, 100}}));
  // 3 / (2 + 1) against 1.
  Balanced busy(Options(), HostsOf({3, 1}));
  busy.AddActive(0, 2);
  const auto shares = busy.Shares(400);
  EXPECT_NEAR(shares.at(0), 200, 2);
}

TEST(LeastRequestTest, TheBiasSaysHowMuch) {
  Balanced none(Options(2, 0), HostsOf({3, 1}));
  none.AddActive(0, 100);
  EXPECT_NEAR(none.Shares(400).at(0), 300, 2);
  // 3 / 3^2 against 1.
  Balanced strong(Options(2, 2.0), HostsOf({3, 1}));
  strong.AddActive(0, 2);
  EXPECT_NEAR(strong.Shares(400).at(0), 100, 3);
}

TEST(LeastRequestTest, NoHostsNoChoice) {
  Balanced balanced(Options(), {});
  EXPECT_EQ(balanced.Picks(1), "-");
}

}  // namespace
}  // namespace outrigger::proxy
