// Submitters, spinners and parking Ps of a stealing pool: the barrier patterns 1 to 3 of
// scheduler/README.md. The ring is scheduler/core/run_queue.h as it is; the rest is
// scheduler/core/stealing_loop.cc line by line, with a netpoll of one descriptor, without figures,
// Stop and relief (relief_model_test.cc). Gs meet in pairs, each waiting on its P for the other, so
// that a runnable G beside an idle P is one that never runs.
#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "scheduler/core/g.h"
#include "scheduler/core/run_queue.h"
#include "tests/model/expect.h"
#include "tests/model/explorer.h"
#include "tests/model/seeded.h"

namespace outrigger::model {
namespace {

using scheduler::G;
using scheduler::GQueue;
using scheduler::RunQueue;

enum class Bug {
  kNone,
  kRelaxedIdle,          // 1: park a
  kRelaxedGlobalSize,    // 1: submit a
  kReadsBeforeQueueing,  // 1: submit b before a
  kNoLookAfterIdle,      // 1: park c left out
  kStopsSpinningLast,    // 1: park c before b
  kNoLookAfterSpinning,  // 2: find b left out
  kLooksBeforeSpinning,  // 2: find b before a
  kUnshared,             // the owner of a ring with thieves uses plain stores
  kUncountsWithoutLock,  // WakeOne that found nobody
  kTokenIsNoWork,        // 3: park b left out
  kNoWakeAfterPoll,      // 3: let go b left out
  kWakeBeforeToken,      // 3: let go b before a
};

constexpr size_t kGs = 4;
constexpr int kProcs = 2;
constexpr uint32_t kWakeup = 1, kEvent = 2, kOtherEvent = 4;

// What happens, beside two Ps that look for work.
enum class Work {
  kSubmitted,   // a thread of no P queues two Gs, which meet
  kSpawned,     // a G on P 0 spawns the one that it meets: run-next
  kKicked,      // ... and a third, so that the one it meets moves to the ring
  kEvent,       // a G on P 0 meets the one that a descriptor wakes
  kLeaving,     // as kSpawned, but the one that it meets is submitted by a thread of no P; P 1 is
                // on its way out of Park
  kLaterEvent,  // the G that a descriptor wakes meets one that another does, later; P 1 spins, and
                // is about to park
  kTwoEvents,   // two descriptors wake two that meet; P 1 spins already, as after a wake
};

template <template <typename> class AnyAtomic>
class ParkModel : public Scenario {
 public:
  ParkModel(Work work, Bug bug) : work_(work), bug_(bug) {
    for (int id = 0; id < kProcs; ++id) procs_[id].id = id;
    if (work_ == Work::kSubmitted) {
      expected_ = 2;
    } else if (work_ == Work::kTwoEvents || work_ == Work::kLaterEvent) {
      expected_ = 2;
      poll_.store(work_ == Work::kTwoEvents ? kEvent | kOtherEvent : kEvent);
      procs_[1].spinning = true;
      spinning_.store(1);
    } else {
      expected_ = work_ == Work::kKicked || work_ == Work::kLeaving ? 3 : 2;
      procs_[0].ring.Push(&gs_[0], /*front=*/false);
      if (work_ == Work::kLeaving) EnterIdleList(procs_[1], /*polls=*/false);
    }
    if (bug_ == Bug::kUnshared) procs_[0].ring.SetUnshared();
    NameAll();
  }
  int threads() const override {
    return work_ == Work::kSubmitted || work_ == Work::kEvent || work_ == Work::kLeaving ? 3 : 2;
  }
  bool MayRest() const override { return true; }

  void Thread(int id) override {
    if (id < kProcs) {
      Loop(procs_[id]);
    } else if (work_ == Work::kEvent) {
      Raise(kEvent);
    } else if (work_ == Work::kLeaving) {
      QueueStealing(nullptr, &gs_[2], false);
    } else {
      QueueStealing(nullptr, &gs_[0], false);
      QueueStealing(nullptr, &gs_[1], false);
    }
  }
  void AtEnd() override {
    for (size_t i = 0; i < expected_; ++i) {
      Check(runs_[i] != 0, "a G waits beside an idle P");
      Check(runs_[i] == 1, "a G ran twice");
    }
  }

 private:
  struct Proc {
    int id = 0;
    RunQueue<4, AnyAtomic> ring;
    Atomic<uint64_t> ticks{0};
    bool spinning = false;
    Atomic<uint32_t> parked{0};
    bool in_idle_list = false;
    bool polling = false;
  };

  void NameAll() {
    Name(idle_, "idle_");
    Name(spinning_, "spinning_");
    Name(token_, "token_");
    Name(global_size_, "global_size_");
    Name(mutex_, "mutex_");
    Name(poll_, "poll");
    Name(procs_[0].ring, "ring 0");
    Name(procs_[1].ring, "ring 1");
    Name(procs_[0].parked, "parked 0");
    Name(procs_[1].parked, "parked 1");
    Name(procs_[0].ticks, "ticks 0");
    Name(procs_[1].ticks, "ticks 1");
    Name(met_, "met");
  }

  // --- Gs ---

  void Run(Proc& p, G* g) {
    p.ticks.store(p.ticks.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    const size_t i = static_cast<size_t>(g - gs_.data());
    ++runs_[i];
    size_t other = i < 2 ? 1 - i : i;
    if (work_ == Work::kLeaving) other = 2 - i;
    if (i == 0 && (work_ == Work::kSpawned || work_ == Work::kKicked || work_ == Work::kLeaving)) {
      QueueStealing(&p, &gs_[1], true);
      if (work_ == Work::kKicked) QueueStealing(&p, &gs_[2], true);
    }
    if (i == 1 && work_ == Work::kLaterEvent) Raise(kOtherEvent);
    if (other == i) return;
    met_[i].store(1);
    met_[i].notify_all();
    met_[other].wait(0);
  }
  void Raise(uint32_t event) {
    poll_.fetch_or(event);
    poll_.notify_all();
  }

  // --- stealing_loop.cc ---

  void QueueStealing(Proc* p, G* g, bool front) {
    const bool early = bug_ == Bug::kReadsBeforeQueueing;
    const bool nobody = early && NobodyToWake();
    if (p) {
      G* overflow = p->ring.Push(g, front);
      Check(overflow == nullptr, "no ring is full here");
    } else {
      MutexLock lock(mutex_);
      global_.Push(g);
      StoreGlobalSize();
    }
    if (early) {
      if (!nobody) Wake(p);
    } else {
      WakeOne(p);
    }
  }
  bool NobodyToWake() { return idle_.load() == 0 || spinning_.load() != 0; }
  void WakeOne(Proc* p) {
    if (!NobodyToWake()) Wake(p);
  }
  void Wake(Proc* p) {
    int32_t none = 0;
    if (!spinning_.compare_exchange_strong(none, 1)) return;
    Proc* woken = nullptr;
    bool asleep_in_poll = false;
    {
      MutexLock lock(mutex_);
      for (size_t i = idle_list_.size(); i-- > 0;) {
        if (woken && !woken->polling) break;
        woken = idle_list_[i];
      }
      if (woken) {
        std::erase(idle_list_, woken);
        idle_.store(static_cast<int32_t>(idle_list_.size()));
        woken->in_idle_list = false;
        asleep_in_poll = woken->polling;
      } else if (bug_ != Bug::kUncountsWithoutLock) {
        spinning_.fetch_sub(1);
      }
    }
    if (!woken && bug_ == Bug::kUncountsWithoutLock) spinning_.fetch_sub(1);
    if (!woken || woken == p) return;
    if (asleep_in_poll) {
      Raise(kWakeup);
    } else {
      woken->parked.store(0);
      woken->parked.notify_one();
    }
  }
  void StoreGlobalSize() {
    global_size_.store(global_.size(), bug_ == Bug::kRelaxedGlobalSize ? std::memory_order_relaxed
                                                                       : std::memory_order_seq_cst);
  }
  G* PopGlobal(Proc& p) {
    if (global_size_.load() == 0) return nullptr;
    MutexLock lock(mutex_);
    const uint32_t share = global_.size() / kProcs + 1;
    G* first = global_.Pop();
    if (first) {
      uint32_t more = std::min(share - 1, global_.size());
      while (more-- > 0) p.ring.Push(global_.Pop(), /*front=*/false);
    }
    StoreGlobalSize();
    return first;
  }
  G* Steal(Proc& p) {
    Proc& victim = procs_[1 - p.id];
    for (int round = 0; round < 2; ++round) {
      bool take_next = false;
      if (round == 1 && victim.ring.OnlyNext()) {
        const uint64_t before = victim.ticks.load(std::memory_order_relaxed);
        take_next = victim.ticks.load(std::memory_order_relaxed) == before;
      }
      if (G* g = victim.ring.StealInto(p.ring, take_next)) return g;
    }
    return nullptr;
  }
  bool AnyWork() {
    if (bug_ != Bug::kTokenIsNoWork && token_.load()) return true;
    if (global_size_.load() != 0) return true;
    for (Proc& p : procs_) {
      if (!p.ring.Empty()) return true;
    }
    return false;
  }
  void StopSpinning(Proc& p) {
    if (!p.spinning) return;
    p.spinning = false;
    if (bug_ == Bug::kLooksBeforeSpinning) {
      const bool any = AnyWork();
      if (spinning_.fetch_sub(1) == 1 && any) WakeOne(&p);
      return;
    }
    if (spinning_.fetch_sub(1) == 1 && bug_ != Bug::kNoLookAfterSpinning && AnyWork()) WakeOne(&p);
  }
  void Poll(Proc& p, bool block) {
    if (block) poll_.wait(0);
    const uint32_t events = poll_.exchange(0);
    if (events & kOtherEvent) QueueStealing(&p, &gs_[0], false);
    if (events & kEvent) QueueStealing(&p, &gs_[1], false);
  }
  void PollNow(Proc& p) {
    if (!token_.load(std::memory_order_relaxed) || !token_.exchange(false)) return;
    Poll(p, /*block=*/false);
    if (bug_ == Bug::kWakeBeforeToken && !p.spinning) WakeOne(&p);
    token_.store(true);
    if (bug_ == Bug::kWakeBeforeToken || bug_ == Bug::kNoWakeAfterPoll) return;
    if (!p.spinning) WakeOne(&p);
  }
  G* FindRunnable(Proc& p) {
    while (true) {
      if (G* g = p.ring.Pop()) return g;
      if (G* g = PopGlobal(p)) return g;
      PollNow(p);
      if (G* g = p.ring.Pop()) return g;
      if (p.spinning || 2 * spinning_.load() < kProcs - idle_.load()) {
        if (!p.spinning) {
          p.spinning = true;
          spinning_.fetch_add(1);
        }
        if (G* g = Steal(p)) return g;
      }
      Park(p);
    }
  }
  void LeaveSpinning(Proc& p) {
    if (!p.spinning) return;
    p.spinning = false;
    spinning_.fetch_sub(1);
  }
  void Park(Proc& p) {
    p.parked.store(1);
    const bool polls = token_.exchange(false);
    EnterIdleList(p, polls);
    if (bug_ != Bug::kStopsSpinningLast) LeaveSpinning(p);
    const bool any = bug_ != Bug::kNoLookAfterIdle && AnyWork();
    LeaveSpinning(p);
    if (any) {
      Yield();  // not the scheduler's: a loop that finds nothing waits for a change
    } else if (polls) {
      Poll(p, /*block=*/true);
    } else {
      p.parked.wait(1);
    }
    ComeOut(p);
    if (polls) token_.store(true);
  }
  void EnterIdleList(Proc& p, bool polls) {
    MutexLock lock(mutex_);
    idle_list_.push_back(&p);
    p.in_idle_list = true;
    p.polling = polls;
    idle_.store(static_cast<int32_t>(idle_list_.size()),
                bug_ == Bug::kRelaxedIdle ? std::memory_order_relaxed : std::memory_order_seq_cst);
  }
  void ComeOut(Proc& p) {
    {
      MutexLock lock(mutex_);
      p.polling = false;
      if (p.in_idle_list) {
        std::erase(idle_list_, &p);
        idle_.store(static_cast<int32_t>(idle_list_.size()));
        p.in_idle_list = false;
        spinning_.fetch_add(1);
      }
    }
    p.spinning = true;
  }
  void Loop(Proc& p) {
    // Every 61st look polls, though there is work.
    if (work_ == Work::kEvent && p.id == 0) PollNow(p);
    if (work_ == Work::kLeaving && p.id == 1) ComeOut(p);
    if (work_ == Work::kLaterEvent && p.id == 1) Park(p);
    while (G* g = FindRunnable(p)) {
      StopSpinning(p);
      Run(p, g);
    }
  }

  const Work work_;
  const Bug bug_;
  size_t expected_;
  std::array<Proc, kProcs> procs_;
  Atomic<int32_t> spinning_{0};
  Atomic<int32_t> idle_{0};
  Atomic<bool> token_{true};
  Atomic<uint32_t> global_size_{0};
  Mutex mutex_;
  GQueue global_;
  std::vector<Proc*> idle_list_;
  Atomic<uint32_t> poll_{0};  // what the kernel has for the poller

  std::array<G, kGs> gs_;
  std::array<Atomic<uint32_t>, 3> met_;
  std::array<int, kGs> runs_{};
};

constexpr std::pair<Work, const char*> kWorks[] = {
    {Work::kSubmitted, "submitted"},  {Work::kSpawned, "spawned"},
    {Work::kKicked, "kicked"},        {Work::kEvent, "event"},
    {Work::kLeaving, "leaving"},      {Work::kLaterEvent, "later event"},
    {Work::kTwoEvents, "two events"},
};

TEST(ParkModelTest, NoPIsIdleBesideARunnableG) {
  for (const auto& [work, name] : kWorks) {
    ExpectHolds<ParkModel<Atomic>>(name, {.preemptions = 2}, work, Bug::kNone);
  }
}

TEST(ParkModelTest, NorAtRandomWithManyPreemptions) {
  for (const auto& [work, name] : kWorks) {
    ExpectHolds<ParkModel<Atomic>>(name, {.delays = 4, .random = 100'000}, work, Bug::kNone);
  }
}

TEST(ParkModelTest, SeededBugsAreFound) {
  const auto finds = [](const char* name, Work work, Bug bug) {
    ExpectFinds<ParkModel<Atomic>>(name, "beside an idle P", {.preemptions = 2}, work, bug);
  };
  finds("1: idle_ stored relaxed", Work::kTwoEvents, Bug::kRelaxedIdle);
  finds("1: global_size_ stored relaxed", Work::kSubmitted, Bug::kRelaxedGlobalSize);
  finds("1: reads before it queues", Work::kSubmitted, Bug::kReadsBeforeQueueing);
  finds("1: no look after idle", Work::kSubmitted, Bug::kNoLookAfterIdle);
  finds("1: stops to spin after the look", Work::kSubmitted, Bug::kStopsSpinningLast);
  finds("2: no look after spinning", Work::kSubmitted, Bug::kNoLookAfterSpinning);
  finds("2: looks before it stops to spin", Work::kSubmitted, Bug::kLooksBeforeSpinning);
  ExpectFinds<ParkModel<Atomic>>("uncounted without the lock", "beside an idle P",
                                 {.preemptions = 3}, Work::kLeaving, Bug::kUncountsWithoutLock);
  finds("3: a free token is no work", Work::kLaterEvent, Bug::kTokenIsNoWork);
  finds("3: no wake after the poll", Work::kLaterEvent, Bug::kNoWakeAfterPoll);
  finds("3: wakes before the token is free", Work::kLaterEvent, Bug::kWakeBeforeToken);
  ExpectFinds<ParkModel<NoStoreBarrier>>("1: the ring's tail without a barrier", "beside an idle P",
                                         {}, Work::kKicked, Bug::kNone);
  finds("1: an unshared ring that is shared", Work::kKicked, Bug::kUnshared);
}

}  // namespace
}  // namespace outrigger::model
