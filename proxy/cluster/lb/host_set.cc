#include "proxy/cluster/lb/host_set.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "proxy/cluster/lb/maglev.h"
#include "proxy/cluster/lb/ring_hash.h"

namespace outrigger::proxy {
namespace {

// Hosts that are left carry up to this much more than their share before others help (Envoy's
// overprovisioning factor).
constexpr uint32_t kOverprovisioning = 140;

uint32_t Availability(size_t count, size_t of) {
  if (of == 0) return 0;
  return static_cast<uint32_t>(std::min<size_t>(100, kOverprovisioning * count / of));
}

// Envoy's rules for a cluster of one priority. `count`: the hosts that health is measured by.
void Share(HostSet& set, size_t count, std::vector<uint32_t> healthy,
           std::vector<uint32_t> degraded, uint32_t panic_percent) {
  const uint32_t health = Availability(healthy.size(), count);
  const uint32_t rest = Availability(degraded.size(), count);
  const uint32_t available = std::min<uint32_t>(100, health + rest);
  const size_t usable = healthy.size() + degraded.size();
  set.panic = available < 100 && 100 * usable < count * panic_percent;
  // No host at all is a panic to Envoy too.
  if (count == 0) set.panic = panic_percent > 0;
  if (set.panic) {
    set.preferred.resize(set.hosts.size());
    std::iota(set.preferred.begin(), set.preferred.end(), 0);
    return;
  }
  set.preferred = std::move(healthy);
  set.degraded = std::move(degraded);
  if (available == 0 || health == 100) return;
  const uint32_t to_healthy = std::min<uint32_t>(100, health * 100 / available);
  const uint32_t to_degraded = std::min<uint32_t>(100 - to_healthy, rest * 100 / available);
  // What rounding leaves is the healthy ones', if there are any.
  set.preferred_percent = health > 0 ? 100 - to_degraded : 0;
}

}  // namespace

std::shared_ptr<const HostSet> MakeHostSet(std::vector<std::shared_ptr<const Host>> hosts,
                                           const LbOptions& options) {
  auto set = std::make_shared<HostSet>();
  set->hosts = std::move(hosts);
  std::vector<uint32_t> healthy, degraded;
  healthy.reserve(set->hosts.size());
  size_t count = set->hosts.size();
  for (uint32_t i = 0; i < set->hosts.size(); ++i) {
    const Host::Health health = set->hosts[i]->health;
    if (health == Host::Health::kHealthy) healthy.push_back(i);
    if (health == Host::Health::kDegraded) degraded.push_back(i);
    if (health == Host::Health::kDraining) --count;
  }
  Share(*set, count, std::move(healthy), std::move(degraded), options.healthy_panic_percent);
  if (options.policy == LbOptions::Policy::kRingHash) set->ring = MakeRing(*set, options);
  if (options.policy == LbOptions::Policy::kMaglev) set->maglev = MakeMaglevTable(*set, options);
  return set;
}

}  // namespace outrigger::proxy
