#include "proxy/cluster/lb/ring_hash.h"

#include <gtest/gtest.h>

#include "proxy/cluster/lb/hash.h"
#include "tests/proxy/cluster/lb/hosts.h"

namespace outrigger::proxy {
namespace {

LbOptions Options(uint64_t min = 1024, uint64_t max = 8 << 20) {
  LbOptions options;
  options.policy = LbOptions::Policy::kRingHash;
  options.min_ring_size = min;
  options.max_ring_size = max;
  return options;
}

std::map<uint32_t, int> PointsOf(const HostSet& set) {
  std::map<uint32_t, int> points;
  for (const RingPoint& point : set.ring) ++points[point.host];
  return points;
}

TEST(RingHashTest, EachHostStandsAtItsHashes) {
  Balanced ring(Options(4), HostsOf({1, 1}));
  ASSERT_EQ(ring.set->ring.size(), 4u);
  EXPECT_TRUE(std::is_sorted(ring.set->ring.begin(), ring.set->ring.end(),
                             [](auto& a, auto& b) { return a.hash < b.hash; }));
  for (const RingPoint& point : ring.set->ring) {
    const std::string& address = ring.set->hosts[point.host]->address.text;
    EXPECT_TRUE(point.hash == XxHash(address + "_0") || point.hash == XxHash(address + "_1"));
  }
}

TEST(RingHashTest, MurmurHashIsTheOtherFunction) {
  LbOptions options = Options(1);
  options.hash_function = LbOptions::HashFunction::kMurmurHash2;
  Balanced ring(options, HostsOf({1}));
  ASSERT_EQ(ring.set->ring.size(), 1u);
  EXPECT_EQ(ring.set->ring[0].hash, MurmurHash2("10.0.0.1:80_0"));
}

TEST(RingHashTest, PointsAreInProportionToTheWeights) {
  // As the real Envoy's gauges say: 256 and 768 of 1024.
  EXPECT_EQ(PointsOf(*Balanced(Options(), HostsOf({3, 1})).set),
            (std::map<uint32_t, int>{{0, 768}, {1, 256}}));
  // The lightest gets a whole number, so three of equal weight have 3 × 342.
  EXPECT_EQ(PointsOf(*Balanced(Options(), HostsOf({1, 1, 1})).set),
            (std::map<uint32_t, int>{{0, 342}, {1, 342}, {2, 342}}));
  // The largest ring cuts it off; the running sums even it out.
  EXPECT_EQ(PointsOf(*Balanced(Options(6, 6), HostsOf({1, 1, 1, 1})).set),
            (std::map<uint32_t, int>{{0, 2}, {1, 1}, {2, 2}, {3, 1}}));
}

TEST(RingHashTest, ARequestGoesToTheFirstHostAtOrAfterItsHash) {
  Balanced ring(Options(4), HostsOf({1, 1}));
  const auto& points = ring.set->ring;
  for (size_t i = 0; i < points.size(); ++i) {
    EXPECT_EQ(ring.PickFor(points[i].hash), points[i].host);
    EXPECT_EQ(ring.PickFor(points[i].hash + 1), points[(i + 1) % points.size()].host);
  }
  EXPECT_EQ(ring.PickFor(0), points[0].host);
  EXPECT_EQ(ring.PickFor(~uint64_t{0}), points[0].host) << "the ring is closed";
}

TEST(RingHashTest, AHostThatLeavesMovesLittleElse) {
  auto hosts = HostsOf(std::vector<uint32_t>(10, 1));
  Balanced ring(Options(), hosts);
  std::vector<uint32_t> before;
  for (uint64_t i = 0; i < 5000; ++i) before.push_back(*ring.PickFor(XxHash(std::to_string(i))));
  hosts.pop_back();
  ring.SetHosts(hosts);
  int moved = 0;
  for (uint64_t i = 0; i < 5000; ++i) {
    const uint32_t now = *ring.PickFor(XxHash(std::to_string(i)));
    if (before[i] != 9 && now != before[i]) ++moved;
  }
  // Each of the nine others has 114 points now and had 103. What comes to the new ones was another
  // host's: of the one that left in a tenth of the cases, of the same host in a ninth of the rest.
  EXPECT_NEAR(moved, 5000 * 99 / 1026 * 8 / 10, 150);
}

TEST(RingHashTest, ARetryGoesOnAlongTheRing) {
  Balanced ring(Options(), HostsOf({1, 1, 1}));
  const uint64_t hash = XxHash("key");
  const uint32_t first = *ring.PickFor(hash);
  const std::shared_ptr<const Host> tried = ring.set->hosts[first];
  const std::optional<uint32_t> other = ring.PickOther({tried}, 50, hash);
  ASSERT_TRUE(other);
  EXPECT_NE(*other, first);
  EXPECT_EQ(ring.PickOther({tried}, 50, hash), other) << "the same for the same key";
}

TEST(RingHashTest, WithoutAHashAnyHost) {
  Balanced ring(Options(), HostsOf({1, 1}));
  EXPECT_EQ(ring.Shares(1000).size(), 2u);
}

TEST(RingHashTest, OnlyHealthyHostsStandOnTheRing) {
  using Health = Host::Health;
  Balanced ring(Options(), WithHealth({Health::kHealthy, Health::kDegraded, Health::kDegraded}));
  EXPECT_EQ(PointsOf(*ring.set).size(), 1u);
  Balanced degraded(Options(), WithHealth({Health::kDegraded}));
  EXPECT_EQ(degraded.Picks(1), "-") << "as in Envoy";
  EXPECT_EQ(Balanced(Options(), {}).Picks(1), "-");
}

}  // namespace
}  // namespace outrigger::proxy
