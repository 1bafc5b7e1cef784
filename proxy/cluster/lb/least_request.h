// least_request.h: LEAST_REQUEST: of a few hosts chosen at random, the one with the fewest requests
// of this worker under way; where weights differ, turns whose weight shrinks with those requests.
#pragma once

#include <array>

#include "proxy/cluster/lb/round_robin.h"

namespace outrigger::proxy {

class LeastRequest final : public LoadBalancer {
 public:
  LeastRequest(const LbOptions& options, uint32_t seed)
      : choices_(options.choice_count), bias_(options.active_request_bias), seed_(seed) {}

 private:
  std::optional<uint32_t> PickOnce(const PickCriteria& context, uint32_t attempt) override;
  void OnHosts() override;
  double Weight(uint32_t host) const;

  const uint32_t choices_;
  const double bias_;
  const uint32_t seed_;
  std::array<WeightedTurns, 2> turns_;  // of the preferred hosts and of the degraded ones
};

}  // namespace outrigger::proxy
