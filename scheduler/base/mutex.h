// mutex.h: std::mutex with Clang's thread-safety annotations.
// Not absl::Mutex: system libraries are not instrumented, so TSan would report correct code.
// Blocks the thread: for short critical sections off the request path only.
#pragma once

#include <condition_variable>
#include <mutex>

#include "scheduler/base/contention.h"

#if defined(__clang__)
#define OUTRIGGER_TSA(x) __attribute__((x))
#else
#define OUTRIGGER_TSA(x)
#endif

#define OUTRIGGER_GUARDED_BY(mutex) OUTRIGGER_TSA(guarded_by(mutex))
#define OUTRIGGER_REQUIRES(...) OUTRIGGER_TSA(requires_capability(__VA_ARGS__))
#define OUTRIGGER_EXCLUDES(...) OUTRIGGER_TSA(locks_excluded(__VA_ARGS__))

namespace outrigger::scheduler {

class OUTRIGGER_TSA(capability("mutex")) Mutex {
 public:
  void Lock() OUTRIGGER_TSA(acquire_capability()) { lock(); }
  void Unlock() OUTRIGGER_TSA(release_capability()) { mutex_.unlock(); }
  bool TryLock() OUTRIGGER_TSA(try_acquire_capability(true)) { return mutex_.try_lock(); }

  // The standard's names, so that std::condition_variable_any and friends accept it.
  void lock() OUTRIGGER_TSA(acquire_capability()) {
    if (!mutex_.try_lock()) LockContended();
  }
  void unlock() OUTRIGGER_TSA(release_capability()) { mutex_.unlock(); }

 private:
  [[gnu::noinline]] void LockContended() {
    const LockWaitScope waiting;
    mutex_.lock();
  }

  std::mutex mutex_;
};

class OUTRIGGER_TSA(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) OUTRIGGER_TSA(acquire_capability(mutex)) : mutex_(mutex) {
    mutex_.Lock();
  }
  ~MutexLock() OUTRIGGER_TSA(release_capability()) { mutex_.Unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

}  // namespace outrigger::scheduler
