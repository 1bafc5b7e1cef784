#include "proxy/cluster/lb/load_balancer.h"

#include <gtest/gtest.h>

#include "tests/proxy/cluster/lb/hosts.h"

namespace outrigger::proxy {
namespace {

using Policy = LbOptions::Policy;

LbOptions With(Policy policy) {
  LbOptions options;
  options.policy = policy;
  return options;
}

TEST(LoadBalancerTest, EachPolicyReachesEveryHost) {
  for (const Policy policy : {Policy::kRoundRobin, Policy::kLeastRequest, Policy::kRandom,
                              Policy::kRingHash, Policy::kMaglev}) {
    Balanced balanced(With(policy), HostsOf({1, 1, 1}));
    const auto shares = balanced.Shares(3000);
    ASSERT_EQ(shares.size(), 3u) << static_cast<int>(policy);
    for (const auto& [host, share] : shares) EXPECT_NEAR(share, 1000, 150) << host;
  }
}

TEST(LoadBalancerTest, RandomTakesNoNoticeOfWeights) {
  Balanced balanced(With(Policy::kRandom), HostsOf({100, 1}));
  EXPECT_NEAR(balanced.Shares(10000).at(0), 5000, 200);
}

TEST(LoadBalancerTest, AHostThatWasTriedIsAvoided) {
  for (const Policy policy : {Policy::kRoundRobin, Policy::kLeastRequest, Policy::kRandom,
                              Policy::kRingHash, Policy::kMaglev}) {
    Balanced balanced(With(policy), HostsOf({1, 1, 1}));
    const std::vector<std::shared_ptr<const Host>> tried = {balanced.set->hosts[0],
                                                            balanced.set->hosts[2]};
    for (int i = 0; i < 20; ++i) {
      EXPECT_EQ(balanced.PickOther(tried, 100), 1u) << static_cast<int>(policy);
    }
  }
}

TEST(LoadBalancerTest, AfterTheLastAttemptTheChoiceStands) {
  Balanced balanced({}, HostsOf({1, 1, 1}));
  const std::vector<std::shared_ptr<const Host>> tried = {balanced.set->hosts[0],
                                                          balanced.set->hosts[1]};
  EXPECT_EQ(balanced.PickOther(tried, 0), 0u) << "no attempt: the host does not matter";
  EXPECT_EQ(balanced.PickOther({balanced.set->hosts[1], balanced.set->hosts[2]}, 1), 2u);
  EXPECT_EQ(balanced.PickOther({balanced.set->hosts[0]}, 5), 1u);
}

}  // namespace
}  // namespace outrigger::proxy
