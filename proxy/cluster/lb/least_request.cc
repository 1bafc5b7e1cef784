#include "proxy/cluster/lb/least_request.h"

#include <cmath>

namespace outrigger::proxy {

double LeastRequest::Weight(uint32_t host) const {
  const double weight = hosts().hosts[host]->weight;
  const auto requests = static_cast<double>(ActiveRequests(host) + 1);
  if (bias_ == 1.0) return weight / requests;
  return bias_ == 0.0 ? weight : weight / std::pow(requests, bias_);
}

uint32_t LeastRequest::PickEqual(bool degraded, Random& random) {
  const std::vector<uint32_t>& group = Group(degraded);
  uint32_t best = group[random.Below(group.size())];
  for (uint32_t choice = 1; choice < choices_; ++choice) {
    const uint32_t other = group[random.Below(group.size())];
    if (ActiveRequests(other) < ActiveRequests(best)) best = other;
  }
  return best;
}

}  // namespace outrigger::proxy
