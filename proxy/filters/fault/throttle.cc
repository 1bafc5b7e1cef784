#include "proxy/filters/fault/throttle.h"

#include <algorithm>
#include <utility>

namespace outrigger::proxy::fault {
namespace {

using scheduler::Nanos;

constexpr Nanos kInterval = 50 * scheduler::kMillisecond;

double Seconds(Nanos span) { return static_cast<double>(span) / scheduler::kSecond; }

}  // namespace

Throttle::Throttle(FilterStream& stream, uint64_t kib_per_second)
    : rate_(1024.0 * static_cast<double>(kib_per_second)),
      bytes_(rate_ * Seconds(kInterval)),
      filled_(stream.netpoll.Now()),
      timer_(stream) {}

void Throttle::Fill(Nanos now) {
  bytes_ = std::min(bytes_ + rate_ * Seconds(now - filled_), rate_);
  filled_ = now;
}

void Throttle::Pass(BodyFlow& flow, Nanos now) {
  if (flow.from.empty() || now < next_) return;
  Fill(now);
  auto due = static_cast<size_t>(std::min(bytes_, static_cast<double>(flow.from.bytes())));
  bytes_ -= static_cast<double>(due);
  while (due > 0) {
    Slice slice = flow.from.front().Prefix(std::min(due, flow.from.front().size()));
    due -= slice.size();
    flow.from.Drain(slice.size());
    flow.to.Push(std::move(slice));
  }
  if (flow.from.empty()) return;
  next_ = now + kInterval;
  timer_.Set(next_);
}

}  // namespace outrigger::proxy::fault
