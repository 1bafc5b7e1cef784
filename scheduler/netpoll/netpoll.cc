#include "scheduler/netpoll/netpoll.h"

#include <event2/event.h>
#include <event2/thread.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "scheduler/base/check.h"
#include "scheduler/core/machine.h"

namespace outrigger::scheduler {
namespace {

// After timers have fired, those of the next so many nanoseconds fire together: the kernel's slack
// for threads that sleep. A timer that comes alone is exact.
constexpr Nanos kTimerSlack = 50'000;

void DrainCounter(int fd, short, void*) {
  uint64_t count;
  [[maybe_unused]] ssize_t n = read(fd, &count, sizeof(count));
}

event_base* NewBase(bool shared) {
  // The threading hooks are process-wide in libevent; a confined base opts out below.
  static const int hooks = evthread_use_pthreads();
  OUTRIGGER_CHECK(hooks == 0);
  event_config* config = event_config_new();
  event_config_require_features(config, EV_FEATURE_ET | EV_FEATURE_EARLY_CLOSE);
  // Deadlines are ours (timerfd), so libevent need not read the clock.
  event_config_set_flag(config, EVENT_BASE_FLAG_NO_CACHE_TIME);
  if (!shared) event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
  event_base* base = event_base_new_with_config(config);
  event_config_free(config);
  OUTRIGGER_CHECK(base != nullptr);
  return base;
}

}  // namespace

Netpoll::Netpoll(bool shared) : shared_(shared), now_(MonotonicNow()), base_(NewBase(shared)) {
  timerfd_ = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  wakefd_ = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  OUTRIGGER_CHECK(timerfd_ >= 0 && wakefd_ >= 0);
  timer_event_ = event_new(base_, timerfd_, EV_READ | EV_ET | EV_PERSIST, &DrainCounter, nullptr);
  wake_event_ = event_new(base_, wakefd_, EV_READ | EV_ET | EV_PERSIST, &DrainCounter, nullptr);
  OUTRIGGER_CHECK(event_add(timer_event_, nullptr) == 0 && event_add(wake_event_, nullptr) == 0);
}

Netpoll::~Netpoll() {
  event_free(timer_event_);
  event_free(wake_event_);
  close(timerfd_);
  close(wakefd_);
  event_base_free(base_);
}

void Netpoll::Wakeup() {
  const uint64_t one = 1;
  [[maybe_unused]] ssize_t n = write(wakefd_, &one, sizeof(one));
}

// So that it fires at `deadline` or, as a timer that is gone asked for, before.
void Netpoll::Arm(Nanos deadline) {
  // An absolute time of 0 would disarm; deadlines in the past fire at once.
  const Nanos at = std::max({deadline, not_before_, Nanos{1}});
  if (at >= armed_) return;
  itimerspec spec{};
  spec.it_value = {at / kSecond, at % kSecond};
  timerfd_settime(timerfd_, TFD_TIMER_ABSTIME, &spec, nullptr);
  armed_ = at;
}

void Netpoll::AddTimer(Timer& timer, Nanos deadline) {
  Guard guard(*this);
  timers_.Add(timer, deadline);
  // A confined base arms once, before it sleeps. A shared one may be asleep right now.
  if (shared_) Arm(deadline);
}

void Netpoll::RemoveTimer(Timer& timer) {
  // Unlocked look: only this timer's owner arms it, so "never armed" is seen truly. "Fired" is not:
  // its callback may still run, so a shared base always takes the lock.
  if (!shared_ && !timer.armed()) return;
  Guard guard(*this);
  timers_.Remove(timer);
}

void Netpoll::Poll(bool block) {
  if (block) {
    Guard guard(*this);
    // Lazy: an armed time before the next deadline belongs to a timer that was removed; it fires
    // for nothing once and is not worth a system call now.
    Arm(timers_.Next());
  }
  event_base_loop(base_, EVLOOP_ONCE | (block ? 0 : EVLOOP_NONBLOCK));
  const Nanos now = MonotonicNow();
  if (!shared_) now_ = now;
  Guard guard(*this);
  if (timers_.RunExpired(now) > 0) not_before_ = now + kTimerSlack;
  if (armed_ <= now) {
    armed_ = kNever;
    if (shared_) Arm(timers_.Next());
  }
}

PollFd::PollFd(Netpoll& netpoll, int fd) : netpoll_(netpoll), fd_(fd) {
  const RuntimeScope scope;  // comes forward: libevent's lock knows no LockWaitScope
  event_ = event_new(netpoll_.base_, fd, EV_READ | EV_WRITE | EV_CLOSED | EV_ET | EV_PERSIST,
                     &OnEvent, this);
  OUTRIGGER_CHECK(event_ != nullptr && event_add(event_, nullptr) == 0);
}

PollFd::~PollFd() {
  const RuntimeScope scope;
  // On a shared base this waits for a callback that runs on another thread: no lock is held here.
  event_free(event_);
  OUTRIGGER_CHECK(read_.waiter == nullptr && write_.waiter == nullptr);
}

void PollFd::OnEvent(int, short what, void* self) {
  PollFd& fd = *static_cast<PollFd*>(self);
  WritableCallback call = nullptr;
  {
    Netpoll::Guard guard(fd.netpoll_);
    if (what & (EV_READ | EV_CLOSED)) {
      fd.read_.ready = true;
      // The peer's end came in this edge, with bytes before it perhaps: a reader who stops at a
      // short read is sent once more, to find the end.
      if (what & EV_CLOSED) fd.read_.once_more = true;
      if (fd.read_.waiter) fd.read_.waiter->TryWake(Wake::kReady);
    }
    if (what & EV_WRITE) {
      fd.write_.ready = true;
      if (fd.write_.waiter) fd.write_.waiter->TryWake(Wake::kReady);
      call = fd.on_writable_;
    }
  }
  if (call) call(fd.on_writable_owner_);
}

bool FdWait::await_ready() {
  Netpoll::Guard guard(fd_.netpoll_);
  return side_.ready && side_.Take();
}

bool FdWait::await_suspend(std::coroutine_handle<> self) {
  G* g = machine.g;
  if (!g->BeginWait(reason_)) {
    result_ = Wake::kCancelled;
    return false;
  }
  waited_ = true;
  g->resume = self;
  {
    Netpoll::Guard guard(fd_.netpoll_);
    OUTRIGGER_CHECK(side_.waiter == nullptr);
    side_.waiter = g;
    // The edge may have come between await_ready and here (shared base).
    if (side_.ready) g->TryWake(Wake::kReady);
  }
  if (deadline_ != kNever) {
    timer_.g = g;
    fd_.netpoll_.AddTimer(timer_, deadline_);
  }
  return g->CommitWait();
}

Wake FdWait::await_resume() {
  if (!waited_) return result_;
  const Wake wake = machine.g->FinishWait();
  if (deadline_ != kNever) fd_.netpoll_.EndTimer(timer_, wake);
  Netpoll::Guard guard(fd_.netpoll_);
  side_.waiter = nullptr;
  if (wake == Wake::kReady) side_.Take();
  return wake;
}

}  // namespace outrigger::scheduler
