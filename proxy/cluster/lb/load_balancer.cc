#include "proxy/cluster/lb/load_balancer.h"

#include <algorithm>
#include <utility>

#include "proxy/cluster/lb/least_request.h"
#include "proxy/cluster/lb/maglev.h"
#include "proxy/cluster/lb/random_choice.h"
#include "proxy/cluster/lb/ring_hash.h"
#include "proxy/cluster/lb/round_robin.h"

namespace outrigger::proxy {

std::unique_ptr<LoadBalancer> LoadBalancer::Make(const LbOptions& options, uint32_t seed) {
  switch (options.policy) {
    case LbOptions::Policy::kRoundRobin:
      break;
    case LbOptions::Policy::kLeastRequest:
      return std::make_unique<LeastRequest>(options, seed);
    case LbOptions::Policy::kRandom:
      return std::make_unique<RandomChoice>();
    case LbOptions::Policy::kRingHash:
      return std::make_unique<RingHash>();
    case LbOptions::Policy::kMaglev:
      return std::make_unique<Maglev>();
  }
  return std::make_unique<RoundRobin>(seed);
}

void LoadBalancer::SetHosts(std::shared_ptr<const HostSet> hosts, Counters counters) {
  hosts_ = std::move(hosts);
  counters_ = std::move(counters);
  OnHosts();
}

std::optional<uint32_t> LoadBalancer::Pick(const PickCriteria& context) {
  std::optional<uint32_t> picked = PickOnce(context, 0);
  for (uint32_t attempt = 1; picked && attempt <= context.attempts; ++attempt) {
    // By address: hosts are made anew when they are resolved again.
    const std::string& address = hosts_->hosts[*picked]->address.text;
    if (std::none_of(context.avoid.begin(), context.avoid.end(),
                     [&](const auto& host) { return host->address.text == address; })) {
      break;
    }
    picked = PickOnce(context, attempt);
  }
  return picked;
}

}  // namespace outrigger::proxy
