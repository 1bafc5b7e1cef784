#include "proxy/cluster/lb/weighted_turns.h"

#include <algorithm>

namespace outrigger::proxy {

void WeightedTurns::OnHosts() {
  for (const bool degraded : {false, true}) {
    EdfSchedule& schedule = schedules_[degraded];
    schedule.Clear();
    const std::vector<uint32_t>& group = Group(degraded);
    const auto weighs = [this](uint32_t host) { return hosts().hosts[host]->weight; };
    const bool equal = std::all_of(group.begin(), group.end(),
                                   [&](uint32_t host) { return weighs(host) == weighs(group[0]); });
    if (equal) continue;
    std::vector<double> weights;
    for (const uint32_t host : group) weights.push_back(Weight(host));
    schedule.Start(weights, seed_);
  }
}

std::optional<uint32_t> WeightedTurns::PickOnce(const PickCriteria& context, uint32_t) {
  const bool degraded = ForDegraded(context.random);
  const std::vector<uint32_t>& group = Group(degraded);
  if (group.empty()) return std::nullopt;
  EdfSchedule& schedule = schedules_[degraded];
  if (schedule.empty()) return PickEqual(degraded, context.random);
  return group[schedule.Pick([&](uint32_t member) { return Weight(group[member]); })];
}

}  // namespace outrigger::proxy
