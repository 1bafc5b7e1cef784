// The loop of a stealing pool: find a G, or park. Go's findRunnable with its two barrier patterns:
//   submit: queue the G;  full barrier;  read spinning_ and idle_          (QueueStealing, WakeOne)
//   park:   enter idle_, leave spinning_;  full barrier;  read all queues  (Park, StopSpinning)
// Either the submitter sees an idle P and wakes it, or the parking P sees the G. The barriers are
// seq_cst operations on variables: TSan on g++ 12 does not model fences.
//
// The poller token is work of the same kind, since a free one means that descriptors and timers go
// unnoticed: whenever a P is idle and none spins, somebody holds the token. So a P never sleeps
// beside a free token, and one that lets go of it while others are idle spins or wakes one.
#include <algorithm>
#include <chrono>
#include <thread>

#include "scheduler/base/check.h"
#include "scheduler/pool.h"
#include "scheduler/trace/hold.h"

namespace outrigger::scheduler {
namespace {

constexpr uint32_t kGlobalBatch = 128;
constexpr int kStealRounds = 4;
// A busy P looks at the netpoll this often.
constexpr Nanos kPollPeriod = 50'000;
// Go's: as long as a P usually takes to come to its run-next. The kernel makes 50 us of it, in
// which the thief burns nothing and, still counted as spinning, spares submitters the wake of
// another.
constexpr auto kBeforeStealingNext = std::chrono::microseconds(3);

}  // namespace

// `front`: into the run-next slot; else, as for a G that yields, to the ring's tail. From another
// thread, or an M without a P: the global queue.
void Pool::QueueStealing(G* g, bool front) {
  const RuntimeScope scope;  // may find that our P has gone
  Processor* p = machine.p;
  if (p && &p->pool() == this) {
    if (G* overflow = p->ring_.Push(g, front)) [[unlikely]]
      QueueGlobal(overflow);
    const uint32_t most = options_.spill_above;
    if (most != 0 && p->ring_.size() > most) [[unlikely]]
      Spill(*p);
  } else {
    g->next = nullptr;
    QueueGlobal(g);
  }
  WakeOne();
}

// A chain by G::next. Not inlined: the way past it is short.
[[gnu::noinline]] void Pool::QueueGlobal(G* chain) {
  MutexLock lock(mutex_);
  PushGlobal(chain);
  global_size_.store(global_.size());
}

[[gnu::noinline]] void Pool::Spill(Processor& p) {
  MutexLock lock(mutex_);
  for (uint32_t left = p.ring_.size() / 2; left > 0; --left) {
    G* g = p.ring_.PopOldest();
    if (!g) break;  // thieves were here
    global_.Push(g);
  }
  global_size_.store(global_.size());
}

void Pool::PushGlobal(G* chain) {
  while (chain) {
    G* next = chain->next;
    global_.Push(chain);
    chain = next;
  }
}

void Pool::WakeIdle() {
  int32_t none = 0;
  if (!spinning_.compare_exchange_strong(none, 1)) return;
  Processor* woken = nullptr;
  bool asleep_in_poll = false;
  {
    MutexLock lock(mutex_);
    // A parked P before the one that polls: waking the poller makes somebody else poll.
    for (size_t i = idle_list_.size(); i-- > 0;) {
      if (woken && !woken->polling_) break;
      woken = idle_list_[i];
    }
    if (woken) {
      LeaveIdleList(*woken);
      asleep_in_poll = woken->polling_;
    } else {
      // Under the lock: else a P could park, and a submitter pass by on our count, before this.
      spinning_.fetch_sub(1);
    }
  }
  if (woken && machine.p && &machine.p->pool() == this) {
    machine.p->recorder_.Note(FlightEvent::kWake, nullptr, static_cast<uint32_t>(woken->id()));
  }
  // It starts spinning on our count. We ourselves are awake: our own poll's callbacks called this.
  if (!woken || woken == machine.p) return;
  Unpark(*woken, asleep_in_poll);
}

// Whoever takes a sleeping P off the list counts it as spinning, and unparks it.
void Pool::LeaveIdleList(Processor& p) {
  std::erase(idle_list_, &p);
  idle_.store(static_cast<int32_t>(idle_list_.size()));
  p.in_idle_list_ = false;
}

// `in_poll`: where it sleeps, as the lock told.
void Pool::Unpark(Processor& p, bool in_poll) {
  if (in_poll) return netpoll_->Wakeup();
  p.parked_.store(0);
  p.parked_.notify_one();
}

// `most`: how many leave the global queue; all but the first go to the ring.
G* Pool::PopGlobal(Processor& p, uint32_t most) {
  if (global_size_.load() == 0) return nullptr;
  MutexLock lock(mutex_);
  const uint32_t share = global_.size() / static_cast<uint32_t>(procs()) + 1;
  G* first = global_.Pop();
  if (first) {
    uint32_t more = std::min({most - 1, share - 1, global_.size()});
    while (more-- > 0) {
      PushGlobal(p.ring_.Push(global_.Pop(), /*front=*/false));
    }
  }
  global_size_.store(global_.size());
  return first;
}

G* Pool::Steal(Processor& p) {
  G* found = nullptr;
  for (int round = 0; round < kStealRounds; ++round) {
    p.random_ ^= p.random_ << 13;
    p.random_ ^= p.random_ >> 17;
    p.random_ ^= p.random_ << 5;
    bool may_pause = round == kStealRounds - 1;
    const auto ask = [&](Processor& victim) {
      found = StealFrom(victim, p, may_pause);
      return found != nullptr;
    };
    // All that may run: one that was just taken out may still have some.
    steal_order_.Each(static_cast<uint32_t>(p.id_), p.random_,
                      [&](uint32_t id) { return ask(*processors_[id]); });
    if (found || ask(*relief_)) return found;
  }
  return nullptr;
}

// `may_pause`: waits for run-next, once. It is taken only from a P that runs one and the same G for
// longer: a pair that plays ping-pong stays together.
G* Pool::StealFrom(Processor& victim, Processor& p, bool& may_pause) {
  bool take_next = false;
  if (may_pause && victim.ring_.OnlyNext()) {
    may_pause = false;
    const uint64_t before = victim.stats_.ticks.load(std::memory_order_relaxed);
    std::this_thread::sleep_for(kBeforeStealingNext);
    take_next = victim.stats_.ticks.load(std::memory_order_relaxed) == before;
  }
  G* g = victim.ring_.StealInto(p.ring_, take_next);
  if (g) {
    p.stats_.steals.fetch_add(1, std::memory_order_relaxed);
    p.recorder_.Note(FlightEvent::kSteal, nullptr, static_cast<uint32_t>(victim.id_));
  }
  return g;
}

// A G waits in some queue, or nobody polls.
bool Pool::AnyWork() {
  if (poller_token_.load() || global_size_.load() != 0) return true;
  for (auto& p : processors_) {
    if (!p->ring_.Empty()) return true;
  }
  return !relief_->ring_.Empty();
}

void Pool::StopSpinning(Processor& p) {
  if (!p.spinning_) return;
  p.spinning_ = false;
  // Submitters relied on us. The last spinner to find work wakes the next, if there is more.
  if (spinning_.fetch_sub(1) == 1 && AnyWork()) WakeOne();
}

void Pool::PollNow(Processor& p) {
  if (!poller_token_.load(std::memory_order_relaxed) || !poller_token_.exchange(false)) return;
  CountPoll();
  p.recorder_.Note(FlightEvent::kPoll);
  netpoll_->Poll(/*block=*/false);
  poller_token_.store(true);
  // Somebody may have parked beside the token that we held; who spins looks at that later.
  if (!p.spinning_) WakeOne();
}

// Inlined, as RunStealing() is: two calls and the registers that they save are a quarter of the
// instructions of a switch.
[[gnu::always_inline]] inline G* Pool::FindRunnable(Processor& p) {
  while (!Finished()) {
    // relaxed: SetProcs() wakes who sleeps, and who runs comes by here.
    if (p.id_ >= procs_.load(std::memory_order_relaxed) && Retire(p)) return nullptr;
    if (--p.until_global_ == 0) [[unlikely]] {
      p.until_global_ = Processor::kGlobalEvery;
      const Nanos now = MonotonicNow();
      if (now - p.last_poll_ >= kPollPeriod) {
        p.last_poll_ = now;
        PollNow(p);
      }
      // Two that wake each other by turns hold the run-next slot for good: the oldest of the ring
      // and of the global queue come in between, by turns too.
      p.ring_first_ = !p.ring_first_;
      if (p.ring_first_) {
        if (G* g = p.ring_.PopOldest()) return g;
      }
      if (G* g = PopGlobal(p, 1)) return g;
      if (G* g = p.ring_.PopOldest()) return g;
    }
    if (G* g = p.ring_.Pop()) return g;
    if (G* g = PopGlobal(p, kGlobalBatch)) return g;
    PollNow(p);
    if (G* g = p.ring_.Pop()) return g;
    if (p.spinning_ || 2 * spinning_.load() < procs() - idle_.load()) {
      if (!p.spinning_) {
        p.spinning_ = true;
        spinning_.fetch_add(1);
      }
      if (G* g = Steal(p)) return g;
    }
    Park(p);
  }
  return nullptr;
}

// Comes out spinning, on its own count or its waker's.
void Pool::Park(Processor& p) {
  p.recorder_.Note(FlightEvent::kPark);
  p.parked_.store(1);
  const bool polls = poller_token_.exchange(false);
  bool retires;
  {
    MutexLock lock(mutex_);
    // SetProcs() wakes those that it finds in the list, and we were not there before.
    retires = p.id_ >= procs();
    idle_list_.push_back(&p);
    p.in_idle_list_ = true;
    p.polling_ = polls;
    idle_.store(static_cast<int32_t>(idle_list_.size()));
  }
  if (p.spinning_) {
    p.spinning_ = false;
    spinning_.fetch_sub(1);
  }
  // The relief retires where a P is idle: it reads idle_ after its store of relief_on_.
  if (!polls && relief_on_.load()) netpoll_->Wakeup();
  // We are idle for all to see; now look once more (the second barrier pattern above).
  if (!retires && !AnyWork() && !Finished()) {
    if (polls) {
      CountPoll();
      netpoll_->Poll(/*block=*/true);
    } else {
      // wait() returns when the word is no longer 1; Stop() and wakers set it to 0.
      p.parked_.wait(1);
    }
  }
  {
    MutexLock lock(mutex_);
    p.polling_ = false;
    if (p.in_idle_list_) {  // else a waker took us off the list and counted us as spinning
      LeaveIdleList(p);
      spinning_.fetch_add(1);
    }
  }
  p.spinning_ = true;
  // After we count as spinning: who finds the token taken until here may rely on us.
  if (polls) poller_token_.store(true);
  NotifySysmon();
}

// Runs `g` until it parks, yields or ends. False: the P was taken meanwhile, and we have none.
[[gnu::always_inline]] inline bool Pool::RunStealing(Processor& p, G* g) {
  Machine& m = machine;
  MachineCell& cell = *m.cell;
  ProcessorStats& stats = p.stats();
  stats.ticks.store(stats.ticks.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  const char* name = g->name;
  stats.running.store(name, std::memory_order_release);  // after its tick, for sysmon
  AwaitRelease(*g);
  NoteRunning(p.latency_, g->ready_at);
  p.recorder_.NoteRun(name);
  m.g = g;
  m.next = g->resume;
  cell.Leave();
  while (m.next) std::exchange(m.next, nullptr).resume();
  // From here on `g` may run elsewhere, unless its root frame finished just now.
  if (m.finished) {
    EndStealing(g);
  } else {
    cell.Enter();
  }
  m.g = nullptr;
  const bool kept = m.p != nullptr;
  if (kept) stats.running.store(nullptr, std::memory_order_relaxed);
  return kept;
}

void Pool::EndStealing(G* g) {
  std::exchange(machine.finished, nullptr).destroy();  // its destructors are the G's, still
  machine.cell->Enter();
  FinishG(g, std::exchange(machine.panicked, false));
}

void Pool::StealingLoop(Processor& p) {
  while (G* g = FindRunnable(p)) {
    StopSpinning(p);
    if (!RunStealing(p, g)) return;
  }
}

// All other Ps are busy with Gs that take long: ours polls, and runs what that wakes, until one of
// them is idle or polls again. It is in no idle list and takes no other work, but gives of its own.
void Pool::ReliefLoop(Processor& p) {
  relief_on_.store(true);  // before we look at idle_; pairs with Park
  while (poller_token_.exchange(false)) {
    // Not before we hold the token: until then another's poll may take what was to wake us.
    const bool polls = !Finished() && idle_.load() == 0;
    if (polls) {
      CountPoll();
      p.recorder_.Note(FlightEvent::kPark, nullptr, 1);
      netpoll_->Poll(/*block=*/true);
    }
    poller_token_.store(true);  // a G of ours may take long, too
    // A P that has parked beside the token that we held: it polls, once it is woken.
    if (!polls || idle_.load() != 0) break;
    while (G* g = p.ring_.Pop()) {
      if (!RunStealing(p, g)) return;
    }
  }
  relief_on_.store(false);
  {
    MutexLock lock(mutex_);
    GiveUp(p);  // sysmon may send the next
  }
  WakeOne();  // for what we leave, and the token
}

// Hands on what it has queued; nobody has it from here on.
void Pool::GiveUp(Processor& p) {
  while (G* g = p.ring_.Pop()) global_.Push(g);
  global_size_.store(global_.size());
  OUTRIGGER_CHECK(p.possession_.Quit(machine.cell->held));
  machine.cell->Adopt(nullptr);
}

}  // namespace outrigger::scheduler
