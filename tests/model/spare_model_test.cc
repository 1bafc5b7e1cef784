// Spares (core/machines.cc: SleepAsSpare, TakeSpare, AddSpare, GiveTo, WakeSpares), line by line:
// Ms that come home and sleep, who gives them a P, and the end of the pool. A P that was given
// runs; an M that sleeps is in the list; and when the pool has finished none sleeps.
#include <algorithm>
#include <array>
#include <vector>

#include "gtest/gtest.h"
#include "tests/model/expect.h"
#include "tests/model/explorer.h"
#include "tests/model/seeded.h"

namespace outrigger::model {
namespace {

enum class Bug {
  kNone,
  kListBeforeAsleep,    // sleep b before a
  kFinishBeforeAsleep,  // sleep c before a
  kNoLookAtFinish,      // sleep c left out
  kGivenAfterCall,      // give b before a
  kNoNotify,            // give c left out
  kWakeBeforeFinish,    // finish b before a
  kEndsInList,          // an M for which there is no room ends, and is in the list
};

struct Setting {
  Bug bug = Bug::kNone;
  int ms = 1;
  size_t kept = 4;
  bool finishes = false;
};

template <template <typename> class CallAtomic>
class SpareModel : public Scenario {
 public:
  explicit SpareModel(const Setting& setting) : set_(setting) {
    Name(machines_[0].call, "call 0");
    Name(machines_[1].call, "call 1");
    Name(machines_[0].given, "given 0");
    Name(machines_[1].given, "given 1");
    Name(live_, "live_");
    Name(mutex_, "mutex_");
  }
  // The Ms, sysmon, and who ends the last G.
  int threads() const override { return set_.ms + (set_.finishes ? 2 : 1); }
  bool MayRest() const override { return !set_.finishes; }
  void Thread(int id) override {
    if (id < set_.ms) {
      Machine& m = machines_[static_cast<size_t>(id)];
      while (const int p = SleepAsSpare(m)) {
        Check(++runs_[static_cast<size_t>(p)] == 1, "a P was given to two");
      }
      m.ended = true;
    } else if (id == set_.ms) {
      for (int p = 1; p <= kPs; ++p) Give(p);
    } else if (set_.bug == Bug::kWakeBeforeFinish) {
      WakeSpares();
      live_.store(0);
    } else {
      live_.store(0);
      WakeSpares();
    }
  }
  void AtEnd() override {
    if (set_.finishes) return;
    for (size_t p = 1; p <= kPs; ++p) Check(runs_[p] == given_[p], "a P was given, and is not run");
    for (int i = 0; i < set_.ms; ++i) {
      Machine& m = machines_[static_cast<size_t>(i)];
      const auto in_list = std::count(spares_.begin(), spares_.end(), &m);
      Check(in_list == (m.ended ? 0 : 1), "the list is not of those who sleep");
    }
  }

 private:
  static constexpr int kPs = 2;
  static constexpr uint32_t kAsleep = 0, kGiven = 1, kFinished = 2;
  struct Machine {
    CallAtomic<uint32_t> call{kGiven};
    Var<int> given = 0;
    bool ended = false;  // seen by the model alone
  };

  bool Finished() { return set_.finishes && live_.load() == 0; }
  int SleepAsSpare(Machine& m) {
    if (set_.bug == Bug::kFinishBeforeAsleep && Finished()) return 0;
    if (set_.bug != Bug::kListBeforeAsleep) m.call.store(kAsleep);
    {
      MutexLock lock(mutex_);
      if (set_.bug == Bug::kEndsInList) spares_.push_back(&m);
      if (spares_.size() >= set_.kept + (set_.bug == Bug::kEndsInList ? 1 : 0)) return 0;
      if (set_.bug != Bug::kEndsInList) spares_.push_back(&m);
    }
    if (set_.bug == Bug::kListBeforeAsleep) m.call.store(kAsleep);
    const bool looks = set_.bug != Bug::kNoLookAtFinish && set_.bug != Bug::kFinishBeforeAsleep;
    if (looks && Finished()) return 0;
    m.call.wait(kAsleep);
    return m.call.load() == kGiven ? m.given.Get() : 0;
  }
  // Sysmon; it may find that it needs none.
  void Give(int p) {
    Machine* m = nullptr;
    {
      MutexLock lock(mutex_);
      if (spares_.empty()) return;
      m = spares_.back();
      spares_.pop_back();
    }
    if (Choose(2) == 1) {
      MutexLock lock(mutex_);
      spares_.push_back(m);
      return;
    }
    given_[static_cast<size_t>(p)] = 1;
    if (set_.bug != Bug::kGivenAfterCall) m->given.Set(p);
    m->call.store(kGiven);
    if (set_.bug == Bug::kGivenAfterCall) m->given.Set(p);
    if (set_.bug != Bug::kNoNotify) m->call.notify_one();
  }
  void WakeSpares() {
    for (int i = set_.ms; i-- > 0;) {
      Machine& m = machines_[static_cast<size_t>(i)];
      m.call.store(kFinished);
      m.call.notify_all();
    }
  }

  const Setting set_;
  std::array<Machine, 2> machines_;
  Atomic<uint32_t> live_{1};
  Mutex mutex_;
  std::vector<Machine*> spares_;

  // Seen by the model alone; by number, from 1.
  std::array<int, kPs + 1> given_{}, runs_{};
};

using Production = SpareModel<Atomic>;

TEST(SpareModelTest, AGiftIsTakenAndWhoSleepsIsInTheList) {
  ExpectHolds<Production>("one M", {.preemptions = 5}, Setting{});
  ExpectHolds<Production>("two Ms", {.preemptions = 3}, Setting{.ms = 2});
  ExpectHolds<Production>("two Ms, room for one", {.preemptions = 3}, Setting{.ms = 2, .kept = 1});
}

TEST(SpareModelTest, NoneSleepsWhenThePoolHasFinished) {
  ExpectHolds<Production>("one M, the end", {.preemptions = 4}, Setting{.finishes = true});
  ExpectHolds<Production>("two Ms, the end", {.preemptions = 2},
                          Setting{.ms = 2, .finishes = true});
}

TEST(SpareModelTest, SeededBugsAreFound) {
  const auto finds = [](const char* name, const char* words, const Setting& setting) {
    ExpectFinds<Production>(name, words, {.preemptions = 3}, setting);
  };
  finds("in the list before asleep", "not run", {.bug = Bug::kListBeforeAsleep});
  finds("looks for the end before asleep", "deadlock",
        {.bug = Bug::kFinishBeforeAsleep, .finishes = true});
  finds("no look for the end", "deadlock", {.bug = Bug::kNoLookAtFinish, .finishes = true});
  finds("given after the call", "", {.bug = Bug::kGivenAfterCall});
  finds("given without a wake-up", "not run", {.bug = Bug::kNoNotify});
  finds("woken before the end", "deadlock", {.bug = Bug::kWakeBeforeFinish, .finishes = true});
  finds("ends in the list", "", {.bug = Bug::kEndsInList, .ms = 2, .kept = 1});
  ExpectFinds<SpareModel<RelaxedStores>>("given without a release", "race", {}, Setting{});
}

}  // namespace
}  // namespace outrigger::model
