// timer_heap.h: deadlines of one P (or of one stealing pool), nearest first. A 4-ary heap of
// pointers. The timer lives with whoever waits; the heap only points at it. Firing calls a plain
// function that queues work and never runs a coroutine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace outrigger::scheduler {

// Nanoseconds of CLOCK_MONOTONIC.
using Nanos = int64_t;
inline constexpr Nanos kNever = std::numeric_limits<Nanos>::max();
inline constexpr Nanos kMillisecond = 1'000'000;
inline constexpr Nanos kSecond = 1'000'000'000;
Nanos MonotonicNow();

struct Timer {
  using Fire = void (*)(Timer& timer);
  explicit Timer(Fire on_fire) : fire(on_fire) {}
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  bool armed() const { return index >= 0; }

  Fire fire;
  Nanos deadline = kNever;
  int32_t index = -1;  // place in the heap; -1: not in it
};

// Thread-safety: confined to its P (pinned), or guarded by its owner's lock (stealing).
class TimerHeap {
 public:
  // Arms it, anew if it is armed. To push a deadline back, as each byte does to an idle timeout, is
  // one store: its place in the heap is mended when its old deadline comes.
  void Add(Timer& timer, Nanos deadline);
  void Remove(Timer& timer);  // no-op if not armed
  Nanos Next();
  // Fires every timer with deadline <= now. A fired timer is out of the heap before its call.
  // Those that are armed meanwhile wait for the next call, or one that is always late would keep
  // this one going. Returns how many fired.
  int RunExpired(Nanos now);
  size_t size() const { return heap_.size(); }

 private:
  // The deadline is kept beside the pointer: sifting compares without touching the timers. It is
  // the timer's, or one before it.
  struct Slot {
    Nanos deadline;
    Timer* timer;
  };
  // Mends the top until its deadline is its timer's, or after `now`.
  void MendTop(Nanos now);
  void SiftUp(size_t i, Slot slot);
  void SiftDown(size_t i, Slot slot);
  void Place(size_t i, Slot slot) {
    heap_[i] = slot;
    slot.timer->index = static_cast<int32_t>(i);
  }

  std::vector<Slot> heap_;
  Nanos first_ = std::numeric_limits<Nanos>::min();  // no timer comes before it
};

}  // namespace outrigger::scheduler
