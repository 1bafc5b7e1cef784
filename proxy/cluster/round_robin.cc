#include "proxy/cluster/round_robin.h"

namespace outrigger::proxy {

void RoundRobin::SetHosts(const std::vector<std::shared_ptr<const Host>>& hosts) {
  turns_.clear();
  total_ = 0;
  equal_ = true;
  for (const auto& host : hosts) {
    turns_.push_back({host->weight, 0});
    total_ += host->weight;
    equal_ = equal_ && host->weight == hosts[0]->weight;
  }
}

size_t RoundRobin::Pick() {
  if (equal_) return next_++ % turns_.size();
  size_t best = 0;
  for (size_t i = 0; i < turns_.size(); ++i) {
    turns_[i].current += turns_[i].weight;
    if (turns_[i].current > turns_[best].current) best = i;
  }
  turns_[best].current -= total_;
  return best;
}

}  // namespace outrigger::proxy
