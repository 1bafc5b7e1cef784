#include "proxy/cluster/lb/weighted_turns.h"

#include <gtest/gtest.h>

#include "tests/proxy/cluster/lb/hosts.h"

namespace outrigger::proxy {
namespace {

// Always the last host of a group whose hosts weigh the same.
class LastOfEqual final : public WeightedTurns {
 public:
  LastOfEqual() : WeightedTurns(0) {}
  std::string Picks(std::vector<std::shared_ptr<const Host>> hosts, int count) {
    auto set = MakeHostSet(std::move(hosts), {});
    SetHosts(set, Counters(set->hosts.size()));
    std::string picks;
    for (int i = 0; i < count; ++i) {
      const std::optional<uint32_t> host = Pick({random_});
      picks += host ? static_cast<char>('a' + *host) : '-';
    }
    return picks;
  }

 private:
  double Weight(uint32_t host) const override { return hosts().hosts[host]->weight; }
  uint32_t PickEqual(bool degraded, Random&) override { return Group(degraded).back(); }

  Random random_{Random::Seed{1}};
};

TEST(WeightedTurnsTest, ThePolicyChoosesWhereAllWeighTheSame) {
  EXPECT_EQ(LastOfEqual().Picks(HostsOf({2, 2, 2}), 3), "ccc");
}

TEST(WeightedTurnsTest, ElseTheWeightsDo) {
  EXPECT_EQ(LastOfEqual().Picks(HostsOf({2, 1, 1}), 8), "abcaabca");
}

TEST(WeightedTurnsTest, NobodyIsPickedOfNobody) { EXPECT_EQ(LastOfEqual().Picks({}, 1), "-"); }

TEST(WeightedTurnsTest, TheWeightsAreLookedAtAnewWithEachChangeOfHosts) {
  LastOfEqual turns;
  EXPECT_EQ(turns.Picks(HostsOf({1, 3}), 4), "bbab");
  EXPECT_EQ(turns.Picks(HostsOf({1, 1}), 2), "bb");
}

}  // namespace
}  // namespace outrigger::proxy
