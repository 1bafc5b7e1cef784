// pool.h: a named set of Ps bound to CPUs with one policy. The control side steals, the data side
// is pinned: a G stays on its P, and its run queue needs no atomics.
// Flow: Pool::Go() -> Processor -> machine. Knows nothing of what its Gs do.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "scheduler/core/processor.h"
#include "scheduler/core/sysmon.h"
#include "scheduler/cpu/cpu_set.h"
#include "scheduler/task.h"

namespace outrigger::scheduler {

enum class Policy { kStealing, kPinned };

struct PoolOptions {
  std::string name;               // threads are called name:N
  Policy policy = Policy::kStealing;
  std::vector<CpuSet> affinity;   // one a P; an empty set binds nothing
};

// A reference to a spawned G. Dropping it detaches. Copyable; any thread.
class JoinHandle {
 public:
  JoinHandle() = default;
  explicit JoinHandle(G* g) : g_(g) { g_->Ref(); }
  JoinHandle(const JoinHandle& other) : g_(other.g_) {
    if (g_) g_->Ref();
  }
  JoinHandle(JoinHandle&& other) noexcept : g_(std::exchange(other.g_, nullptr)) {}
  JoinHandle& operator=(JoinHandle other) noexcept {
    std::swap(g_, other.g_);
    return *this;
  }
  ~JoinHandle() {
    if (g_) g_->Unref();
  }

  explicit operator bool() const { return g_ != nullptr; }
  // acquire pairs with the release at the G's end: its writes are seen.
  bool done() const { return g_->state.load(std::memory_order_acquire) & G::kDone; }
  // Pinned G: from its own P only.
  void Cancel() { g_->Cancel(); }

  // co_await handle.Join(): until the G ended (kReady) or the waiting one was cancelled.
  // One joiner; in a pinned pool of the same P, else of the same pool.
  class JoinWait {
   public:
    explicit JoinWait(G* target) : target_(target) {}
    bool await_ready() const { return done(); }
    bool await_suspend(std::coroutine_handle<> self);
    Wake await_resume();

   private:
    bool done() const { return target_->state.load(std::memory_order_acquire) & G::kDone; }

    G* target_;
    bool waited_ = false;
    Wake result_ = Wake::kReady;
  };
  JoinWait Join() const { return JoinWait(g_); }

 private:
  G* g_ = nullptr;
};

// Runs on: any (Go, Post, Stop); see each. Owner: the process. Stop() before destruction is implied.
class Pool {
 public:
  explicit Pool(PoolOptions options);
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // Spawns. `name` is static text. Stealing: from any thread. Pinned: from a P of this pool, onto it.
  JoinHandle Go(const char* name, Task<void> task);
  // Pinned: runs `item` on P `id` within a turn. Any thread. False: mailbox full or pool stopped.
  bool Post(int id, std::function<void()> item);

  // Asks every G to cancel, waits for all to end, joins the threads. A thread outside the pool.
  // New Gs spawned meanwhile start cancelled.
  void Stop();

  const std::string& name() const { return options_.name; }
  Policy policy() const { return options_.policy; }
  int procs() const { return static_cast<int>(processors_.size()); }
  Processor& processor(int id) { return *processors_[static_cast<size_t>(id)]; }
  // The pool's own netpoll (stealing).
  Netpoll& netpoll() { return *netpoll_; }
  // Gs alive now. A figure.
  int64_t live() const { return live_.load(std::memory_order_relaxed); }
  uint32_t global_queue_size() const { return global_size_.load(std::memory_order_relaxed); }

 private:
  friend void Ready(G* g);
  friend void RunG(G* g);
  friend class JoinHandle;
  friend class Sysmon;
  friend struct Yield;

  // Holds the live lock of the G's pool; nothing for a confined G.
  class LiveGuard {
   public:
    explicit LiveGuard(G& g);
    ~LiveGuard();

   private:
    Mutex* mutex_;
  };

  G* NewG(const char* name, Task<void> task);
  void FinishG(G* g, bool panicked);
  void ThreadMain(Processor& p);
  void PinnedLoop(Processor& p);
  void CancelAll(Processor& p);
  void NotifySysmon() {
    if (Sysmon* sysmon = sysmon_.load(std::memory_order_relaxed)) sysmon->NoteActivity();
  }
  bool Finished() const { return stopping_.load() && live_.load() == 0; }

  // Stealing (stealing_loop.cc).
  void StealingLoop(Processor& p);
  void QueueStealing(G* g, bool front);
  G* FindRunnable(Processor& p);
  G* PopGlobal(Processor& p);
  G* Steal(Processor& p);
  bool AnyRunnable();
  void WakeOne();
  void Park(Processor& p);
  void StopSpinning(Processor& p);

  const PoolOptions options_;
  std::atomic<Sysmon*> sysmon_{nullptr};  // set once by Sysmon, before it watches
  std::vector<std::unique_ptr<Processor>> processors_;
  std::vector<std::thread> threads_;
  std::unique_ptr<Netpoll> netpoll_;
  std::atomic<bool> stopping_{false};
  std::atomic<int64_t> live_{0};

  Mutex live_mutex_;
  LiveList live_list_ OUTRIGGER_GUARDED_BY(live_mutex_);  // stealing; a pinned P keeps its own

  std::atomic<int32_t> spinning_{0};
  std::atomic<int32_t> idle_{0};
  std::atomic<bool> poller_token_{true};  // true: free
  std::atomic<uint32_t> global_size_{0};
  Mutex mutex_;
  GQueue global_ OUTRIGGER_GUARDED_BY(mutex_);
  std::vector<Processor*> idle_list_ OUTRIGGER_GUARDED_BY(mutex_);
};

// The pool of the running G.
Pool& CurrentPool();
// Spawns on the running G's pool (pinned: on its P).
JoinHandle Go(const char* name, Task<void> task);

}  // namespace outrigger::scheduler
