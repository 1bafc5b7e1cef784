// The relief (core/stealing_loop.cc, ReliefLoop) between Ps that run, poll and park: a copy of that
// file, line by line, over queues that are one word each. Whenever a P is idle and all is quiet, a
// P that is idle polls: the relief has gone.
#include <array>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "tests/model/expect.h"
#include "tests/model/explorer.h"

namespace outrigger::model {
namespace {

enum class Bug {
  kNone,
  kOnAfterIdle,      // relief a after b
  kNoWakeup,         // park c left out
  kKeepsToken,       // the relief retires with the token
  kIdleBeforeToken,  // relief b before it holds the token: another's poll eats the wake-up
  kNoLookAfterPoll,  // the relief lets go of the token beside one that parked, and runs a G
  kNoWakeAtEnd,      // the relief retires and wakes nobody
};

// All Ps are busy, or were when sysmon looked; the relief begins.
enum class Work {
  kQuiet,    // P 0 runs one that takes long; P 1 finds nothing
  kEvent,    // P 1 is about to park; a descriptor wakes one that takes long
  kSpinner,  // P 0 spins; a descriptor wakes one that takes long
  kFinish,   // P 0 runs the last, and the pool stops
};

constexpr size_t kProcs = 2, kRelief = 2;
constexpr uint32_t kHog = 1, kWoken = 2, kLast = 4;  // Gs
constexpr uint32_t kWakeup = 1, kDescriptor = 2;     // of the poll

class ReliefModel : public Scenario {
 public:
  ReliefModel(Work work, Bug bug) : work_(work), bug_(bug) {
    if (work == Work::kQuiet || work == Work::kEvent) procs_[0].queue.store(kHog);
    if (work == Work::kEvent || work == Work::kSpinner) poll_.store(kDescriptor);
    if (work == Work::kSpinner) {
      procs_[0].spinning = true;
      spinning_.store(1);
    }
    if (work == Work::kFinish) procs_[0].queue.store(kLast);
    NameAll();
  }
  int threads() const override { return kProcs + 1; }
  bool MayRest() const override { return work_ != Work::kFinish; }
  void Thread(int id) override {
    Proc& p = procs_[static_cast<size_t>(id)];
    if (id == kRelief) {
      ReliefLoop(p);
      return;
    }
    if (id == 1 && work_ == Work::kEvent) Park(p);
    while (const uint32_t g = FindRunnable(p)) {
      StopSpinning(p);
      Run(p, g);
    }
  }
  void AtEnd() override {
    if (work_ == Work::kFinish) return;
    for (Proc& p : procs_) Check(p.queue.load() == 0, "a G waits");
    Check(global_.load() == 0, "a G waits");
    if (idle_list_.empty()) return;
    Check(in_poll_ != nullptr, "a P is idle, and nobody polls");
    Check(in_poll_ != &procs_[kRelief], "a P is idle, and the relief polls");
  }

 private:
  struct Proc {
    Atomic<uint32_t> queue{0};
    bool spinning = false;
    Atomic<uint32_t> parked{0};
    bool in_idle_list = false;
    bool polling = false;
  };

  void NameAll() {
    Name(idle_, "idle_");
    Name(spinning_, "spinning_");
    Name(token_, "token_");
    Name(relief_on_, "relief_on_");
    Name(global_, "global_");
    Name(live_, "live_");
    Name(mutex_, "mutex_");
    Name(poll_, "poll");
    static constexpr std::array kQueue = {"queue 0", "queue 1", "queue of the relief"};
    static constexpr std::array kParked = {"parked 0", "parked 1", "parked 2"};
    for (size_t i = 0; i < procs_.size(); ++i) {
      Name(procs_[i].queue, kQueue[i]);
      Name(procs_[i].parked, kParked[i]);
    }
  }

  void Run(const Proc& p, uint32_t g) {
    Note(&p == &procs_[kRelief] ? "the relief runs" : "runs");
    if (g == kLast) {
      live_.store(0);
      WakeAll();
    } else {
      never_.wait(0);
    }
  }
  static uint32_t Pop(Atomic<uint32_t>& queue) {
    uint32_t seen = queue.load();
    while (seen != 0) {
      const uint32_t g = seen & -seen;
      if (queue.compare_exchange_strong(seen, seen & ~g)) return g;
    }
    return 0;
  }

  // --- pool.cc ---

  bool Finished() { return work_ == Work::kFinish && live_.load() == 0; }
  void WakeAll() {
    for (Proc& p : procs_) {
      p.parked.store(0);
      p.parked.notify_all();
    }
    Wakeup();
  }
  void Wakeup() {
    poll_.fetch_or(kWakeup);
    poll_.notify_all();
  }
  void Poll(Proc& p, bool block) {
    if (block) {
      in_poll_ = &p;
      poll_.wait(0);
      in_poll_ = nullptr;
    }
    if (poll_.exchange(0) & kDescriptor) {
      p.queue.fetch_or(kWoken);
      WakeOne(p);
    }
  }

  // --- stealing_loop.cc ---

  void WakeOne(Proc& p) {
    if (idle_.load() == 0 || spinning_.load() != 0) return;
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
      } else {
        spinning_.fetch_sub(1);
      }
    }
    if (!woken || woken == &p) return;
    if (asleep_in_poll) {
      Wakeup();
    } else {
      woken->parked.store(0);
      woken->parked.notify_one();
    }
  }
  uint32_t Steal(Proc& p) {
    for (Proc& victim : procs_) {
      if (&victim == &p) continue;
      if (const uint32_t g = Pop(victim.queue)) return g;
    }
    return 0;
  }
  bool AnyWork() {
    if (token_.load() || global_.load() != 0) return true;
    for (Proc& p : procs_) {
      if (p.queue.load() != 0) return true;
    }
    return false;
  }
  void StopSpinning(Proc& p) {
    if (!p.spinning) return;
    p.spinning = false;
    if (spinning_.fetch_sub(1) == 1 && AnyWork()) WakeOne(p);
  }
  void PollNow(Proc& p) {
    if (!token_.load(std::memory_order_relaxed) || !token_.exchange(false)) return;
    Poll(p, /*block=*/false);
    token_.store(true);
    if (!p.spinning) WakeOne(p);
  }
  uint32_t FindRunnable(Proc& p) {
    while (!Finished()) {
      if (const uint32_t g = Pop(p.queue)) return g;
      if (const uint32_t g = Pop(global_)) return g;
      PollNow(p);
      if (const uint32_t g = Pop(p.queue)) return g;
      if (p.spinning || 2 * spinning_.load() < static_cast<int32_t>(kProcs) - idle_.load()) {
        if (!p.spinning) {
          p.spinning = true;
          spinning_.fetch_add(1);
        }
        if (const uint32_t g = Steal(p)) return g;
      }
      Park(p);
    }
    return 0;
  }
  void Park(Proc& p) {
    p.parked.store(1);
    const bool polls = token_.exchange(false);
    {
      MutexLock lock(mutex_);
      idle_list_.push_back(&p);
      p.in_idle_list = true;
      p.polling = polls;
      idle_.store(static_cast<int32_t>(idle_list_.size()));
    }
    if (p.spinning) {
      p.spinning = false;
      spinning_.fetch_sub(1);
    }
    if (bug_ != Bug::kNoWakeup && !polls && relief_on_.load()) Wakeup();
    if (AnyWork() || Finished()) {
      Yield();  // not the scheduler's: a loop that finds nothing waits for a change
    } else if (polls) {
      Poll(p, /*block=*/true);
    } else {
      p.parked.wait(1);
    }
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
    if (polls) token_.store(true);
  }
  void ReliefLoop(Proc& p) {
    if (bug_ != Bug::kOnAfterIdle) relief_on_.store(true);
    while (true) {
      const bool early = !Finished() && idle_.load() == 0;
      if (bug_ == Bug::kIdleBeforeToken && !early) break;
      if (!token_.exchange(false)) break;
      const bool polls = bug_ == Bug::kIdleBeforeToken || (!Finished() && idle_.load() == 0);
      if (bug_ == Bug::kOnAfterIdle) relief_on_.store(true);
      if (polls) Poll(p, /*block=*/true);
      if (bug_ != Bug::kKeepsToken) token_.store(true);
      if (!polls || (bug_ != Bug::kNoLookAfterPoll && idle_.load() != 0)) break;
      while (const uint32_t g = Pop(p.queue)) Run(p, g);
    }
    relief_on_.store(false);
    while (const uint32_t g = Pop(p.queue)) global_.fetch_or(g);
    if (bug_ != Bug::kNoWakeAtEnd) WakeOne(p);
  }

  const Work work_;
  const Bug bug_;
  std::array<Proc, kProcs + 1> procs_;
  Atomic<int32_t> spinning_{0};
  Atomic<int32_t> idle_{0};
  Atomic<bool> token_{true};
  Atomic<bool> relief_on_{false};
  Atomic<uint32_t> global_{0};
  Atomic<uint32_t> live_{1};
  Mutex mutex_;
  std::vector<Proc*> idle_list_;
  Atomic<uint32_t> poll_{0};   // what the kernel has for the poller
  Atomic<uint32_t> never_{0};  // what takes long waits for this

  // Seen by the model alone.
  const Proc* in_poll_ = nullptr;
};

constexpr std::pair<Work, const char*> kWorks[] = {
    {Work::kQuiet, "quiet"},
    {Work::kEvent, "event"},
    {Work::kSpinner, "spinner"},
    {Work::kFinish, "finish"},
};

TEST(ReliefModelTest, WhereAPIsIdleTheReliefHasGone) {
  for (const auto& [work, name] : kWorks) {
    ExpectHolds<ReliefModel>(name, {.preemptions = 2}, work, Bug::kNone);
  }
}

TEST(ReliefModelTest, AlsoAtRandomWithManyPreemptions) {
  for (const auto& [work, name] : kWorks) {
    ExpectHolds<ReliefModel>(name, {.delays = 4, .random = 300'000}, work, Bug::kNone);
  }
}

TEST(ReliefModelTest, SeededBugsAreFound) {
  const auto finds = [](const char* name, const char* words, Work work, Bug bug) {
    ExpectFinds<ReliefModel>(name, words, {.preemptions = 3}, work, bug);
  };
  finds("on after the look at idle_", "the relief polls", Work::kQuiet, Bug::kOnAfterIdle);
  finds("parks without the wake-up", "the relief polls", Work::kQuiet, Bug::kNoWakeup);
  finds("keeps the token", "nobody polls", Work::kQuiet, Bug::kKeepsToken);
  finds("looks at idle_ before it has the token", "the relief polls", Work::kSpinner,
        Bug::kIdleBeforeToken);
  finds("looks for the end before it has the token", "deadlock", Work::kFinish,
        Bug::kIdleBeforeToken);
  finds("no look at idle_ after the poll", "nobody polls", Work::kEvent, Bug::kNoLookAfterPoll);
  finds("retires and wakes nobody", "nobody polls", Work::kQuiet, Bug::kNoWakeAtEnd);
}

}  // namespace
}  // namespace outrigger::model
