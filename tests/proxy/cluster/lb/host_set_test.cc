#include "proxy/cluster/lb/host_set.h"

#include <gtest/gtest.h>

#include "tests/proxy/cluster/lb/hosts.h"

namespace outrigger::proxy {
namespace {

constexpr Host::Health kUp = Host::Health::kHealthy;
constexpr Host::Health kHalf = Host::Health::kDegraded;
constexpr Host::Health kDown = Host::Health::kUnhealthy;
constexpr Host::Health kGoing = Host::Health::kDraining;

std::shared_ptr<const HostSet> SetOf(const std::vector<Host::Health>& healths,
                                     uint32_t panic_percent = 50) {
  LbOptions options;
  options.healthy_panic_percent = panic_percent;
  return MakeHostSet(WithHealth(healths), options);
}

using Indices = std::vector<uint32_t>;

TEST(HostSetTest, HealthyHostsGetAll) {
  const auto set = SetOf({kUp, kUp, kUp});
  EXPECT_EQ(set->preferred, (Indices{0, 1, 2}));
  EXPECT_EQ(set->preferred_percent, 100u);
  EXPECT_FALSE(set->panic);
  EXPECT_TRUE(set->ring.empty() && set->maglev.empty());
}

TEST(HostSetTest, UnhealthyAndDrainingOnesGetNothing) {
  const auto set = SetOf({kUp, kDown, kUp, kGoing});
  EXPECT_EQ(set->preferred, (Indices{0, 2}));
  EXPECT_FALSE(set->panic);
}

TEST(HostSetTest, TooFewHealthyOnesIsAPanic) {
  const auto set = SetOf({kUp, kDown, kDown});
  EXPECT_TRUE(set->panic);
  EXPECT_EQ(set->preferred, (Indices{0, 1, 2}));
  EXPECT_FALSE(SetOf({kUp, kDown})->panic) << "half is enough";
  EXPECT_FALSE(SetOf({kUp, kDown, kDown}, 33)->panic);
  EXPECT_TRUE(SetOf({kUp, kDown, kDown, kDown}, 26)->panic);
}

TEST(HostSetTest, DrainingHostsDoNotCountForHealthButHelpInAPanic) {
  EXPECT_FALSE(SetOf({kUp, kGoing, kGoing, kDown})->panic) << "one of two is up";
  EXPECT_EQ(SetOf({kUp, kGoing, kDown, kDown})->preferred, (Indices{0, 1, 2, 3}));
  EXPECT_EQ(SetOf({kGoing, kGoing})->preferred, (Indices{0, 1}));
}

TEST(HostSetTest, WithoutAThresholdThereIsNoPanic) {
  const auto set = SetOf({kDown, kDown}, 0);
  EXPECT_FALSE(set->panic);
  EXPECT_TRUE(set->preferred.empty());
}

TEST(HostSetTest, AnEmptySetIsAPanicToo) {
  EXPECT_TRUE(SetOf({})->panic);
  EXPECT_FALSE(SetOf({}, 0)->panic);
}

TEST(HostSetTest, DegradedHostsGetWhatTheHealthyOnesCannotCarry) {
  // Two of three carry 140 % of two thirds: 93 of 100.
  const auto some = SetOf({kUp, kUp, kHalf});
  EXPECT_EQ(some->preferred, (Indices{0, 1}));
  EXPECT_EQ(some->degraded, (Indices{2}));
  EXPECT_EQ(some->preferred_percent, 93u);
  EXPECT_EQ(SetOf({kUp, kUp, kUp, kHalf})->preferred_percent, 100u) << "105 of 100";
  // Measured on the real Envoy: half and half of what is left, a third and two thirds.
  EXPECT_EQ(SetOf({kUp, kHalf, kDown, kDown})->preferred_percent, 50u);
  EXPECT_EQ(SetOf({kUp, kHalf, kHalf, kDown})->preferred_percent, 35u);
  const auto none = SetOf({kHalf, kHalf});
  EXPECT_TRUE(none->preferred.empty());
  EXPECT_EQ(none->preferred_percent, 0u);
  EXPECT_FALSE(none->panic);
}

}  // namespace
}  // namespace outrigger::proxy
