#include "proxy/filters/filter.h"

namespace outrigger::proxy {

scheduler::Task<FilterVerdict> Filter::Wait(FilterStream&) const {
  co_return FilterVerdict::kContinue;
}

scheduler::Task<bool> FilterStream::SleepUntil(scheduler::Nanos deadline) {
  EventTimer timer(*this);
  timer.Set(deadline);
  while (!over() && netpoll.Now() < deadline) {
    const scheduler::Wake wake = co_await event.Wait("a filter's time");
    if (wake == scheduler::Wake::kCancelled) co_return false;
  }
  co_return !over();
}

}  // namespace outrigger::proxy
