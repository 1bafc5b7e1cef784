// Who has a P (docs/decisions/0015): an M that runs Gs and enters the runtime now and then, sysmon
// that takes the P from it, spares that are given it. The word and the gate are
// scheduler/core/possession.h as it is; who calls them is a copy of core/machine.cc,
// core/machines.cc and core/pool_watch.cc. At any moment one M at most uses the P; at the end the
// one that the word names has it, and no M counts as one without.
#include <array>
#include <vector>

#include "gtest/gtest.h"
#include "scheduler/core/possession.h"
#include "tests/model/expect.h"
#include "tests/model/explorer.h"
#include "tests/model/seeded.h"

namespace outrigger::model {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

enum class Bug {
  kNone,
  kNoMembarrier,      // S2 left out
  kReadBeforeEnter,   // E3 before E1
  kNoLookAtGate,      // S3 left out
  kTickAfterLeave,    // X1 before the tick
  kTickBeforeGate,    // S3 in the wrong order
  kNoUndo,            // S4 "no" left out
  kFlagStays,         // S4 failed, and the M still counts as one without a P
  kGiftBeforeTake,    // S5 before S4
  kUndoneIsLost,      // Keep() that finds the question taken back thinks that the P has gone
  kQuitThenGive,      // BeginBlocking in two steps
  kFlagByStore,       // without_p is no claim: sysmon and BeginBlocking both set it
  kHomeByFlag,        // ComeHome asks without_p, not what the M itself knows
  kListBeforeAsleep,  // a spare in the list does not sleep yet
};

struct Setting {
  Bug bug = Bug::kNone;
  int gs = 1;           // that M 0 runs, one after the other
  int scopes = 0;       // of each of them
  bool blocks = false;  // its last ends in Blocking()
  bool relief = false;  // the P is the relief's: who has it and no G gives it up
  int rounds = 1;       // of sysmon
  int spares = 1;
};

template <template <typename> class WordAtomic, template <typename> class GateAtomic>
class PossessionModel : public Scenario {
  using Possession = scheduler::PossessionOf<WordAtomic>;
  using Gate = scheduler::RuntimeGateOf<GateAtomic>;

 public:
  explicit PossessionModel(const Setting& setting) : set_(setting) {
    for (size_t id = 0; id < machines_.size(); ++id) machines_[id].id = static_cast<uint32_t>(id);
    word_.Give(Possession::HeldBy(0));
    for (int id = 1; id <= set_.spares; ++id) {
      Machine& spare = machines_[static_cast<size_t>(id)];
      spare.call.store(kAsleep);
      spares_.push_back(&spare);
    }
    NameAll();
  }
  int threads() const override { return set_.spares + 2; }
  bool MayRest() const override { return true; }
  void Thread(int id) override {
    if (id > set_.spares) {
      for (int i = 0; i < set_.rounds; ++i) Round();
    } else {
      MachineMain(machines_[static_cast<size_t>(id)]);
    }
  }
  void AtEnd() override {
    const uint32_t word = word_.word();
    Check((word & 1) == 0, "the P is asked for, for good");
    Check(word != Possession::kNobody || set_.relief, "nobody has the P");
    for (const Machine& m : machines_) {
      Check(m.has_p == (word == Possession::HeldBy(m.id)), "the P's word and its M do not agree");
      Check(!m.without_p.load(), "an M at home says that it has no P");
    }
    Check(without_p_.load() == 0, "the count of those without a P is wrong");
    Check(figure_.load() == uses_, "two wrote a figure of the P");
  }

 private:
  static constexpr uint32_t kAsleep = 0, kGiven = 1, kNothingHeld = 1;

  struct Machine {
    uint32_t id = 0;
    uint32_t held = kNothingHeld;
    const Possession* possession = nullptr;
    Gate gate;
    bool has_p = false;  // machine.p
    bool lost = false;
    Atomic<bool> without_p{false};
    Atomic<uint32_t> call{kGiven};
  };

  void NameAll() {
    Name(word_, "word");
    Name(tick_, "tick");
    Name(figure_, "figure");
    Name(data_, "ring");
    Name(without_p_, "count");
    Name(spares_mutex_, "mutex_");
    static constexpr std::array kGate = {"gate 0", "gate 1", "gate 2"};
    static constexpr std::array kFlag = {"without_p 0", "without_p 1", "without_p 2"};
    static constexpr std::array kCall = {"call 0", "call 1", "call 2"};
    for (size_t i = 0; i < machines_.size(); ++i) {
      Name(machines_[i].gate, kGate[i]);
      Name(machines_[i].without_p, kFlag[i]);
      Name(machines_[i].call, kCall[i]);
    }
  }

  // --- machine.cc ---

  void Adopt(Machine& m, bool p) {
    m.has_p = p;
    m.possession = p ? &word_ : &nobodys_;
    m.held = p ? Possession::HeldBy(m.id) : kNothingHeld;
  }
  void Enter(Machine& m) {
    if (set_.bug == Bug::kReadBeforeEnter) {
      const bool still = m.possession->StillHeldBy(m.held);
      m.gate.Enter();
      if (!still) EnterAsked(m);
      return;
    }
    m.gate.Enter();
    if (!m.possession->StillHeldBy(m.held)) EnterAsked(m);
  }
  void EnterAsked(Machine& m) {
    if (!m.has_p) return;
    const bool kept =
        set_.bug == Bug::kUndoneIsLost ? word_.Take(m.held, m.held) : word_.Keep(m.held);
    if (kept) return;
    Note("the P is gone");
    Adopt(m, false);
    m.lost = true;
  }

  // --- machines.cc ---

  void MachineMain(Machine& m) {
    int gs = 1;
    if (m.id == 0) {
      gs = set_.gs;
    } else {
      m.call.wait(kAsleep);
    }
    while (true) {
      Adopt(m, true);
      Note("adopts the P");
      if (Loop(m, gs)) {
        if (!set_.relief) return;
        Check(word_.Quit(m.held), "a P was taken from an M in the runtime");
        Adopt(m, false);
      }
      ComeHome(m);
      SleepAsSpare(m);
      gs = 1;
    }
  }
  void ComeHome(Machine& m) {
    Adopt(m, false);
    const bool lost = std::exchange(m.lost, false);
    if (set_.bug != Bug::kHomeByFlag && !lost) return;
    const bool flag = m.without_p.exchange(false);
    if (set_.bug == Bug::kHomeByFlag && !flag) return;
    Check(flag, "an M lost its P and nobody says so");
    without_p_.fetch_sub(1);
  }
  void SleepAsSpare(Machine& m) {
    if (set_.bug == Bug::kListBeforeAsleep) AddSpare(&m);
    m.call.store(kAsleep);
    if (set_.bug != Bug::kListBeforeAsleep) AddSpare(&m);
    m.call.wait(kAsleep);
  }
  void AddSpare(Machine* m) {
    MutexLock lock(spares_mutex_);
    spares_.push_back(m);
  }
  Machine* TakeSpare() {
    MutexLock lock(spares_mutex_);
    if (spares_.empty()) return nullptr;
    Machine* m = spares_.back();
    spares_.pop_back();
    return m;
  }
  void GiveTo(Machine& m) {
    m.call.store(kGiven);
    m.call.notify_one();
  }
  Machine* HolderOf() {
    const uint32_t word = word_.word();
    for (Machine& m : machines_) {
      if (Possession::HeldBy(m.id) == word) return &m;
    }
    return nullptr;
  }
  bool Claim(Machine& m) {
    if (set_.bug == Bug::kFlagByStore) {
      m.without_p.store(true);
      return true;
    }
    bool has_p = false;
    return m.without_p.compare_exchange_strong(has_p, true);
  }
  void BeginBlocking(Machine& m) {
    Enter(m);
    if (m.has_p) {
      UseP(m);
      GiveUp(m);
    }
    m.gate.Leave();
  }
  void GiveUp(Machine& m) {
    Machine* next = TakeSpare();
    if (!next) return;
    if (!Claim(m)) {
      AddSpare(next);
      return;
    }
    without_p_.fetch_add(1);
    if (set_.bug == Bug::kQuitThenGive) {
      (void)word_.Quit(m.held);
      word_.Give(Possession::HeldBy(next->id));
    } else {
      (void)word_.Quit(m.held, Possession::HeldBy(next->id));
    }
    Adopt(m, false);
    m.lost = true;
    GiveTo(*next);
  }

  // --- stealing_loop.cc ---

  // False: the P has gone.
  bool Loop(Machine& m, int gs) {
    for (int g = 1; g <= gs; ++g) {
      if (!RunStealing(m, m.id == 0 && g == set_.gs)) return false;
    }
    return true;
  }
  bool RunStealing(Machine& m, bool last) {
    UseP(m);
    if (set_.bug == Bug::kTickAfterLeave) m.gate.Leave();
    tick_.store(tick_.load(kRelaxed) + 1, kRelaxed);
    ++running_g_;
    if (set_.bug != Bug::kTickAfterLeave) m.gate.Leave();
    for (int i = 0; i < set_.scopes; ++i) {
      Enter(m);
      if (m.has_p) UseP(m);
      m.gate.Leave();
    }
    if (last && set_.blocks) BeginBlocking(m);
    Enter(m);
    if (m.has_p) UseP(m);
    return m.has_p;
  }
  // Inside, with the P.
  void UseP(Machine& m) {
    data_.Set(static_cast<int>(m.id));
    figure_.store(figure_.load(kRelaxed) + 1, kRelaxed);  // one writer at a time
    data_.Set(static_cast<int>(m.id));
    ++uses_;
  }

  // --- pool_watch.cc: whoever runs overruns ---

  void Round() {
    const uint32_t tick = tick_.load(kRelaxed);
    TakeOverrun(tick, running_g_);
    if (set_.relief) SendRelief();
  }
  void TakeOverrun(uint32_t tick, int overruns) {
    Machine* holder = HolderOf();
    if (!holder) return;
    Machine* next = TakeSpare();
    if (!next) return;
    const uint32_t held = Possession::HeldBy(holder->id);
    if (!word_.Ask(held)) {  // S1
      AddSpare(next);
      return;
    }
    if (set_.bug != Bug::kNoMembarrier) MemoryBarrierOfAll();  // S2
    bool taken = MayTake(*holder, tick) && Claim(*holder);     // S3
    if (taken) {
      without_p_.fetch_add(1);
      if (set_.bug == Bug::kGiftBeforeTake) GiveTo(*next);
      taken = word_.Take(held, Possession::HeldBy(next->id));  // S4
      if (!taken && set_.bug != Bug::kFlagStays) {
        without_p_.fetch_sub(1);
        holder->without_p.store(false);
      }
    }
    if (taken) {
      Check(running_g_ == overruns, "the P was taken from a G that has just begun");
      if (set_.bug != Bug::kGiftBeforeTake) GiveTo(*next);  // S5
    } else {
      if (set_.bug != Bug::kNoUndo) word_.Undo(held);
      AddSpare(next);
    }
  }
  bool MayTake(const Machine& holder, uint32_t tick) {
    if (set_.bug == Bug::kNoLookAtGate) return tick_.load(kRelaxed) == tick;
    if (set_.bug == Bug::kTickBeforeGate) {
      return tick_.load(kRelaxed) == tick && !holder.gate.inside();
    }
    return !holder.gate.inside() && tick_.load(kRelaxed) == tick;
  }
  void SendRelief() {
    if (word_.word() != Possession::kNobody) return;
    Machine* next = TakeSpare();
    if (!next) return;
    word_.Give(Possession::HeldBy(next->id));
    GiveTo(*next);
  }

  const Setting set_;
  Possession word_;
  const Possession nobodys_;
  Atomic<uint32_t> tick_{0};
  std::array<Machine, 3> machines_;
  Atomic<int32_t> without_p_{0};
  Mutex spares_mutex_;
  std::vector<Machine*> spares_;

  // What a P is to whoever has it.
  Var<int> data_ = 0;
  Atomic<uint32_t> figure_{0};
  // Seen by the model alone.
  uint32_t uses_ = 0;
  int running_g_ = 0;
};

using Production = PossessionModel<Atomic, Atomic>;

constexpr Setting kScopes{.scopes = 2};
constexpr Setting kTwoGs{.gs = 2};
constexpr Setting kTwoRounds{.scopes = 1, .rounds = 2};
constexpr Setting kRelief{.relief = true, .rounds = 2};
constexpr Setting kBlocks{.blocks = true, .rounds = 2};
constexpr Setting kTwoSpares{.blocks = true, .spares = 2};
constexpr Setting kReliefBlocks{.blocks = true, .relief = true, .spares = 2};

constexpr Setting With(Setting setting, Bug bug) {
  setting.bug = bug;
  return setting;
}

TEST(PossessionModelTest, OneMAtMostHasTheP) {
  ExpectHolds<Production>("one G of two scopes", {.preemptions = 3}, kScopes);
  ExpectHolds<Production>("two Gs", {.preemptions = 3}, kTwoGs);
  ExpectHolds<Production>("there and back", {.preemptions = 3}, kTwoRounds);
}

TEST(PossessionModelTest, TheReliefGivesItselfUp) {
  ExpectHolds<Production>("relief", {.preemptions = 3}, kRelief);
}

TEST(PossessionModelTest, WhoBlocksGivesItsPUp) {
  ExpectHolds<Production>("blocks", {.preemptions = 3}, kBlocks);
  ExpectHolds<Production>("blocks, two spares", {.preemptions = 2}, kTwoSpares);
  ExpectHolds<Production>("blocks, two spares, at random", {.delays = 4, .random = 300'000},
                          kTwoSpares);
  ExpectHolds<Production>("the relief blocks", {.preemptions = 2}, kReliefBlocks);
}

TEST(PossessionModelTest, SeededBugsAreFound) {
  const auto finds = [](const char* name, const char* words, const Setting& setting) {
    ExpectFinds<Production>(name, words, {.preemptions = 3}, setting);
  };
  finds("no membarrier", "race", With(kScopes, Bug::kNoMembarrier));
  finds("the word is read before the gate is entered", "race",
        With(kScopes, Bug::kReadBeforeEnter));
  finds("no look at the gate", "race", With(kScopes, Bug::kNoLookAtGate));
  finds("tick after the leave", "just begun", With(kTwoGs, Bug::kTickAfterLeave));
  finds("tick before the gate", "just begun", With(kTwoGs, Bug::kTickBeforeGate));
  finds("asked and not undone", "asked for", With(kScopes, Bug::kNoUndo));
  finds("not taken, and counted", "", With(kScopes, Bug::kFlagStays));
  finds("gift before it is taken", "", With(kScopes, Bug::kGiftBeforeTake));
  finds("undone is lost", "", With(kScopes, Bug::kUndoneIsLost));
  finds("given up in two steps", "", With(kReliefBlocks, Bug::kQuitThenGive));
  finds("without_p is stored by two", "nobody says so", With(kTwoSpares, Bug::kFlagByStore));
  finds("home by the flag", "", With(kRelief, Bug::kHomeByFlag));
  ExpectFinds<Production>("in the list before asleep", "do not agree", {.preemptions = 4},
                          With({.rounds = 2}, Bug::kListBeforeAsleep));
  // What x86 delays is enough for the first.
  ExpectFinds<Production>("no membarrier on x86", "race", {.stores = Options::Stores::kTotalOrder},
                          With(kScopes, Bug::kNoMembarrier));
}

TEST(PossessionModelTest, SeededOrdersAreFound) {
  ExpectFinds<PossessionModel<Atomic, RelaxedStores>>("left without a release", "race", {},
                                                      kScopes);
  ExpectFinds<PossessionModel<Atomic, RelaxedLoads>>("looked at without an acquire", "race", {},
                                                     kScopes);
  ExpectFinds<PossessionModel<TornSwap, Atomic>>("the word moved in two steps", "", {}, kScopes);
  ExpectFinds<PossessionModel<RelaxedRmw, Atomic>>("quit without a release", "race", {}, kRelief);
}

}  // namespace
}  // namespace outrigger::model
