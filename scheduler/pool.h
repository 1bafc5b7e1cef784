// pool.h: a named set of Ps bound to CPUs with one policy. The control side steals, the data side
// is pinned: a G stays on its P, and its run queue needs no atomics. A stealing P is no thread's
// own: one of the pool's Ms has it, and another takes over when a G overruns. Flow: Pool::Go() ->
// Processor -> machine. Knows nothing of what its Gs do.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "scheduler/core/processor.h"
#include "scheduler/core/steal_order.h"
#include "scheduler/core/sysmon.h"
#include "scheduler/pool_options.h"
#include "scheduler/task.h"

namespace outrigger::scheduler {

// A reference to a spawned G. Dropping it detaches. Copyable; any thread.
class JoinHandle {
 public:
  JoinHandle() = default;
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
  bool done() const { return g_->done(); }
  // Pinned G: from its own P only.
  void Cancel() { g_->Cancel(); }

  // co_await handle.Join(): until the G ended (kReady) or the waiting one was cancelled.
  // One joiner at a time: of the same P if pinned, else of any stealing pool.
  class JoinWait {
   public:
    explicit JoinWait(G* target) : target_(target) {}
    bool await_ready() const { return target_->done(); }
    bool await_suspend(std::coroutine_handle<> self);
    Wake await_resume();

   private:
    G* target_;
    bool waited_ = false;
    Wake result_ = Wake::kReady;
  };
  JoinWait Join() const { return JoinWait(g_); }

 private:
  friend class Pool;
  explicit JoinHandle(G* g) : g_(g) {}  // takes over a reference

  G* g_ = nullptr;
};

// Runs on: any (Go, Post, Stop); see each. Owner: the process. Stop() before destruction is
// implied; whoever else wakes its Gs (a canceller, another pool over a channel) is done with that
// before. Thread-safety: any, but for Stop() and destruction: one caller.
class Pool {
 public:
  explicit Pool(PoolOptions options);
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // Spawns. `name` is static text. Stealing: from any thread. Pinned: from a P of this pool, onto
  // it.
  JoinHandle Go(const char* name, Task<void> task);
  // Pinned: runs `item` on P `id` within a turn. Any thread. False: mailbox full or P stopped; the
  // item will not run.
  bool Post(int id, std::function<void()> item);

  // Asks every G to cancel, waits for all to end, joins the threads. A thread outside the pool.
  // A G spawned meanwhile starts cancelled; one spawned when none is left is done without having
  // run.
  void Stop();

  const std::string& name() const { return options_.name; }
  Policy policy() const { return options_.policy; }
  // Ps that run, or (a figure) shall run; and all that may.
  int procs() const { return procs_.load(std::memory_order_relaxed); }
  int max_procs() const { return static_cast<int>(options_.affinity.size()); }
  // Stealing: from now on 1 to max_procs() Ps run; what is outside of that is brought inside. Does
  // not wait: a P that is to go finishes the G it is at, at most for a slice, and hands on what it
  // has queued. Any thread.
  void SetProcs(int n);
  Processor& processor(int id) { return *processors_[static_cast<size_t>(id)]; }
  // The pool's own netpoll (stealing).
  Netpoll& netpoll() { return *netpoll_; }
  // Gs alive now. A figure.
  int64_t live() const;
  // Stealing.
  Nanos slice() const { return slice_; }
  PoolStats& stats() { return stats_; }
  // Ms that run a G without a P, that sleep without one, and all. Figures.
  int without_p() const { return without_p_.load(std::memory_order_relaxed); }
  int most_without_p() const { return most_without_p_; }
  int spares();
  int machines() const { return machine_count_.load(std::memory_order_acquire); }
  // What threads without a P noted of it: sysmon, and Ms that lost theirs.
  SharedRecorder& recorder() { return recorder_; }
  // Of machines(): what an M shows of itself.
  const MachineCell& cell(int id) const { return *machines_[static_cast<size_t>(id)]; }
  // The P that serves timers and descriptors while all others are busy.
  Processor& relief() { return *relief_; }

  uint32_t global_queue_size() const { return global_size_.load(std::memory_order_relaxed); }
  // Ps that sleep, and that look for work. Figures.
  int idle() const;
  int spinning() const { return spinning_.load(std::memory_order_relaxed); }
  // Each live G of a stealing pool, under the lock that its end takes. Any thread; `visit` does not
  // call back. For people who look for a fault: whoever starts or ends a G there meanwhile spins.
  void ForEachStealingG(const std::function<void(const G&)>& visit);
  // Each live G of the pinned P that this runs on, until `visit` says false.
  void ForEachGHere(const std::function<bool(const G&)>& visit);

 private:
  friend void Ready(G* g);
  friend void RunG(G* g);
  friend class BlockingScope;
  friend class JoinHandle;
  friend class PoolWatch;
  friend class Sysmon;
  friend struct Yield;

  // Holds the lock of the G's live list; nothing for a confined G.
  class LiveGuard {
   public:
    explicit LiveGuard(G& g);
    ~LiveGuard();

   private:
    SyncLock* lock_;
  };

  void FinishG(G* g, bool panicked);
  bool AddLive(G* g);
  LiveList& ListHere();
  template <typename Visit>
  void EachLiveList(Visit visit) const;
  void WakeAll();
  void NameAndBind(int id, const CpuSet& cpus);
  void PinnedMain(Processor& p);
  void PinnedLoop(Processor& p);
  void CancelAll(Processor& p);
  // Sysmon: pools keep the bell for as long as they live, since a P may hold it at any moment.
  void SetBell(std::shared_ptr<SysmonBell> bell);
  bool Asleep() const;
  void NotifySysmon() {
    // The compiler keeps the order too: what says that this P is awake, then the look at the bell.
    std::atomic_signal_fence(std::memory_order_seq_cst);
    if (SysmonBell* bell = bell_.load(std::memory_order_acquire)) bell->NoteActivity();
  }
  bool Finished() const { return count_.finished(); }

  // Stealing: Ms (core/machines.cc).
  void MachineMain(MachineCell& cell, Processor* p);
  void ComeHome(MachineCell& cell);
  Processor* SleepAsSpare(MachineCell& cell);
  void AddSpare(MachineCell& cell);
  MachineCell* TakeSpare();
  void StartSpare();
  void StartMachines();
  void StartMachine(MachineCell& cell, Processor* p);
  void WakeSpares();
  void GiveTo(MachineCell& cell, Processor& p);
  MachineCell* HolderOf(Processor& p);
  void BeginBlocking(MachineCell& cell);
  void JoinMachines();
  bool Retire(Processor& p);
  void StartOn(Processor& p);
  MachineCell* FreeCell() OUTRIGGER_REQUIRES(machines_mutex_);

  // Stealing: the loop (core/stealing_loop.cc).
  void StealingLoop(Processor& p);
  bool RunStealing(Processor& p, G* g);
  void EndStealing(G* g);
  void ReliefLoop(Processor& p);
  void CountPoll() {
    polls_.store(polls_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  void QueueStealing(G* g, bool front);
  void QueueGlobal(G* chain);
  void Spill(Processor& p);
  void PushGlobal(G* chain) OUTRIGGER_REQUIRES(mutex_);
  G* FindRunnable(Processor& p);
  G* PopGlobal(Processor& p, uint32_t most);
  G* Steal(Processor& p);
  G* StealFrom(Processor& victim, Processor& p, bool& may_pause);
  bool AnyWork();
  void PollNow(Processor& p);
  void WakeOne() {
    if (idle_.load() != 0 && spinning_.load() == 0) WakeIdle();
  }
  void WakeIdle();
  void Park(Processor& p);
  void LeaveIdleList(Processor& p) OUTRIGGER_REQUIRES(mutex_);
  void Unpark(Processor& p, bool in_poll);
  void GiveUp(Processor& p) OUTRIGGER_REQUIRES(mutex_);
  void StopSpinning(Processor& p);

  const PoolOptions options_;
  std::atomic<int> procs_;  // stealing: written under mutex_
  const StealOrder steal_order_;
  std::shared_ptr<SysmonBell> bell_kept_;   // set once
  std::atomic<SysmonBell*> bell_{nullptr};  // the same, for the Ps
  std::vector<std::unique_ptr<Processor>> processors_;
  std::vector<std::thread> threads_;  // pinned
  std::unique_ptr<Netpoll> netpoll_;
  LiveCount count_;                 // a pinned pool uses its stopping() alone
  std::atomic<bool> ended_{false};  // no thread is left

  // Its Ms: a cell is made once and used again, so that sysmon may look at any of them.
  const Nanos slice_;
  const int most_without_p_;
  Mutex machines_mutex_;                                // starting one, against Stop()
  std::vector<std::unique_ptr<MachineCell>> machines_;  // by id; room for all from the start
  std::atomic<int> machine_count_{0};                   // release pairs with who looks at them
  std::atomic<int> starting_{0};                        // started, and not yet a spare
  std::atomic<int32_t> without_p_{0};
  std::atomic<int32_t> active_{0};  // Ps that an M has, but for the relief; under mutex_
  PoolStats stats_;
  SharedRecorder recorder_;
  std::unique_ptr<Processor> relief_;
  std::atomic<bool> relief_on_{false};
  std::atomic<uint64_t> polls_{0};  // by who holds the token; sysmon looks whether it moves

  std::atomic<int32_t> spinning_{0};
  std::atomic<int32_t> idle_{0};
  std::atomic<bool> poller_token_{true};  // true: free
  std::atomic<uint32_t> global_size_{0};
  Mutex mutex_;
  GQueue global_ OUTRIGGER_GUARDED_BY(mutex_);
  std::vector<Processor*> idle_list_ OUTRIGGER_GUARDED_BY(mutex_);
  std::vector<MachineCell*> spares_ OUTRIGGER_GUARDED_BY(mutex_);
};

// Around a call that blocks the thread: the G's P goes to another M, at once if there is work for
// it, else soon. Stealing pools; nothing elsewhere.
class BlockingScope {
 public:
  BlockingScope();
  ~BlockingScope();
  BlockingScope(const BlockingScope&) = delete;
  BlockingScope& operator=(const BlockingScope&) = delete;

 private:
  MachineCell* const cell_;
};
// What `call` returns. A G that blocks its thread holds up no other:
//   const ssize_t n = Blocking([&] { return read(fd, buffer, size); });
template <typename Call>
auto Blocking(Call&& call) {
  const BlockingScope scope;
  return call();
}

// The pool of the running G.
Pool& CurrentPool();
// Spawns on the running G's pool (pinned: on its P).
JoinHandle Go(const char* name, Task<void> task);

}  // namespace outrigger::scheduler
