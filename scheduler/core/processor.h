// processor.h: a P, the right to run: a run queue, and in a pinned pool its own netpoll, mailbox
// and turn hooks. Per-P state lives here and not in the thread. Flow: Ready() queues a G -> the
// loop of its pool (pool.cc, stealing_loop.cc) runs it.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "scheduler/base/mutex.h"
#include "scheduler/core/live_list.h"
#include "scheduler/core/possession.h"
#include "scheduler/core/run_queue.h"
#include "scheduler/netpoll/netpoll.h"
#include "scheduler/trace/flight_recorder.h"
#include "scheduler/trace/latency_histogram.h"

namespace outrigger::scheduler {

class Pool;

// A plain function run once at the end of the loop turn in which it was asked for (a flush).
// Pinned pools only.
struct TurnHook {
  using Run = void (*)(TurnHook& hook);
  explicit TurnHook(Run on_run) : run(on_run) {}
  TurnHook(const TurnHook&) = delete;
  TurnHook& operator=(const TurnHook&) = delete;
  Run run;
  TurnHook* next = nullptr;
  bool queued = false;
};

// Bounded hand-over of work to a pinned P. Any thread pushes; the P drains once a turn.
class Mailbox {
 public:
  static constexpr size_t kCapacity = 4096;
  // False: full (or closed), the item was not taken.
  bool Push(std::function<void()> item);
  std::vector<std::function<void()>> TakeAll();
  // seq_cst: pairs with `sleeping` of the P (either the P sees the item or we see it asleep).
  bool pending() const { return pending_.load(); }
  // True: nothing is in it, and nothing will be.
  bool CloseIfEmpty();

 private:
  Mutex mutex_;
  std::vector<std::function<void()>> items_ OUTRIGGER_GUARDED_BY(mutex_);
  bool closed_ OUTRIGGER_GUARDED_BY(mutex_) = false;
  std::atomic<bool> pending_{false};
};

// What others may read of a P. Written by who has it, relaxed: figures, ordered with nothing.
struct alignas(64) ProcessorStats {
  std::atomic<uint64_t> ticks{0};             // Gs run
  std::atomic<uint64_t> polls{0};             // calls of Netpoll::Poll
  std::atomic<uint64_t> steals{0};            // batches taken from other Ps
  std::atomic<uint64_t> panics{0};            // Gs that ended by an exception
  std::atomic<uint64_t> stalls{0};            // slices overrun (counted by sysmon)
  std::atomic<const char*> running{nullptr};  // name of the G that runs; null between Gs
};

// Owner: Pool. Thread-safety: confined to the M that has it, but for what says otherwise.
class Processor {
 public:
  Processor(Pool& pool, int id, bool pinned);

  Pool& pool() { return pool_; }
  int id() const { return id_; }
  bool pinned() const { return pinned_; }
  Netpoll& netpoll() { return *netpoll_; }
  ProcessorStats& stats() { return stats_; }
  // Stealing: what it did last, and how long its Gs waited to run.
  FlightRecorder& recorder() { return recorder_; }
  const LatencyHistogram& latency() const { return latency_; }

  // Who has it (stealing).
  Possession& possession() { return possession_; }

  // Gs in its ring (stealing). A figure.
  uint32_t queued() const { return ring_.size(); }

  // Pinned: this P's thread only.
  void Queue(G* g) { local_.Push(g); }
  void AtTurnEnd(TurnHook& hook) {
    if (hook.queued) return;
    hook.queued = true;
    hook.next = hooks_;
    hooks_ = &hook;
  }
  // Takes a hook back before its owner goes.
  void CancelHook(TurnHook& hook);

 private:
  friend class Pool;
  bool RunHooks();

  Pool& pool_;
  const int id_;
  const bool pinned_;
  Netpoll* netpoll_;  // own (pinned) or the pool's
  std::unique_ptr<Netpoll> own_netpoll_;

  // Pinned.
  GQueue local_;
  TurnHook* hooks_ = nullptr;
  Mailbox mailbox_;
  std::atomic<bool> sleeping_{false};

  // Stealing.
  RunQueue<> ring_;
  // One look for a G in so many begins with the global queue or the ring's oldest, by turns.
  static constexpr uint32_t kGlobalEvery = 61;
  uint32_t until_global_ = kGlobalEvery;
  bool ring_first_ = true;  // the last time
  Nanos last_poll_ = 0;     // when it looked at the netpoll though it had work
  uint32_t random_;
  bool spinning_ = false;
  std::atomic<uint32_t> parked_{0};  // futex word: 1 while asleep
  bool in_idle_list_ = false;        // guarded by the pool's lock
  bool polling_ = false;             // guarded by the pool's lock

  alignas(64) LiveList live_;  // stealing: of the Gs that were spawned here
  alignas(64) Possession possession_;
  ProcessorStats stats_;
  LatencyHistogram latency_;
  FlightRecorder recorder_;
};

// Queues a woken or new G where it belongs. A confined G: from its own P only.
void Ready(G* g);

// The P of the running thread. Only inside a pinned pool.
Processor& CurrentProcessor();
// What the running G waits on for time and descriptors. Inside any pool.
Netpoll& CurrentNetpoll();

}  // namespace outrigger::scheduler
