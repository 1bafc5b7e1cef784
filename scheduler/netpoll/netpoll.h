// netpoll.h: what a pool waits on: file descriptors and timers. The only door to libevent.
// Flow: a coroutine awaits PollFd::Readable() or a Timer -> Poll() -> the callback marks readiness
// and queues the G. No coroutine runs inside Poll(), so it is never re-entered.
#pragma once

#include <atomic>
#include <coroutine>
#include <cstdint>
#include <utility>

#include "scheduler/base/mutex.h"
#include "scheduler/core/g.h"
#include "scheduler/timer/timer_heap.h"

struct event;
struct event_base;

namespace outrigger::scheduler {

// One event base with one timerfd and one eventfd.
//
// Runs on: the P that owns it (confined), or any thread of a stealing pool (shared; one polls at a
// time). Owner: Processor or Pool; outlives every PollFd on it. Thread-safety: by `shared`.
class Netpoll {
 public:
  explicit Netpoll(bool shared);
  ~Netpoll();
  Netpoll(const Netpoll&) = delete;
  Netpoll& operator=(const Netpoll&) = delete;

  // Runs callbacks of ready descriptors and due timers. `block`: sleeps until one is there.
  void Poll(bool block);
  // Ends a blocking Poll(), now or the next one. Any thread.
  void Wakeup();

  // The clock as of the last Poll(); a shared netpoll reads it anew.
  Nanos Now() const { return shared_ ? MonotonicNow() : now_; }
  void RefreshNow() {
    if (!shared_) now_ = MonotonicNow();
  }

  // The timer fires in Poll(), under the lock of a shared netpoll: it calls nothing of this class.
  void AddTimer(Timer& timer, Nanos deadline);
  void RemoveTimer(Timer& timer);
  // Of a wait that is over. One that its timer has ended needs no lock: once it had won, the firing
  // thread touched the timer no more.
  void EndTimer(Timer& timer, Wake wake) {
    if (wake != Wake::kTimeout) RemoveTimer(timer);
  }

 private:
  friend class PollFd;
  friend class FdWait;

  // Locks only where several threads can meet.
  class Guard {
   public:
    explicit Guard(Netpoll& netpoll) : mutex_(netpoll.shared_ ? &netpoll.mutex_ : nullptr) {
      if (mutex_) mutex_->Lock();
    }
    ~Guard() {
      if (mutex_) mutex_->Unlock();
    }

   private:
    Mutex* mutex_;
  };

  void Arm(Nanos deadline);

  const bool shared_;
  Nanos now_ = 0;
  event_base* base_;
  int timerfd_ = -1;
  int wakefd_ = -1;
  event* timer_event_ = nullptr;
  event* wake_event_ = nullptr;
  Nanos armed_ = kNever;  // what the timerfd is set to; it may fire early for a removed timer
  Nanos not_before_ = 0;  // it is not set to less
  TimerHeap timers_;
  Mutex mutex_;
};

// Wait for one direction of a descriptor, with a deadline. One waiter a direction.
class FdWait;

// A descriptor registered once, edge-triggered; readiness is kept here, so waiting costs no system
// call. Usage: try the operation until EAGAIN (or, on a socket, a short read), then await. An await
// may end early: try again. After a short read a reset (not an end) of the peer that came along
// with those bytes is found by the next read or write only.
//
// Owner: the connection; destroy it before the descriptor is closed, with no waiter left.
class PollFd {
 public:
  PollFd(Netpoll& netpoll, int fd);
  ~PollFd();
  PollFd(const PollFd&) = delete;
  PollFd& operator=(const PollFd&) = delete;

  int fd() const { return fd_; }
  FdWait Readable(Nanos deadline = kNever);
  FdWait Writable(Nanos deadline = kNever);

  // As an edge would: ends a wait for reading, this one or the next. Confined netpolls only.
  void WakeReader() {
    read_.ready = true;
    if (read_.waiter) read_.waiter->TryWake(Wake::kReady);
  }

  // Called on a writable edge instead of queueing a waiter: for flushes that are plain functions.
  // Confined netpolls only.
  using WritableCallback = void (*)(void* owner);
  void SetWritableCallback(WritableCallback callback, void* owner) {
    on_writable_ = callback;
    on_writable_owner_ = owner;
  }

 private:
  friend class FdWait;
  struct Side {
    bool ready = false;
    bool once_more = false;  // ready again after this time
    G* waiter = nullptr;
    bool Take() {
      ready = std::exchange(once_more, false);
      return true;
    }
  };
  static void OnEvent(int fd, short what, void* self);

  Netpoll& netpoll_;
  const int fd_;
  event* event_;
  Side read_, write_;
  WritableCallback on_writable_ = nullptr;
  void* on_writable_owner_ = nullptr;
};

// A timer that wakes a G.
struct WakeTimer : Timer {
  WakeTimer() : Timer(&OnFire) {}
  static void OnFire(Timer& timer) { static_cast<WakeTimer&>(timer).g->TryWake(Wake::kTimeout); }
  G* g = nullptr;
};

class [[nodiscard]] FdWait {
 public:
  FdWait(PollFd& fd, PollFd::Side& side, Nanos deadline, const char* reason)
      : fd_(fd), side_(side), deadline_(deadline), reason_(reason) {}
  bool await_ready();
  bool await_suspend(std::coroutine_handle<> self);
  Wake await_resume();

 private:
  PollFd& fd_;
  PollFd::Side& side_;
  const Nanos deadline_;
  const char* const reason_;
  bool waited_ = false;
  Wake result_ = Wake::kReady;
  WakeTimer timer_;
};

inline FdWait PollFd::Readable(Nanos deadline) { return {*this, read_, deadline, "read"}; }
inline FdWait PollFd::Writable(Nanos deadline) { return {*this, write_, deadline, "write"}; }

}  // namespace outrigger::scheduler
