// round_robin.h: ROUND_ROBIN: the next host in turn, in proportion to the weights.
#pragma once

#include <array>

#include "proxy/cluster/lb/edf_schedule.h"
#include "proxy/cluster/lb/load_balancer.h"

namespace outrigger::proxy {

// Turns of a group of hosts: plain ones where all weigh the same.
struct WeightedTurns {
  // `weight(host)`: of the host with this index. The turns begin somewhere in their cycle, as
  // `seed` says.
  template <typename Weight>
  void Start(const HostSet& hosts, const std::vector<uint32_t>& group, uint32_t seed,
             Weight weight) {
    schedule.Clear();
    const auto weighs = [&](uint32_t host) { return hosts.hosts[host]->weight; };
    const bool equal = std::all_of(group.begin(), group.end(),
                                   [&](uint32_t host) { return weighs(host) == weighs(group[0]); });
    if (equal) return;
    std::vector<double> weights;
    for (const uint32_t host : group) weights.push_back(weight(host));
    schedule.Start(weights, seed);
  }
  template <typename Weight>
  uint32_t Next(const std::vector<uint32_t>& group, Weight weight) {
    return group[schedule.Pick([&](uint32_t member) { return weight(group[member]); })];
  }

  EdfSchedule schedule;  // empty: all weigh the same
};

class RoundRobin final : public LoadBalancer {
 public:
  explicit RoundRobin(uint32_t seed) : seed_(seed), next_{seed, seed} {}

 private:
  std::optional<uint32_t> PickOnce(const PickCriteria& context, uint32_t attempt) override;
  void OnHosts() override;
  double Weight(uint32_t host) const { return hosts().hosts[host]->weight; }

  const uint32_t seed_;
  // Of the preferred hosts and of the degraded ones. The turn outlives a change of hosts.
  std::array<uint32_t, 2> next_;
  std::array<WeightedTurns, 2> turns_;
};

}  // namespace outrigger::proxy
