#include "scheduler/trace/latency_histogram.h"

#include <cmath>
#include <numeric>

namespace outrigger::scheduler {

void LatencyHistogram::RecordSince(Nanos& start) {
  Record(MonotonicNow() - start);
  start = 0;
}

void ReadySampler::Mark(Nanos& ready_at) {
  left_ = kEvery - 1;
  ready_at = MonotonicNow();
}

void LatencySnapshot::Add(const LatencyHistogram& histogram) {
  for (size_t i = 0; i < counts.size(); ++i) {
    counts[i] += histogram.counts_[i].load(std::memory_order_relaxed);
  }
  sum += histogram.sum_.load(std::memory_order_relaxed);
}

uint64_t LatencySnapshot::Count() const {
  return std::accumulate(counts.begin(), counts.end(), uint64_t{0});
}

Nanos LatencySnapshot::Quantile(double q) const {
  const uint64_t all = Count();
  if (all == 0) return 0;
  const double rank = std::ceil(std::clamp(q, 0.0, 1.0) * static_cast<double>(all));
  const uint64_t wanted = std::max<uint64_t>(static_cast<uint64_t>(rank), 1);
  uint64_t seen = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    seen += counts[i];
    if (seen >= wanted) return LatencyRanges::LongestIn(i);
  }
  return LatencyRanges::LongestIn(counts.size() - 1);
}

}  // namespace outrigger::scheduler
