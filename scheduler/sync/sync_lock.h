// sync_lock.h: the lock of what Gs wait on: one word, taken with one instruction, freed by a plain
// store. Held for a few dozen instructions, never over a suspension or a system call.
// Why not base/mutex.h: docs/decisions/0014.
#pragma once

#include <atomic>
#include <cstdint>

namespace outrigger::scheduler {

// Runs on: any. Owner: what it guards. Thread-safety: any; the unlock is the last touch, so who
// gets it after us may free it.
class SyncLock {
 public:
  SyncLock() = default;
  SyncLock(const SyncLock&) = delete;
  SyncLock& operator=(const SyncLock&) = delete;

  void Lock() {
    // acquire pairs with the release in Unlock().
    if (word_.exchange(1, std::memory_order_acquire) != 0) LockContended();
  }
  void Unlock() { word_.store(0, std::memory_order_release); }

 private:
  void LockContended();

  std::atomic<uint32_t> word_{0};  // 1: held
};

class SyncGuard {
 public:
  explicit SyncGuard(SyncLock& lock) : lock_(lock) { lock_.Lock(); }
  ~SyncGuard() { lock_.Unlock(); }
  SyncGuard(const SyncGuard&) = delete;
  SyncGuard& operator=(const SyncGuard&) = delete;

 private:
  SyncLock& lock_;
};

// Lets a spinning core's other thread run.
inline void SpinPause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace outrigger::scheduler
