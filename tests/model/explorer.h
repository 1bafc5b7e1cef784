// explorer.h: runs a few logical threads under every order of their shared accesses, up to a bound,
// and says which order breaks an invariant. The threads are fibers of one OS thread; what they
// share is model::Atomic (in place of std::atomic), Mutex and Var. Flow: Explore<Model>() -> a new
// Model for each schedule -> its threads, switched at each access -> AtEnd().
//
// What is explored: each order with at most so many pre-emptions (a switch away from a thread that
// could go on; switches at a wait, a Yield or an end are free), and delayed stores. A store stays
// in its thread's buffer, where that thread alone sees it, until another thread's access to the
// same variable, which either sees it or, at a cost, overtakes it; or until a barrier: an RMW that
// releases, a block, and for seq_cst stores a seq_cst load. A release comes out after the stores
// before it.
//
// What is not: loads that are delayed or done early. A missing acquire is found as a race on a Var,
// by vector clocks.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace outrigger::model {

inline constexpr int kMaxThreads = 4;

// One run of the logical threads. A new one is made for each schedule, before its threads start.
class Scenario {
 public:
  virtual ~Scenario() = default;
  virtual int threads() const = 0;
  virtual void Thread(int id) = 0;
  // Every thread has ended, or all that have not are blocked (if MayRest).
  virtual void AtEnd() {}
  // Whether all threads may be blocked at the end: parked is no deadlock.
  virtual bool MayRest() const { return false; }
};

struct Options {
  int preemptions = 2;
  int delays = 2;             // how many stores are overtaken by another thread's access
  int spurious_failures = 0;  // of compare_exchange_weak
  enum class Stores { kByOrder, kTotalOrder };
  Stores stores = Stores::kByOrder;  // relaxed ones pass each other; x86: none does
  uint64_t max_steps = 2'000;        // of one schedule; more is a livelock
  uint64_t max_schedules = 20'000'000;
  // Not 0: instead of all within the bounds, so many at random, with any number of pre-emptions.
  uint64_t random = 0;
};

struct Report {
  bool failed = false;
  std::string failure;  // what, and the schedule that leads to it
  uint64_t schedules = 0;
  bool complete = false;  // nothing within the bounds is left
};

using MakeScenario = std::function<std::unique_ptr<Scenario>()>;
Report Explore(const Options& options, const MakeScenario& make);

template <std::derived_from<Scenario> Model, typename... Args>
Report Explore(const Options& options, const Args&... args) {
  return Explore(options, [&] { return std::make_unique<Model>(args...); });
}

// For models. In a thread, Check and Fail end the schedule and do not come back.
void Fail(const std::string& what);
inline void Check(bool holds, const char* what) {
  if (!holds) Fail(what);
}
// The running thread spins: it goes on only after another has changed something.
void Yield();
// Any of n, each in its turn.
int Choose(int n);
// Blocks the running thread until another calls Unblock() for the same key.
void Block(const void* key);
void Unblock(const void* key, bool all = true);
// membarrier(PRIVATE_EXPEDITED): every thread's stores become visible.
void MemoryBarrierOfAll();
// For the printed schedule: what lies in `bytes` from `address` is `name`.
void Name(const void* address, size_t bytes, const char* name);
template <typename T>
void Name(const T& object, const char* name) {
  Name(&object, sizeof(T), name);
}
// A line of the printed schedule.
void Note(const char* what);

struct Clock {
  std::array<uint32_t, kMaxThreads> at{};
  void Join(const Clock& other) {
    for (size_t i = 0; i < kMaxThreads; ++i) at[i] = at[i] < other.at[i] ? other.at[i] : at[i];
  }
};

// An atomic variable without its type.
class Cell {
 public:
  explicit Cell(uint64_t bits) : bits_(bits) {}
  ~Cell();
  Cell(const Cell&) = delete;
  Cell& operator=(const Cell&) = delete;

  uint64_t Load(std::memory_order order) const;
  void Store(uint64_t bits, std::memory_order order);
  // Between the two, nobody comes in. `failed`: a compare-and-swap that found something else.
  uint64_t BeginRmw(std::memory_order order);
  void EndRmw(uint64_t bits, std::memory_order order, bool failed = false);
  bool FailsSpuriously();
  void Wait(uint64_t old);
  void Notify(bool all);

 private:
  friend class Explorer;
  uint64_t bits_;
  int delayed_ = 0;  // stores to it in the buffers
  Clock released_;   // what an acquire of the present value gets
};

// std::atomic's interface.
template <typename T>
class Atomic {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= sizeof(uint64_t));
  using Order = std::memory_order;
  static constexpr Order kSeqCst = std::memory_order_seq_cst;

 public:
  using value_type = T;
  Atomic() : Atomic(T()) {}
  Atomic(T value) : cell_(Bits(value)) {}

  T load(Order order = kSeqCst) const { return Value(cell_.Load(order)); }
  void store(T value, Order order = kSeqCst) { cell_.Store(Bits(value), order); }
  T exchange(T value, Order order = kSeqCst) {
    return Change([value](T) { return value; }, order);
  }
  bool compare_exchange_strong(T& seen, T want, Order success, Order failure) {
    const T old = Value(cell_.BeginRmw(success));
    if (old != seen) {
      cell_.EndRmw(Bits(old), failure, /*failed=*/true);
      seen = old;
      return false;
    }
    cell_.EndRmw(Bits(want), success);
    return true;
  }
  bool compare_exchange_strong(T& seen, T want, Order order = kSeqCst) {
    return compare_exchange_strong(seen, want, order, OfFailure(order));
  }
  bool compare_exchange_weak(T& seen, T want, Order success, Order failure) {
    if (cell_.FailsSpuriously()) return false;
    return compare_exchange_strong(seen, want, success, failure);
  }
  bool compare_exchange_weak(T& seen, T want, Order order = kSeqCst) {
    return compare_exchange_weak(seen, want, order, OfFailure(order));
  }
  T fetch_add(T by, Order order = kSeqCst) {
    return Change([by](T old) { return static_cast<T>(old + by); }, order);
  }
  T fetch_sub(T by, Order order = kSeqCst) {
    return Change([by](T old) { return static_cast<T>(old - by); }, order);
  }
  T fetch_or(T by, Order order = kSeqCst) {
    return Change([by](T old) { return static_cast<T>(old | by); }, order);
  }
  T fetch_and(T by, Order order = kSeqCst) {
    return Change([by](T old) { return static_cast<T>(old & by); }, order);
  }

  // Returns when the value is no longer `old`; a change without a notify is not seen.
  void wait(T old) { cell_.Wait(Bits(old)); }
  void notify_one() { cell_.Notify(/*all=*/false); }
  void notify_all() { cell_.Notify(/*all=*/true); }

 private:
  static uint64_t Bits(T value) {
    uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof(T));
    return bits;
  }
  static T Value(uint64_t bits) {
    T value;
    std::memcpy(&value, &bits, sizeof(T));
    return value;
  }
  static constexpr Order OfFailure(Order order) {
    if (order == std::memory_order_acq_rel) return std::memory_order_acquire;
    return order == std::memory_order_release ? std::memory_order_relaxed : order;
  }
  template <typename Function>
  T Change(Function change, Order order) {
    const T old = Value(cell_.BeginRmw(order));
    cell_.EndRmw(Bits(change(old)), order);
    return old;
  }

  Cell cell_;
};

// A lock of any make: a thread that finds it held waits. Its unlock is a release and no more: a
// store before it may stay delayed until the next one locks, whatever the unlocker reads after it.
class Mutex {
 public:
  Mutex() = default;
  // Not `releases`: a seeded bug.
  explicit Mutex(bool releases) : releases_(releases) {}
  void Lock();
  void Unlock();

 private:
  const bool releases_ = true;
  bool held_ = false;
  int last_ = -1;  // who unlocked it last
  Clock released_;
};

class MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) : mutex_(mutex) { mutex_.Lock(); }
  ~MutexLock() { mutex_.Unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

// A plain variable. Two accesses that nothing orders, of which one writes, are a failure, whether
// or not they meet in time. No scheduling point.
class VarBase {
 protected:
  void NoteRead() const;
  void NoteWrite();

 private:
  mutable Clock read_;
  int writer_ = -1;
  uint32_t written_ = 0;
};

template <typename T>
class Var : VarBase {
 public:
  Var() : value_() {}
  Var(T value) : value_(value) {}
  T Get() const {
    NoteRead();
    return value_;
  }
  void Set(T value) {
    NoteWrite();
    value_ = value;
  }

 private:
  T value_;
};

}  // namespace outrigger::model
