#include "scheduler/core/steal_order.h"

#include <algorithm>
#include <numeric>

namespace outrigger::scheduler {

StealOrder::StealOrder(const std::vector<int>& cache_of)
    : order_(cache_of.size()), group_of_(cache_of.size()), steps_(cache_of.size() + 1) {
  std::iota(order_.begin(), order_.end(), 0);
  std::stable_sort(order_.begin(), order_.end(),
                   [&](uint32_t a, uint32_t b) { return cache_of[a] < cache_of[b]; });
  const auto count = static_cast<uint32_t>(order_.size());
  for (uint32_t begin = 0, end = 0; begin < count; begin = end) {
    while (end < count && cache_of[order_[end]] == cache_of[order_[begin]]) ++end;
    for (uint32_t i = begin; i < end; ++i) group_of_[order_[i]] = {begin, end};
    for (const uint32_t n : {end - begin, count - (end - begin)}) {
      if (!steps_[n].empty()) continue;
      for (uint32_t step = 1; step <= n; ++step) {
        if (std::gcd(step, n) == 1) steps_[n].push_back(step);
      }
    }
  }
}

}  // namespace outrigger::scheduler
