// scheduler.h: what a coroutine may wait for: time, its turn, a signal. Include this to use the
// pools.
#pragma once

#include <coroutine>
#include <utility>

#include "scheduler/netpoll/netpoll.h"
#include "scheduler/pool.h"
#include "scheduler/task.h"

namespace outrigger::scheduler {

// The running G's clock (pinned: as of this turn's start).
inline Nanos Now() { return CurrentNetpoll().Now(); }

// co_await SleepUntil(deadline): kTimeout when the time has come (at once if it is past, after the
// others of this turn), kCancelled if the G was or is cancelled before that.
class [[nodiscard]] SleepUntil {
 public:
  explicit SleepUntil(Nanos deadline) : deadline_(deadline) {}
  bool await_ready() const { return false; }
  bool await_suspend(std::coroutine_handle<> self);
  Wake await_resume();

 private:
  const Nanos deadline_;
  bool waited_ = false;
  Netpoll* netpoll_ = nullptr;
  WakeTimer timer_;
};
// From Now(), which in a pinned pool is the turn's start. Sleep(kNever) ends by cancel alone.
inline SleepUntil Sleep(Nanos duration) {
  const Nanos now = Now();
  return SleepUntil(duration < kNever - now ? now + duration : kNever);
}

// co_await Yield(): goes to the tail of the queue.
struct [[nodiscard]] Yield {
  bool await_ready() const { return false; }
  bool await_suspend(std::coroutine_handle<> self) const;
  void await_resume() const {}
};

// A sticky flag with one waiter: Set() before or during Wait() ends it and clears the flag.
//
// Thread-safety: confined to one P (pinned pools).
class Signal {
 public:
  void Set() {
    set_ = true;
    if (waiter_) waiter_->TryWake(Wake::kReady);
  }

  class [[nodiscard]] SignalWait {
   public:
    SignalWait(Signal& signal, const char* reason) : signal_(signal), reason_(reason) {}
    bool await_ready() { return std::exchange(signal_.set_, false); }
    bool await_suspend(std::coroutine_handle<> self) {
      G* g = machine.g;
      if (!g->BeginWait(reason_)) {
        cancelled_ = true;
        return false;
      }
      g->resume = self;
      signal_.waiter_ = g;
      return g->CommitWait();
    }
    Wake await_resume() {
      if (cancelled_) return Wake::kCancelled;
      if (!signal_.waiter_) return Wake::kReady;
      signal_.waiter_ = nullptr;
      const Wake wake = machine.g->FinishWait();
      if (wake == Wake::kReady) signal_.set_ = false;
      return wake;
    }

   private:
    Signal& signal_;
    const char* reason_;
    bool cancelled_ = false;
  };
  // `reason` is static text: what the G waits for, as dumps show it.
  SignalWait Wait(const char* reason) { return {*this, reason}; }

 private:
  bool set_ = false;
  G* waiter_ = nullptr;
};

}  // namespace outrigger::scheduler
