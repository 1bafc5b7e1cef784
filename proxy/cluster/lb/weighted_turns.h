// weighted_turns.h: what ROUND_ROBIN and LEAST_REQUEST share: turns by weight where the hosts of a
// group differ in it, and the policy's own choice where all weigh the same.
#pragma once

#include <array>

#include "proxy/cluster/lb/edf_schedule.h"
#include "proxy/cluster/lb/load_balancer.h"

namespace outrigger::proxy {

class WeightedTurns : public LoadBalancer {
 protected:
  // The turns begin somewhere in their cycle, as `seed` says.
  explicit WeightedTurns(uint32_t seed) : seed_(seed) {}

  // Of the host with this index, when its turn comes.
  virtual double Weight(uint32_t host) const = 0;
  // Of a group whose hosts weigh the same; not empty.
  virtual uint32_t PickEqual(bool degraded, Random& random) = 0;

 private:
  std::optional<uint32_t> PickOnce(const PickCriteria& context, uint32_t attempt) final;
  void OnHosts() final;

  const uint32_t seed_;
  // Of the preferred hosts and of the degraded ones; empty: all weigh the same.
  std::array<EdfSchedule, 2> schedules_;
};

}  // namespace outrigger::proxy
