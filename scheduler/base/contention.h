// contention.h: what a thread does that finds a lock held for longer than a moment: it says so,
// since the holder may be a thread that somebody has set back with the kernel (core/set_back.h),
// and is to come forward then.
#pragma once

#include <atomic>

namespace outrigger::scheduler {

// Threads that wait for a lock; who would set a thread back looks here afterwards.
inline constinit std::atomic<int> lock_waiters{0};
// Brings those who were set back forward; null until somebody was. Any thread.
inline constinit std::atomic<void (*)()> bring_forward{nullptr};

// Around a wait for a lock. Thread-safety: any.
class LockWaitScope {
 public:
  // seq_cst: we count, then look; who sets a thread back marks it, then looks at the count.
  LockWaitScope() {
    lock_waiters.fetch_add(1);
    if (auto* bring = bring_forward.load()) bring();
  }
  ~LockWaitScope() { lock_waiters.fetch_sub(1); }
  LockWaitScope(const LockWaitScope&) = delete;
  LockWaitScope& operator=(const LockWaitScope&) = delete;
};

}  // namespace outrigger::scheduler
