// The word of a waiting G (scheduler/core/wait_word.h, as it is) between the G, the sources it
// waits on, and who cancels it.
#include "gtest/gtest.h"
#include "scheduler/core/wait_word.h"
#include "tests/model/expect.h"
#include "tests/model/explorer.h"
#include "tests/model/seeded.h"

namespace outrigger::model {
namespace {

using scheduler::WaitWordT;
using scheduler::Wake;

using Word = WaitWordT<Atomic>;

// Bugs of one line.
struct BlindBegin : Word {
  bool Begin(bool) {
    const uint32_t seen = load(std::memory_order_seq_cst);
    if (seen & kCancel) return false;
    store((seen & ~(kPhaseMask | kReasonMask)) | kPreparing, std::memory_order_seq_cst);
    return true;
  }
};
struct BlindCommit : Word {
  bool Commit(bool) {
    const uint32_t seen = load(std::memory_order_seq_cst);
    if ((seen & kPhaseMask) != kPreparing) return false;
    store((seen & ~kPhaseMask) | kParked, std::memory_order_seq_cst);
    return true;
  }
};
struct BlindPark : Word {
  bool Park(bool) {
    const uint32_t seen = load(std::memory_order_seq_cst);
    if (seen & kCancel) return false;
    store((seen & ~(kPhaseMask | kReasonMask)) | kParked, std::memory_order_seq_cst);
    return true;
  }
};
struct BlindClaim : Word {
  Claim TryClaim(Wake reason, bool) {
    const uint32_t seen = load(std::memory_order_seq_cst);
    const uint32_t phase = seen & kPhaseMask;
    if (phase != kPreparing && phase != kParked) return Claim::kLost;
    store((seen & ~(kPhaseMask | kReasonMask)) | kWoken |
              (static_cast<uint32_t>(reason) << kReasonShift),
          std::memory_order_seq_cst);
    return phase == kParked ? Claim::kParked : Claim::kPreparing;
  }
};
// Forgets that a wake while it prepares needs no queue.
struct ClaimsPreparingAsParked : Word {
  Claim TryClaim(Wake reason, bool confined) {
    const Claim claim = Word::TryClaim(reason, confined);
    return claim == Claim::kPreparing ? Claim::kParked : claim;
  }
};

enum class Steps {
  kOneByOne,  // Begin, register, Commit: with several sources
  kLocked,    // Park under the source's lock
};
enum class Cancel { kNone, kBitFirst, kBitLast };

// A G of up to two waits. The first ends by a source, of which there are one or two, or by a
// cancel; the second by a cancel alone. Whoever has to queue the G runs it on, on his thread.
template <typename AnyWord>
class WaitModel : public Scenario {
 public:
  WaitModel(Steps steps, int sources, Cancel cancel)
      : steps_(steps), sources_(sources), cancel_(cancel) {
    Name(word_, "word");
    Name(frame_, "frame");
    Name(source_, "sources");
    Name(why_, "why");
  }
  int threads() const override { return 1 + sources_ + (cancel_ == Cancel::kNone ? 0 : 1); }
  void Thread(int id) override {
    if (id == 0) {
      RunOn(0);
    } else if (id <= sources_) {
      Fire(source_[id - 1]);
    } else {
      why_.Set(1);
      if (cancel_ == Cancel::kBitFirst) word_.Cancel(false);
      const auto claim = word_.TryClaim(Wake::kCancelled, false);
      if (cancel_ == Cancel::kBitLast) word_.Cancel(false);
      if (claim == Claim::kParked) Resume();
    }
  }
  void AtEnd() override { Check(done_, "a wake was lost: the G waits for good"); }

 private:
  using Claim = typename AnyWord::Claim;

  struct Source {
    Mutex lock;
    Var<bool> fired = false;
    Var<bool> waited = false;  // the G is registered
  };

  void RunOn(int wait) {
    const int waits = cancel_ == Cancel::kNone ? 1 : 2;
    for (; wait < waits; ++wait) {
      frame_.Set(wait);
      if (steps_ == Steps::kLocked ? ParkLocked(wait) : Prepare(wait)) return;
      if (refused_) break;
      Settle(wait);
    }
    Check(!done_, "the G ended twice");
    done_ = true;
  }
  // True: parked; nothing of the G is touched any more.
  bool Prepare(int wait) {
    refused_ = !word_.Begin(false);
    if (refused_) return false;
    if (wait == 0) {
      for (int i = 0; i < sources_; ++i) {
        MutexLock guard(source_[i].lock);
        source_[i].waited.Set(true);
        if (source_[i].fired.Get()) word_.TryClaim(Wake::kReady, false);
      }
    }
    return word_.Commit(false);
  }
  bool ParkLocked(int wait) {
    if (wait > 0) {
      refused_ = !word_.Park(false);
      return !refused_;
    }
    Source& source = source_[0];
    source.lock.Lock();
    if (source.fired.Get()) {  // no wait
      source.lock.Unlock();
      return false;
    }
    source.waited.Set(true);
    if (!word_.Park(false)) {
      source.waited.Set(false);
      source.lock.Unlock();
      refused_ = true;
      return false;
    }
    source.lock.Unlock();
    return true;
  }
  // Off every source; one that took the G off in ParkLocked's way has let go of it.
  void Settle(int wait) {
    const bool cancelled = word_.reason() == Wake::kCancelled;
    if (cancelled) Check(why_.Get() == 1, "what the canceller wrote is not seen");
    if (wait > 0) Check(cancelled, "the second wait ended by itself");
    if (steps_ == Steps::kLocked && !cancelled) return;
    for (int i = 0; i < sources_; ++i) {
      MutexLock guard(source_[i].lock);
      source_[i].waited.Set(false);
    }
  }
  void Resume() {
    const int wait = frame_.Get();
    frame_.Set(-1);
    Settle(wait);
    RunOn(wait + 1);
  }
  void Fire(Source& source) {
    source.lock.Lock();
    source.fired.Set(true);
    auto claim = Claim::kLost;
    if (source.waited.Get()) {
      claim = word_.TryClaim(Wake::kReady, false);
      source.waited.Set(false);
    }
    source.lock.Unlock();
    if (claim == Claim::kParked) Resume();
  }

  const Steps steps_;
  const int sources_;
  const Cancel cancel_;
  AnyWord word_;
  Var<int> frame_ = -1;
  Source source_[2];
  Var<int> why_ = 0;
  bool refused_ = false;
  bool done_ = false;
};

template <typename AnyWord>
void Finds(const char* name, const char* words, Steps steps, int sources, Cancel cancel) {
  ExpectFinds<WaitModel<AnyWord>>(name, words, {}, steps, sources, cancel);
}

TEST(WaitWordModelTest, OneOfTwoSourcesEndsTheWait) {
  ExpectHolds<WaitModel<Word>>("two sources", {.preemptions = 6}, Steps::kOneByOne, 2,
                               Cancel::kNone);
  ExpectHolds<WaitModel<Word>>("two sources, weak swaps that fail",
                               {.preemptions = 4, .spurious_failures = 2}, Steps::kOneByOne, 2,
                               Cancel::kNone);
}

TEST(WaitWordModelTest, ACancelIsNeverLost) {
  ExpectHolds<WaitModel<Word>>("source, cancel", {.preemptions = 6}, Steps::kOneByOne, 1,
                               Cancel::kBitFirst);
  ExpectHolds<WaitModel<Word>>("two sources, cancel", {.preemptions = 4}, Steps::kOneByOne, 2,
                               Cancel::kBitFirst);
  ExpectHolds<WaitModel<Word>>("parked in one step", {.preemptions = 8}, Steps::kLocked, 1,
                               Cancel::kBitFirst);
}

TEST(WaitWordModelTest, SeededBugsAreFound) {
  constexpr Steps kOneByOne = Steps::kOneByOne, kLocked = Steps::kLocked;
  constexpr Cancel kCancels = Cancel::kBitFirst;
  Finds<BlindBegin>("blind Begin", "lost", kOneByOne, 1, kCancels);
  Finds<BlindCommit>("blind Commit", "lost", kOneByOne, 1, Cancel::kNone);
  Finds<BlindCommit>("blind Commit against a cancel", "lost", kOneByOne, 1, kCancels);
  Finds<BlindPark>("blind Park", "lost", kLocked, 1, kCancels);
  Finds<BlindClaim>("blind TryClaim", "", kOneByOne, 2, Cancel::kNone);
  Finds<ClaimsPreparingAsParked>("queued while it prepares", "", kOneByOne, 1, Cancel::kNone);
  Finds<Word>("cancel claims, then sets its bit", "lost", kOneByOne, 1, Cancel::kBitLast);
  Finds<WaitWordT<RelaxedLoads>>("Commit without acquire", "race: why", kOneByOne, 1, kCancels);
  Finds<WaitWordT<RelaxedRmw>>("swaps that order nothing", "race: frame", kOneByOne, 1, kCancels);
  Finds<WaitWordT<RelaxedRmw>>("one step that orders nothing", "race", kLocked, 1, kCancels);
  Finds<WaitWordT<TornSwap>>("swaps in two steps", "", kOneByOne, 2, Cancel::kNone);
}

}  // namespace
}  // namespace outrigger::model
