#include "scheduler/timer/timer_heap.h"

#include <algorithm>
#include <ctime>

namespace outrigger::scheduler {
namespace {
constexpr size_t kArity = 4;
}

Nanos MonotonicNow() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * kSecond + now.tv_nsec;
}

void TimerHeap::Add(Timer& timer, Nanos deadline) {
  deadline = std::max(deadline, first_);
  timer.deadline = deadline;
  if (timer.armed()) {
    const size_t i = static_cast<size_t>(timer.index);
    if (deadline < heap_[i].deadline) SiftUp(i, {deadline, &timer});
    return;
  }
  heap_.push_back({});
  SiftUp(heap_.size() - 1, {deadline, &timer});
}

void TimerHeap::Remove(Timer& timer) {
  if (!timer.armed()) return;
  const size_t i = static_cast<size_t>(timer.index);
  timer.index = -1;
  const Slot last = heap_.back();
  heap_.pop_back();
  if (i == heap_.size()) return;
  if (i > 0 && last.deadline < heap_[(i - 1) / kArity].deadline) {
    SiftUp(i, last);
  } else {
    SiftDown(i, last);
  }
}

int TimerHeap::RunExpired(Nanos now) {
  int fired = 0;
  first_ = now + 1;
  while (true) {
    MendTop(now);
    if (heap_.empty() || heap_[0].deadline > now) break;
    Timer& timer = *heap_[0].timer;
    Remove(timer);
    timer.fire(timer);
    ++fired;
  }
  first_ = std::numeric_limits<Nanos>::min();
  return fired;
}

Nanos TimerHeap::Next() {
  MendTop(kNever);
  return heap_.empty() ? kNever : heap_[0].deadline;
}

void TimerHeap::MendTop(Nanos now) {
  while (!heap_.empty() && heap_[0].deadline <= now) {
    Timer& timer = *heap_[0].timer;
    if (timer.deadline == heap_[0].deadline) break;
    SiftDown(0, {timer.deadline, &timer});
  }
}

void TimerHeap::SiftUp(size_t i, Slot slot) {
  while (i > 0) {
    const size_t parent = (i - 1) / kArity;
    if (heap_[parent].deadline <= slot.deadline) break;
    Place(i, heap_[parent]);
    i = parent;
  }
  Place(i, slot);
}

void TimerHeap::SiftDown(size_t i, Slot slot) {
  while (true) {
    const size_t first = i * kArity + 1;
    if (first >= heap_.size()) break;
    size_t least = first;
    for (size_t child = first + 1; child < first + kArity && child < heap_.size(); ++child) {
      if (heap_[child].deadline < heap_[least].deadline) least = child;
    }
    if (heap_[least].deadline >= slot.deadline) break;
    Place(i, heap_[least]);
    i = least;
  }
  Place(i, slot);
}

}  // namespace outrigger::scheduler
