#include "proxy/cluster/lb/edf_schedule.h"

#include <cmath>
#include <numeric>

namespace outrigger::proxy {

void EdfSchedule::Start(std::span<const double> weights, uint32_t picks) {
  heap_.clear();
  now_ = 0;
  order_ = 0;
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  for (uint32_t member = 0; member < weights.size(); ++member) {
    const double weight = weights[member];
    // Whole turns that it has had by then.
    const double turns = std::floor(picks * (weight / sum));
    heap_.push_back({(turns + 1) / weight, order_++, member});
  }
  std::make_heap(heap_.begin(), heap_.end(), Later);
}

}  // namespace outrigger::proxy
