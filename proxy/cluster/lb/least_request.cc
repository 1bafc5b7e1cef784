#include "proxy/cluster/lb/least_request.h"

#include <cmath>

namespace outrigger::proxy {

void LeastRequest::OnHosts() {
  for (const bool degraded : {false, true}) {
    turns_[degraded].Start(hosts(), Group(degraded), seed_,
                           [this](uint32_t host) { return Weight(host); });
  }
}

double LeastRequest::Weight(uint32_t host) const {
  const double weight = hosts().hosts[host]->weight;
  const auto requests = static_cast<double>(ActiveRequests(host) + 1);
  if (bias_ == 1.0) return weight / requests;
  return bias_ == 0.0 ? weight : weight / std::pow(requests, bias_);
}

std::optional<uint32_t> LeastRequest::PickOnce(const PickCriteria& context, uint32_t) {
  const bool degraded = ForDegraded(context.random);
  const std::vector<uint32_t>& group = Group(degraded);
  if (group.empty()) return std::nullopt;
  if (!turns_[degraded].schedule.empty()) {
    return turns_[degraded].Next(group, [this](uint32_t host) { return Weight(host); });
  }
  uint32_t best = group[context.random.Below(group.size())];
  for (uint32_t choice = 1; choice < choices_; ++choice) {
    const uint32_t other = group[context.random.Below(group.size())];
    if (ActiveRequests(other) < ActiveRequests(best)) best = other;
  }
  return best;
}

}  // namespace outrigger::proxy
