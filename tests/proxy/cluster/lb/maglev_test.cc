#include "proxy/cluster/lb/maglev.h"

#include <gtest/gtest.h>

#include "proxy/cluster/lb/hash.h"
#include "tests/proxy/cluster/lb/hosts.h"

namespace outrigger::proxy {
namespace {

LbOptions Options(uint64_t size = 65537) {
  LbOptions options;
  options.policy = LbOptions::Policy::kMaglev;
  options.table_size = size;
  return options;
}

std::map<uint32_t, int> PlacesOf(const HostSet& set) {
  std::map<uint32_t, int> places;
  for (const uint32_t host : set.maglev) ++places[host];
  return places;
}

TEST(MaglevTest, ThePlacesOfAHostAreItsOwnPermutation) {
  Balanced table(Options(7), HostsOf({1}));
  EXPECT_EQ(table.set->maglev, std::vector<uint32_t>(7, 0));
  // Two hosts in turn, each from its own first place on.
  Balanced two(Options(7), HostsOf({1, 1}));
  EXPECT_EQ(two.set->maglev[XxHash("10.0.0.1:80") % 7], 0u);
  EXPECT_EQ(PlacesOf(*two.set), (std::map<uint32_t, int>{{0, 4}, {1, 3}}));
}

TEST(MaglevTest, PlacesAreInProportionToTheWeights) {
  // As the real Envoy's gauges say.
  EXPECT_EQ(PlacesOf(*Balanced(Options(), HostsOf({3, 1})).set),
            (std::map<uint32_t, int>{{0, 49152}, {1, 16385}}));
  const auto places = PlacesOf(*Balanced(Options(), HostsOf({1, 1, 1})).set);
  for (const auto& [host, count] : places) EXPECT_NEAR(count, 65537 / 3, 1) << host;
}

TEST(MaglevTest, TheOrderOfTheConfigurationDoesNotMatter) {
  auto hosts = HostsOf({1, 2, 3, 4});
  Balanced table(Options(), hosts);
  std::swap(hosts[0], hosts[3]);
  Balanced turned(Options(), hosts);
  const uint32_t at[] = {3, 1, 2, 0};
  for (uint64_t hash = 0; hash < 65537; hash += 97) {
    EXPECT_EQ(turned.PickFor(hash), at[*table.PickFor(hash)]);
  }
}

TEST(MaglevTest, AHostThatLeavesMovesLittleElse) {
  auto hosts = HostsOf(std::vector<uint32_t>(10, 1));
  Balanced table(Options(), hosts);
  const std::vector<uint32_t> before = table.set->maglev;
  hosts.pop_back();
  table.SetHosts(hosts);
  int moved = 0;
  for (size_t i = 0; i < before.size(); ++i) {
    if (before[i] != 9 && table.set->maglev[i] != before[i]) ++moved;
  }
  EXPECT_LT(moved, 65537 / 20) << "the paper: a few percent";
}

TEST(MaglevTest, ARetryChangesMostOfTheHash) {
  Balanced table(Options(), HostsOf({1, 1, 1}));
  const uint32_t first = *table.PickFor(5);
  const std::optional<uint32_t> other = table.PickOther({table.set->hosts[first]}, 50, 5);
  ASSERT_TRUE(other);
  EXPECT_NE(*other, first);
}

TEST(MaglevTest, NoHostsNoTable) {
  Balanced table(Options(), {});
  EXPECT_TRUE(table.set->maglev.empty());
  EXPECT_EQ(table.Picks(1), "-");
}

}  // namespace
}  // namespace outrigger::proxy
