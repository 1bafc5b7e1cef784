// The count of lists that hold Gs (scheduler/core/live_list.h, as it is): a pool that stops, Gs
// that spawn others and end, and a spawn from outside.
#include "gtest/gtest.h"
#include "scheduler/core/live_list.h"
#include "tests/model/expect.h"
#include "tests/model/explorer.h"
#include "tests/model/seeded.h"

namespace outrigger::model {
namespace {

using scheduler::LiveCountOf;

using Count = LiveCountOf<Atomic>;

// Asks whether it stops, and then how many are left, as two words would.
struct TwoLooks : Count {
  bool Leave() {
    const bool stopping = this->stopping();
    Count::Leave();
    return stopping && this->finished();
  }
};

// Thread 0: a G that spawns another, into another list, and ends; then that one ends. Thread 1
// stops the pool. Thread 2: somebody outside spawns a G, which ends. Thread 3: an M, which goes
// once the pool has finished, and sleeps until somebody wakes it.
template <typename AnyCount>
class LiveCountModel : public Scenario {
 public:
  LiveCountModel() {
    Name(count_, "count");
    Check(count_.Enter(), "a new pool takes no G");  // the first G
  }
  int threads() const override { return 4; }
  void Thread(int id) override {
    switch (id) {
      case 0:
        Spawn(/*must=*/true);
        End();
        End();
        break;
      case 1:
        count_.Stop();
        WakeAll();
        break;
      case 2:
        if (Spawn(/*must=*/false)) End();
        break;
      default:
        while (!Finished()) {
          if (!awake_) Block(&awake_);
          awake_ = false;
        }
    }
  }
  void AtEnd() override { Check(Finished(), "the pool has not finished"); }

 private:
  bool Spawn(bool must) {
    const bool taken = count_.Enter();
    Check(!taken || !seen_finished_, "a finished pool took a G, which nobody will run");
    Check(taken || !must, "a G that lives was refused a spawn");
    return taken;
  }
  void End() {
    if (count_.Leave()) WakeAll();
  }
  bool Finished() {
    const bool finished = count_.finished();
    Check(finished || !seen_finished_, "a finished pool lives again");
    seen_finished_ |= finished;
    return finished;
  }
  void WakeAll() {
    awake_ = true;
    Unblock(&awake_);
  }

  AnyCount count_;
  bool seen_finished_ = false;  // for the check alone: no thread acts by it
  bool awake_ = false;          // a word that threads sleep on; its own races are park_model's
};

constexpr Options kBounds{.preemptions = 3};

TEST(LiveCountModelTest, AFinishedPoolTakesNoGAndItsMIsWoken) {
  ExpectHolds<LiveCountModel<Count>>("live count", kBounds);
}

TEST(LiveCountModelTest, TheModelFindsASwapOfTwoSteps) {
  ExpectFinds<LiveCountModel<LiveCountOf<TornSwap>>>("torn swap", "", kBounds);
}

TEST(LiveCountModelTest, TheModelFindsTwoLooks) {
  ExpectFinds<LiveCountModel<TwoLooks>>("two looks", "", kBounds);
}

}  // namespace
}  // namespace outrigger::model
