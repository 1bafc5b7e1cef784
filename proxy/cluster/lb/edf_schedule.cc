#include "proxy/cluster/lb/edf_schedule.h"

namespace outrigger::proxy {

void EdfSchedule::Start(std::span<const double> weights) {
  heap_.clear();
  now_ = 0;
  order_ = 0;
  for (uint32_t member = 0; member < weights.size(); ++member) {
    heap_.push_back({1.0 / weights[member], order_++, member});
  }
  std::make_heap(heap_.begin(), heap_.end(), Later);
}

}  // namespace outrigger::proxy
