// The hand-off of a P whose G overruns (docs/decisions/0015, sections 2 to 5): an M that runs Gs
// and enters the runtime now and then, sysmon that takes the P from it, and a spare that is given
// it. At any moment one M at most uses the P, and at the end one has it.
#include <algorithm>
#include <vector>

#include "gtest/gtest.h"
#include "tests/model/expect.h"
#include "tests/model/explorer.h"

namespace outrigger::model {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr auto kAcquire = std::memory_order_acquire;
constexpr auto kRelease = std::memory_order_release;

enum class Bug {
  kNone,
  kNoMembarrier,       // S2 left out
  kReadBeforeStore,    // E3 before E1
  kUndoByStore,        // S4 "no"
  kTakeByStore,        // S4 "yes"
  kEnterByStore,       // E3, asked
  kNoLookAtRuntime,    // S3 left out
  kRelaxedLeave,       // X1
  kTickAfterLeave,     // X1 before the tick
  kTickBeforeRuntime,  // S3 in the wrong order
  kFateStays,          // S4 failed, the fate is not set back
  kGiftBeforeWord,     // S5 before S4
  kListBeforeParked,   // a spare in the list is not parked yet
};

// Where E1's barrier is: sysmon's membarrier, or an exchange where there is none.
enum class Barrier { kMembarrier, kExchange };

// Of a P: who holds it. Written by compare-and-swap only.
constexpr uint32_t kAskedBit = 1, kRetired = 1000;
constexpr uint32_t Held(int m) { return static_cast<uint32_t>(m) << 1; }
constexpr uint32_t Asked(int m) { return Held(m) | kAskedBit; }

enum class Fate { kWhole, kWithoutP };

struct MachineCell {
  Atomic<uint32_t> in_runtime{1};
  Atomic<Fate> fate{Fate::kWhole};
  Atomic<uint32_t> parked{0};  // futex word of a spare
  // Not of the protocol.
  bool has_p = false;  // machine.p
  int runs = 0;        // number of the G that runs
};

struct Setting {
  Bug bug = Bug::kNone;
  Barrier barrier = Barrier::kMembarrier;
  int gs = 1;            // that M 0 runs, one after the other
  int scopes = 1;        // of each of them
  int rounds = 1;        // of sysmon
  bool retires = false;  // M 0 retires the P at the end, if it has it
};

class Possession : public Scenario {
 public:
  explicit Possession(const Setting& setting) : set_(setting) {
    cells_[0].has_p = true;
    cells_[1].parked.store(1);
    spares_ = {1};
    Name(word_, "word");
    Name(tick_, "tick");
    Name(figure_, "figure");
    Name(data_, "ring");
    Name(cells_[0].in_runtime, "in_runtime 0");
    Name(cells_[1].in_runtime, "in_runtime 1");
    Name(cells_[0].fate, "fate 0");
    Name(cells_[1].fate, "fate 1");
    Name(cells_[0].parked, "parked 0");
    Name(cells_[1].parked, "parked 1");
  }
  int threads() const override { return 3; }
  bool MayRest() const override { return true; }
  void Thread(int id) override {
    if (id == 2) {
      for (int i = 0; i < set_.rounds; ++i) Round();
    } else if (id == 0) {
      Work(0, set_.gs);
      if (!cells_[0].has_p) {
        ComeHome(0);
        Work(0, 1);
      }
    } else {
      Sleep(1);
      Work(1, 1);
      if (!cells_[1].has_p) ComeHome(1);
    }
  }
  void AtEnd() override {
    const uint32_t word = word_.load();
    if (word == kRetired) {
      Check(!cells_[0].has_p && !cells_[1].has_p, "a P that was retired has an M");
      return;
    }
    Check((word & kAskedBit) == 0, "the P is asked for, for good");
    for (int m : {0, 1}) {
      Check(cells_[m].has_p == (word == Held(m)), "the P's word and its M do not agree");
    }
    Check(figure_.load() == uses_, "two wrote a figure of the P");
  }

 private:
  // --- M ---

  void Enter(int m) {
    MachineCell& cell = cells_[m];
    uint32_t early = 0;
    if (set_.bug == Bug::kReadBeforeStore) early = word_.load(kRelaxed);
    if (set_.barrier == Barrier::kExchange) {
      cell.in_runtime.exchange(1);
    } else {
      cell.in_runtime.store(1, kRelaxed);  // E1
    }
    // E2 is for the compiler.
    if (!cell.has_p) return;
    uint32_t seen = set_.bug == Bug::kReadBeforeStore ? early : word_.load(kRelaxed);  // E3
    if (seen == Held(m)) return;
    if (seen == Asked(m)) {
      if (set_.bug == Bug::kEnterByStore) {
        word_.store(Held(m));
        return;
      }
      if (word_.compare_exchange_strong(seen, Held(m))) return;
      if (seen == Held(m)) return;  // undone meanwhile
    }
    Note("the P is gone");
    cell.has_p = false;
  }
  void Leave(int m) {
    cells_[m].in_runtime.store(0, set_.bug == Bug::kRelaxedLeave ? kRelaxed : kRelease);  // X1
  }
  // In the runtime, with the P.
  void UseP(int m) {
    Check(cells_[m].has_p, "an M without a P uses one");
    data_.Set(m);
    figure_.store(figure_.load(kRelaxed) + 1, kRelaxed);  // one writer at a time
    data_.Set(m);
    ++uses_;
  }
  // From the loop of the P to its loop, or to the loss of the P.
  void Work(int m, int gs) {
    for (int g = 0; g < gs && cells_[m].has_p; ++g) {
      UseP(m);
      if (set_.bug == Bug::kTickAfterLeave) Leave(m);
      tick_.store(tick_.load(kRelaxed) + 1, kRelaxed);
      ++running_g_;
      if (set_.bug != Bug::kTickAfterLeave) Leave(m);
      for (int i = 0; i < set_.scopes; ++i) {
        Enter(m);
        if (cells_[m].has_p) UseP(m);
        Leave(m);
      }
      Enter(m);  // the trampoline is empty
    }
    if (!cells_[m].has_p) return;
    UseP(m);
    if (m == 0 && set_.retires) Retire(m);
  }
  void Retire(int m) {
    uint32_t seen = Held(m);
    while (!word_.compare_exchange_strong(seen, kRetired)) {
      // In the runtime: nobody takes it from us.
      Check(seen == Held(m) || seen == Asked(m), "the P was taken from an M in the runtime");
    }
    cells_[m].has_p = false;
  }
  // Without a P, its G gone: a spare.
  void ComeHome(int m) {
    if (word_.load() == kRetired) return;
    Fate fate = Fate::kWithoutP;
    Check(cells_[m].fate.compare_exchange_strong(fate, Fate::kWhole),
          "an M lost its P and nobody says so");
    const bool early = set_.bug == Bug::kListBeforeParked;
    if (!early) cells_[m].parked.store(1);
    {
      MutexLock lock(machines_mutex_);
      spares_.push_back(m);
    }
    if (early) cells_[m].parked.store(1);
    Sleep(m);
  }
  void Sleep(int m) {
    cells_[m].parked.wait(1);
    cells_[m].has_p = true;  // given
    Note("adopts the P");
  }

  // --- sysmon ---

  void Round() {
    const uint32_t tick = tick_.load(kRelaxed);
    const int overruns = running_g_;  // of whom the tick says that he overruns
    const uint32_t word = word_.load(kRelaxed);
    if (word == kRetired) return;
    const int m = static_cast<int>(word >> 1);
    const int spare = TakeSpare();
    if (spare < 0) return;
    Check(spare != m, "a spare has the P");
    if (!HandOff(m, spare, tick, overruns)) {
      MutexLock lock(machines_mutex_);
      spares_.push_back(spare);
    }
  }
  int TakeSpare() {
    MutexLock lock(machines_mutex_);
    if (spares_.empty()) return -1;
    const int spare = spares_.back();
    spares_.pop_back();
    return spare;
  }
  bool HandOff(int m, int spare, uint32_t tick, int overruns) {
    MachineCell& cell = cells_[m];
    uint32_t seen = Held(m);
    if (!word_.compare_exchange_strong(seen, Asked(m))) return false;  // S1
    if (set_.barrier == Barrier::kMembarrier && set_.bug != Bug::kNoMembarrier) {
      MemoryBarrierOfAll();  // S2
    }
    if (!MayTake(cell, tick)) {
      if (set_.bug == Bug::kUndoByStore) {
        word_.store(Held(m));
      } else {
        seen = Asked(m);
        word_.compare_exchange_strong(seen, Held(m));  // fails: M is in the runtime, and has it
      }
      return false;
    }
    Fate whole = Fate::kWhole;
    Check(cell.fate.compare_exchange_strong(whole, Fate::kWithoutP), "a whole M is not whole");
    if (set_.bug == Bug::kGiftBeforeWord) Give(spare);
    seen = Asked(m);
    if (set_.bug == Bug::kTakeByStore) {
      word_.store(Held(spare));
    } else if (!word_.compare_exchange_strong(seen, Held(spare))) {  // S4
      if (set_.bug != Bug::kFateStays) cell.fate.store(Fate::kWhole);
      return false;
    }
    Check(running_g_ == overruns, "the P was taken from a G that has just begun");
    if (set_.bug != Bug::kGiftBeforeWord) Give(spare);
    return true;
  }
  bool MayTake(MachineCell& cell, uint32_t tick) {
    if (set_.bug == Bug::kNoLookAtRuntime) return true;
    if (set_.bug == Bug::kTickBeforeRuntime) {
      return tick_.load(kRelaxed) == tick && cell.in_runtime.load(kAcquire) == 0;
    }
    return cell.in_runtime.load(kAcquire) == 0 && tick_.load(kRelaxed) == tick;  // S3
  }
  void Give(int spare) {
    cells_[spare].parked.store(0);  // S5
    cells_[spare].parked.notify_one();
  }

  const Setting set_;
  Atomic<uint32_t> word_{Held(0)};
  Atomic<uint32_t> tick_{0};
  MachineCell cells_[2];
  Mutex machines_mutex_;
  std::vector<int> spares_;

  // What a P is to whoever has it.
  Var<int> data_ = 0;
  Atomic<uint32_t> figure_{0};
  // Seen by the model alone.
  uint32_t uses_ = 0;
  int running_g_ = 0;
};

TEST(PossessionModelTest, OneMAtMostHasTheP) {
  ExpectHolds<Possession>("one G of two scopes", {.preemptions = 4}, Setting{.scopes = 2});
  ExpectHolds<Possession>("two Gs", {.preemptions = 3}, Setting{.gs = 2});
  ExpectHolds<Possession>("there and back", {.preemptions = 4}, Setting{.rounds = 2});
  ExpectHolds<Possession>("retired", {.preemptions = 3}, Setting{.rounds = 2, .retires = true});
}

TEST(PossessionModelTest, AnExchangeStandsInForMembarrier) {
  ExpectHolds<Possession>("exchange", {.preemptions = 3},
                          Setting{.barrier = Barrier::kExchange, .scopes = 2});
}

TEST(PossessionModelTest, SeededBugsAreFound) {
  const auto finds = [](const char* name, const char* words, const Setting& setting) {
    ExpectFinds<Possession>(name, words, {.preemptions = 3}, setting);
  };
  finds("no membarrier", "race", {.bug = Bug::kNoMembarrier});
  finds("the word is read before in_runtime is stored", "", {.bug = Bug::kReadBeforeStore});
  finds("undone by a store", "", {.bug = Bug::kUndoByStore, .retires = true});
  finds("taken by a store", "", {.bug = Bug::kTakeByStore});
  finds("entered by a store", "", {.bug = Bug::kEnterByStore});
  finds("no look at in_runtime", "", {.bug = Bug::kNoLookAtRuntime});
  finds("left without a release", "race", {.bug = Bug::kRelaxedLeave});
  finds("tick after the leave", "just begun", {.bug = Bug::kTickAfterLeave, .gs = 2});
  finds("tick before in_runtime", "just begun", {.bug = Bug::kTickBeforeRuntime, .gs = 2});
  finds("fate not set back", "not whole", {.bug = Bug::kFateStays, .rounds = 2});
  finds("gift before the word", "", {.bug = Bug::kGiftBeforeWord});
  ExpectFinds<Possession>("in the list before parked", "do not agree", {.preemptions = 4},
                          Setting{.bug = Bug::kListBeforeParked, .rounds = 2});
  // What x86 delays is enough for the first.
  ExpectFinds<Possession>("no membarrier on x86", "race", {.stores = Options::Stores::kTotalOrder},
                          Setting{.bug = Bug::kNoMembarrier});
}

}  // namespace
}  // namespace outrigger::model
