#include "tests/model/explorer.h"

#include "gtest/gtest.h"

namespace outrigger::model {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr auto kAcquire = std::memory_order_acquire;
constexpr auto kRelease = std::memory_order_release;
constexpr auto kSeqCst = std::memory_order_seq_cst;

class TwoThreads : public Scenario {
 public:
  int threads() const override { return 2; }
};

struct LostUpdate : TwoThreads {
  explicit LostUpdate(bool atomically) : atomically(atomically) { Name(count, "count"); }
  void Thread(int) override {
    if (atomically) {
      count.fetch_add(1);
    } else {
      count.store(count.load() + 1);
    }
  }
  void AtEnd() override { Check(count.load() == 2, "an addition was lost"); }

  const bool atomically;
  Atomic<int> count;
};

TEST(ExplorerTest, FindsALostUpdateWithOnePreemption) {
  EXPECT_FALSE(Explore<LostUpdate>({.preemptions = 3}, true).failed);
  EXPECT_FALSE(Explore<LostUpdate>({.preemptions = 0, .delays = 0}, false).failed);
  const Report report = Explore<LostUpdate>({.preemptions = 1, .delays = 0}, false);
  EXPECT_TRUE(report.failed);
  // The schedule can be read.
  EXPECT_NE(report.failure.find("an addition was lost\n"), std::string::npos) << report.failure;
  EXPECT_NE(report.failure.find("count: reads 0 (seq_cst)"), std::string::npos) << report.failure;
  EXPECT_NE(report.failure.find("count: stores 1 (seq_cst)"), std::string::npos) << report.failure;
}

// Two threads of one access each: the first has two places for its one switch, as many starts.
TEST(ExplorerTest, CountsWhatItRunsAndStopsAtTheBound) {
  const Report report = Explore<LostUpdate>({.preemptions = 1}, true);
  EXPECT_TRUE(report.complete);
  EXPECT_EQ(report.schedules, 2u + 4u);
  EXPECT_FALSE(Explore<LostUpdate>({.preemptions = 1, .max_schedules = 3}, true).complete);
}

// Dekker's: write mine, read yours.
struct StoreBuffering : TwoThreads {
  StoreBuffering(std::memory_order store, std::memory_order load)
      : of_store(store), of_load(load) {}
  void Thread(int id) override {
    word[id].store(1, of_store);
    seen[id] = word[1 - id].load(of_load);
  }
  void AtEnd() override { Check(seen[0] || seen[1], "neither saw the other"); }

  const std::memory_order of_store, of_load;
  Atomic<int> word[2];
  int seen[2] = {};
};

TEST(ExplorerTest, DelaysStoresThatAreNoBarrier) {
  for (const auto stores : {Options::Stores::kByOrder, Options::Stores::kTotalOrder}) {
    const Options options{.preemptions = 2, .delays = 1, .stores = stores};
    EXPECT_FALSE(Explore<StoreBuffering>(options, kSeqCst, kSeqCst).failed);
    EXPECT_TRUE(Explore<StoreBuffering>(options, kRelaxed, kSeqCst).failed);
    EXPECT_TRUE(Explore<StoreBuffering>(options, kRelease, kAcquire).failed);
  }
  // x86 makes a barrier of the store, the standard does not.
  EXPECT_TRUE(Explore<StoreBuffering>({}, kSeqCst, kRelaxed).failed);
  EXPECT_FALSE(
      Explore<StoreBuffering>({.stores = Options::Stores::kTotalOrder}, kSeqCst, kRelaxed).failed);
  EXPECT_FALSE(Explore<StoreBuffering>({.delays = 0}, kRelaxed, kRelaxed).failed);
}

// One side has no barrier of its own; the other makes one for all.
struct Asymmetric : TwoThreads {
  explicit Asymmetric(bool barrier) : barrier(barrier) {}
  void Thread(int id) override {
    word[id].store(1, kRelaxed);
    if (id == 1 && barrier) MemoryBarrierOfAll();
    seen[id] = word[1 - id].load(kRelaxed);
  }
  void AtEnd() override { Check(seen[0] || seen[1], "neither saw the other"); }

  const bool barrier;
  Atomic<int> word[2];
  int seen[2] = {};
};

TEST(ExplorerTest, AMembarrierFlushesEverybody) {
  EXPECT_FALSE(Explore<Asymmetric>({.preemptions = 3, .delays = 3}, true).failed);
  EXPECT_TRUE(Explore<Asymmetric>({}, false).failed);
}

// A value, then a flag that says that it is there.
struct Message : TwoThreads {
  Message(std::memory_order store, std::memory_order load) : of_store(store), of_load(load) {
    Name(plain, "plain");
  }
  void Thread(int id) override {
    if (id == 0) {
      plain.Set(1);
      value.store(1, kRelaxed);
      flag.store(1, of_store);
    } else if (flag.load(of_load) == 1) {
      Check(value.load(kRelaxed) == 1, "the flag came before the value");
      plain.Get();
    }
  }

  const std::memory_order of_store, of_load;
  Atomic<int> value, flag;
  Var<int> plain;
};

TEST(ExplorerTest, FindsAMissingReleaseAndAMissingAcquire) {
  EXPECT_FALSE(Explore<Message>({.preemptions = 3}, kRelease, kAcquire).failed);
  EXPECT_FALSE(Explore<Message>({.preemptions = 3}, kSeqCst, kSeqCst).failed);
  const Report no_release = Explore<Message>({}, kRelaxed, kAcquire);
  EXPECT_TRUE(no_release.failed);
  const Report no_acquire = Explore<Message>({}, kRelease, kRelaxed);
  EXPECT_NE(no_acquire.failure.find("race: plain is read"), std::string::npos)
      << no_acquire.failure;
}

// A thread sleeps until the other has stored; `checks`: it looks at the word as it falls asleep.
struct Sleep : TwoThreads {
  explicit Sleep(bool checks) : checks(checks) {}
  void Thread(int id) override {
    if (id == 0) {
      if (checks) {
        word.wait(0);
      } else if (word.load() == 0) {
        other.load();
        Block(&word);
      }
    } else {
      word.store(1);
      word.notify_one();
    }
  }

  const bool checks;
  Atomic<int> word, other;
};

TEST(ExplorerTest, FindsALostWakeAsADeadlock) {
  EXPECT_FALSE(Explore<Sleep>({.preemptions = 3}, true).failed);
  const Report report = Explore<Sleep>({}, false);
  EXPECT_EQ(report.failure.find("deadlock"), 0u) << report.failure;
}

struct Spin : TwoThreads {
  explicit Spin(bool ends) : ends(ends) {}
  void Thread(int id) override {
    if (id == 1) {
      if (ends) word.store(1, kRelease);
      return;
    }
    while (word.load(kAcquire) == 0) Yield();
  }

  const bool ends;
  Atomic<int> word;
};

TEST(ExplorerTest, ASpinningThreadLetsOthersGoOnAndIsFoundIfItNeverEnds) {
  EXPECT_FALSE(Explore<Spin>({.preemptions = 3}, true).failed);
  const Report report = Explore<Spin>({}, false);
  EXPECT_EQ(report.failure.find("livelock"), 0u) << report.failure;
}

// Two that spin do not keep the third, who holds what they wait for, from its turn for good.
struct TwoSpinners : Scenario {
  int threads() const override { return 3; }
  void Thread(int) override {
    while (word.exchange(1, kAcquire) != 0) Yield();
    plain.Set(plain.Get() + 1);
    word.store(0, kRelease);
  }
  void AtEnd() override { Check(plain.Get() == 3, "an addition was lost"); }

  Atomic<int> word;
  Var<int> plain;
};

TEST(ExplorerTest, SpinningThreadsAreFair) {
  const Report report = Explore<TwoSpinners>({.delays = 1});
  EXPECT_TRUE(report.complete) << report.failure;
}

// What is delayed comes out in the order of the stores to one variable.
struct OneVariable : TwoThreads {
  void Thread(int id) override {
    if (id == 0) {
      for (int i = 1; i <= 3; ++i) word.store(i, kRelaxed);
    } else {
      const int first = word.load(kRelaxed);
      Check(first <= word.load(kRelaxed), "a variable went back");
    }
  }
  void AtEnd() override { Check(word.load() == 3, "a store was lost"); }

  Atomic<int> word;
};

TEST(ExplorerTest, AVariableNeverGoesBack) {
  EXPECT_FALSE(Explore<OneVariable>({.preemptions = 3, .delays = 3}).failed);
}

struct Guarded : TwoThreads {
  explicit Guarded(bool locks) : locks(locks) {}
  void Thread(int) override {
    if (locks) mutex.Lock();
    plain.Set(plain.Get() + 1);
    if (locks) mutex.Unlock();
  }
  void AtEnd() override { Check(plain.Get() == 2, "an addition was lost"); }

  const bool locks;
  Mutex mutex;
  Var<int> plain;
};

TEST(ExplorerTest, AMutexOrdersAndARaceIsFoundWhereTheTwoDoNotMeet) {
  EXPECT_FALSE(Explore<Guarded>({.preemptions = 3}, true).failed);
  EXPECT_TRUE(Explore<Guarded>({.preemptions = 0}, false).failed);
}

// The store that a mutex's unlock leaves behind is there for the next who locks.
struct DelayedInMutex : TwoThreads {
  explicit DelayedInMutex(bool reader_locks) : reader_locks(reader_locks) {}
  void Thread(int id) override {
    if (id == 0) {
      {
        MutexLock lock(mutex);
        word[0].store(1, kRelaxed);
      }
      seen[0] = word[1].load();
    } else {
      word[1].store(1);
      if (reader_locks) mutex.Lock();
      seen[1] = word[0].load();
      if (reader_locks) mutex.Unlock();
    }
  }
  void AtEnd() override { Check(seen[0] || seen[1], "neither saw the other"); }

  const bool reader_locks;
  Mutex mutex;
  Atomic<int> word[2];
  int seen[2] = {};
};

TEST(ExplorerTest, AnUnlockIsNoBarrierForWhoReadsWithoutTheLock) {
  EXPECT_FALSE(Explore<DelayedInMutex>({.preemptions = 3}, true).failed);
  EXPECT_TRUE(Explore<DelayedInMutex>({}, false).failed);
}

struct Weak : TwoThreads {
  int threads() const override { return 1; }
  void Thread(int) override {
    int seen = 0;
    Check(word.compare_exchange_weak(seen, 1), "failed for nothing");
  }

  Atomic<int> word;
};

TEST(ExplorerTest, AWeakCompareAndSwapFailsForNothingIfAsked) {
  EXPECT_FALSE(Explore<Weak>({}).failed);
  EXPECT_TRUE(Explore<Weak>({.spurious_failures = 1}).failed);
}

}  // namespace
}  // namespace outrigger::model
