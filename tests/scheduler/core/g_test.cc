#include "scheduler/core/g.h"

#include <thread>

#include "gtest/gtest.h"
#include "scheduler/base/mutex.h"
#include "scheduler/core/machine.h"
#include "tests/scheduler/pools.h"

namespace outrigger::scheduler {
namespace {

// The wait protocol of one thread, with and without a home: a confined G has a path of its own.
class WaitTest : public testing::TestWithParam<Policy> {
 protected:
  // Runs `check` on a G that no queue knows: it may be woken while it prepares, not once it parked.
  void OnG(const std::function<void(G&)>& check) {
    if (GetParam() == Policy::kStealing) {
      G g;
      check(g);
    } else {
      Pool pool(Options(Policy::kPinned, 1));
      RunPosted(pool, [&] {
        G g;
        g.home = &pool.processor(0);
        check(g);
      });
    }
  }
};

INSTANTIATE_TEST_SUITE_P(Policies, WaitTest, testing::ValuesIn(kPolicies));

TEST_P(WaitTest, AWakeBeforeTheParkIsNotLost) {
  OnG([](G& g) {
    ASSERT_TRUE(g.BeginWait("test"));
    EXPECT_TRUE(g.TryWake(Wake::kReady));
    EXPECT_FALSE(g.CommitWait());
    EXPECT_EQ(g.FinishWait(), Wake::kReady);
  });
}

TEST_P(WaitTest, TheFirstWakeWins) {
  OnG([](G& g) {
    ASSERT_TRUE(g.BeginWait("test"));
    EXPECT_TRUE(g.TryWake(Wake::kTimeout));
    EXPECT_FALSE(g.TryWake(Wake::kReady));
    g.Cancel();
    EXPECT_FALSE(g.CommitWait());
    EXPECT_EQ(g.FinishWait(), Wake::kTimeout);
  });
}

TEST_P(WaitTest, ARunningGCannotBeWoken) {
  OnG([](G& g) {
    EXPECT_FALSE(g.TryWake(Wake::kReady));
    ASSERT_TRUE(g.BeginWait("test"));
    ASSERT_TRUE(g.TryWake(Wake::kReady));
    g.FinishWait();
    EXPECT_FALSE(g.TryWake(Wake::kReady));
  });
}

TEST_P(WaitTest, ACancelDuringAWaitEndsItAndRefusesLaterOnes) {
  OnG([](G& g) {
    ASSERT_TRUE(g.BeginWait("test"));
    g.Cancel();
    EXPECT_FALSE(g.CommitWait());
    EXPECT_EQ(g.FinishWait(), Wake::kCancelled);
    EXPECT_TRUE(g.cancelled());
    EXPECT_FALSE(g.BeginWait("again"));
  });
}

TEST_P(WaitTest, ACancelBeforeAWaitRefusesIt) {
  OnG([](G& g) {
    g.Cancel();
    EXPECT_FALSE(g.BeginWait("test"));
    EXPECT_FALSE(g.TryWake(Wake::kReady));
  });
}

TEST_P(WaitTest, AShieldedParkIsNotRefused) {
  OnG([](G& g) {
    g.MarkCancelled();
    EXPECT_FALSE(g.ParkLocked("test"));
    EXPECT_TRUE(g.ParkLocked("test", /*shielded=*/true));
    EXPECT_EQ(g.TryClaim(Wake::kReady), G::Claim::kParked);
    EXPECT_EQ(g.FinishWait(), Wake::kReady);
    EXPECT_TRUE(g.cancelled());
  });
}

TEST_P(WaitTest, TheEndIsSeenBesideACancel) {
  OnG([](G& g) {
    g.Cancel();
    EXPECT_FALSE(g.done());
    g.MarkDone();
    EXPECT_TRUE(g.done());
    EXPECT_TRUE(g.cancelled());
  });
}

// A source as the header asks for: it touches the G under its own lock only.
struct Source {
  Mutex mutex;
  G* waiter = nullptr;
  int woken = 0;  // times that TryWake() said yes

  void Knock(Wake reason) {
    MutexLock lock(mutex);
    if (waiter && waiter->TryWake(reason)) ++woken;
  }
};

struct SourcesWait {
  Source& first;
  Source& second;
  bool await_ready() const { return false; }
  bool await_suspend(std::coroutine_handle<> self) {
    G* g = machine.g;
    OUTRIGGER_CHECK(g->BeginWait("sources"));
    g->resume = self;
    for (Source* source : {&first, &second}) {
      MutexLock lock(source->mutex);
      source->waiter = g;
    }
    return g->CommitWait();
  }
  Wake await_resume() {
    for (Source* source : {&first, &second}) {
      MutexLock lock(source->mutex);
      source->waiter = nullptr;
    }
    return machine.g->FinishWait();
  }
};

constexpr int kWaits = 10'000;

Task<> WaitOften(Source& first, Source& second, int& ended) {
  for (int i = 0; i < kWaits; ++i) {
    const Wake wake = co_await SourcesWait{first, second};
    if (wake != Wake::kCancelled) ++ended;
  }
}

TEST(GTest, OfTwoSourcesThatRaceExactlyOneEndsEachWait) {
  Pool pool(Options(Policy::kStealing, 2));
  Source first, second;
  std::atomic<bool> stop{false};
  std::thread one([&] {
    for (; !stop.load(); std::this_thread::yield()) first.Knock(Wake::kReady);
  });
  std::thread two([&] {
    for (; !stop.load(); std::this_thread::yield()) second.Knock(Wake::kTimeout);
  });
  int ended = 0;
  RunToEnd(pool, WaitOften(first, second, ended));
  stop.store(true);
  one.join();
  two.join();
  EXPECT_EQ(ended, kWaits);
  EXPECT_EQ(first.woken + second.woken, kWaits);
}

}  // namespace
}  // namespace outrigger::scheduler
