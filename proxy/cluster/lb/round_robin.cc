#include "proxy/cluster/lb/round_robin.h"

namespace outrigger::proxy {

void RoundRobin::OnHosts() {
  for (const bool degraded : {false, true}) {
    turns_[degraded].Start(hosts(), Group(degraded), seed_,
                           [this](uint32_t host) { return Weight(host); });
  }
}

std::optional<uint32_t> RoundRobin::PickOnce(const PickCriteria& context, uint32_t) {
  const bool degraded = ForDegraded(context.random);
  const std::vector<uint32_t>& group = Group(degraded);
  if (group.empty()) return std::nullopt;
  WeightedTurns& turns = turns_[degraded];
  if (turns.schedule.empty()) return group[next_[degraded]++ % group.size()];
  return turns.Next(group, [this](uint32_t host) { return Weight(host); });
}

}  // namespace outrigger::proxy
