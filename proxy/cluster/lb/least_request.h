// least_request.h: LEAST_REQUEST: of a few hosts chosen at random, the one with the fewest requests
// of this worker under way; where weights differ, turns whose weight shrinks with those requests.
#pragma once

#include "proxy/cluster/lb/weighted_turns.h"

namespace outrigger::proxy {

class LeastRequest final : public WeightedTurns {
 public:
  LeastRequest(const LbOptions& options, uint32_t seed)
      : WeightedTurns(seed), choices_(options.choice_count), bias_(options.active_request_bias) {}

 private:
  double Weight(uint32_t host) const override;
  uint32_t PickEqual(bool degraded, Random& random) override;

  const uint32_t choices_;
  const double bias_;
};

}  // namespace outrigger::proxy
