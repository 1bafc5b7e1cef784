#include "proxy/cluster/circuit_breaker.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace outrigger::proxy {
namespace {

constexpr Resource kRequests = Resource::kRequests;

ResourceLimits AllOf(uint32_t limit) { return {limit, limit, limit, limit}; }

// As many as can be had; they are kept.
int TakeAll(CircuitBreaker& breaker, Resource resource = kRequests) {
  int taken = 0;
  while (taken < 100'000 && breaker.TryTake(resource)) ++taken;
  return taken;
}

class CircuitBreakerTest : public ::testing::Test {
 protected:
  CircuitBreaker& Worker(int id) {
    return *breakers_.emplace_back(std::make_unique<CircuitBreaker>(cells, id, 4));
  }
  PermitCells cells;

 private:
  std::vector<std::unique_ptr<CircuitBreaker>> breakers_;
};

TEST_F(CircuitBreakerTest, GivesOutWhatTheLimitSays) {
  for (const uint32_t limit : {0u, 1u, 2u, 3u, 15u, 16u, 100u, 1024u, 5000u}) {
    PermitCells fresh;
    fresh.SetLimits(AllOf(limit));
    CircuitBreaker breaker(fresh, 0, 4);
    for (size_t i = 0; i < kResources; ++i) {
      const auto resource = static_cast<Resource>(i);
      EXPECT_EQ(TakeAll(breaker, resource), static_cast<int>(limit));
      EXPECT_EQ(fresh.InUse(resource), limit);
      EXPECT_FALSE(breaker.TryTake(resource));
      for (uint32_t n = 0; n < limit; ++n) breaker.GiveBack(resource);
      EXPECT_EQ(fresh.InUse(resource), 0u);
      EXPECT_EQ(TakeAll(breaker, resource), static_cast<int>(limit)) << "and again";
    }
  }
}

TEST_F(CircuitBreakerTest, WorkersShareOneLimit) {
  cells.SetLimits(AllOf(100));
  CircuitBreaker& a = Worker(0);
  CircuitBreaker& b = Worker(1);
  for (int i = 0; i < 30; ++i) ASSERT_TRUE(a.TryTake(kRequests));
  EXPECT_EQ(TakeAll(b), 70);
  EXPECT_FALSE(a.TryTake(kRequests));
  b.GiveBack(kRequests);
  EXPECT_TRUE(a.TryTake(kRequests)) << "b's is a's";
  EXPECT_FALSE(b.TryTake(kRequests));
}

TEST_F(CircuitBreakerTest, WhatLiesIdleElsewhereIsFound) {
  cells.SetLimits(AllOf(1024));
  CircuitBreaker& a = Worker(0);
  CircuitBreaker& b = Worker(1);
  CircuitBreaker& c = Worker(2);
  // Each keeps some in stock.
  for (CircuitBreaker* breaker : {&a, &b}) {
    for (int i = 0; i < 20; ++i) ASSERT_TRUE(breaker->TryTake(kRequests));
    for (int i = 0; i < 20; ++i) breaker->GiveBack(kRequests);
  }
  EXPECT_LT(cells.free[static_cast<size_t>(kRequests)].load(), 1024);
  EXPECT_EQ(cells.InUse(kRequests), 0u);
  EXPECT_EQ(TakeAll(c), 1024);
  EXPECT_FALSE(a.TryTake(kRequests) || b.TryTake(kRequests));
}

TEST_F(CircuitBreakerTest, AWorkersStockIsItsOwnAgain) {
  cells.SetLimits(AllOf(1024));
  {
    CircuitBreaker first(cells, 0, 4);
    ASSERT_TRUE(first.TryTake(kRequests));
  }
  CircuitBreaker again(cells, 0, 4);  // a new version of the cluster
  again.GiveBack(kRequests);
  EXPECT_EQ(cells.InUse(kRequests), 0u);
  int stocks = 0;
  cells.stocks.ForEach([&](const auto&) { ++stocks; });
  EXPECT_EQ(stocks, 1);
}

TEST_F(CircuitBreakerTest, TakeGoesOverTheLimitAndIsPaidBack) {
  cells.SetLimits(AllOf(1));
  CircuitBreaker& breaker = Worker(0);
  breaker.Take(Resource::kConnections);
  breaker.Take(Resource::kConnections);
  EXPECT_EQ(cells.InUse(Resource::kConnections), 2u);
  breaker.GiveBack(Resource::kConnections);
  EXPECT_FALSE(breaker.TryTake(Resource::kConnections)) << "one is in use";
  breaker.GiveBack(Resource::kConnections);
  EXPECT_TRUE(breaker.TryTake(Resource::kConnections));
}

TEST_F(CircuitBreakerTest, ALowerLimitHoldsAtOnce) {
  cells.SetLimits(AllOf(1000));
  CircuitBreaker& a = Worker(0);
  CircuitBreaker& b = Worker(1);
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(a.TryTake(kRequests));
  ASSERT_TRUE(b.TryTake(kRequests));
  b.GiveBack(kRequests);  // idle permits lie at both
  cells.SetLimits(AllOf(40));
  for (int i = 0; i < 10; ++i) {
    EXPECT_FALSE(a.TryTake(kRequests) || b.TryTake(kRequests)) << i;
    a.GiveBack(kRequests);
  }
  EXPECT_FALSE(b.TryTake(kRequests)) << "40 are in use";
  a.GiveBack(kRequests);
  EXPECT_TRUE(b.TryTake(kRequests));
  EXPECT_EQ(cells.InUse(kRequests), 40u);
}

TEST_F(CircuitBreakerTest, AHigherLimitHoldsAtOnce) {
  cells.SetLimits(AllOf(2));
  CircuitBreaker& breaker = Worker(0);
  EXPECT_EQ(TakeAll(breaker), 2);
  cells.SetLimits(AllOf(12));
  EXPECT_EQ(TakeAll(breaker), 10);
}

// Threads take and give back as fast as they can.
struct Hammer {
  explicit Hammer(uint32_t limit, int workers) {
    cells.SetLimits(AllOf(limit));
    for (int id = 0; id < workers; ++id) {
      threads.emplace_back([this, id, workers, limit] { Run(id, workers, limit); });
    }
    for (std::thread& thread : threads) thread.join();
  }
  void Run(int id, int workers, uint32_t limit) {
    CircuitBreaker breaker(cells, id, workers);
    uint32_t held = 0;
    uint32_t random = static_cast<uint32_t>(id) + 1;
    for (int i = 0; i < 20'000; ++i) {
      random = random * 1664525 + 1013904223;
      if (held > 0 && (random >> 16) % 2 == 0) {
        in_use.fetch_sub(1);
        breaker.GiveBack(kRequests);
        --held;
      } else if (breaker.TryTake(kRequests)) {
        if (in_use.fetch_add(1) >= static_cast<int64_t>(limit)) over.fetch_add(1);
        ++held;
      }
    }
    for (; held > 0; --held) {
      in_use.fetch_sub(1);
      breaker.GiveBack(kRequests);
    }
  }
  PermitCells cells;
  std::atomic<int64_t> in_use{0};
  std::atomic<int64_t> over{0};
  std::vector<std::thread> threads;
};

TEST_F(CircuitBreakerTest, NeverMoreThanTheLimitWhateverThreadsDo) {
  for (const uint32_t limit : {0u, 1u, 2u, 17u, 64u, 1000u}) {
    Hammer hammer(limit, 4);
    EXPECT_EQ(hammer.over.load(), 0) << limit;
    EXPECT_EQ(hammer.cells.InUse(kRequests), 0u) << limit;
    CircuitBreaker breaker(hammer.cells, 9, 4);
    EXPECT_EQ(TakeAll(breaker), static_cast<int>(limit)) << "none was lost";
  }
}

// A permit that nobody uses, moved about by one thread between free and idle, is found by the
// others each time: the moves hide nothing.
TEST_F(CircuitBreakerTest, NothingIsRefusedWhilePermitsAreOnlyMoved) {
  constexpr uint32_t kLimit = 256;
  cells.SetLimits(AllOf(kLimit));
  std::atomic<bool> stop{false};
  std::atomic<int> refused{0};
  // The kernel may stop a thread inside a move: so long the others may be refused, and no longer.
  const auto take = [&refused](CircuitBreaker& breaker) {
    for (int i = 0; i < 10'000; ++i) {
      if (breaker.TryTake(kRequests)) return true;
      std::this_thread::yield();
    }
    ++refused;
    return false;
  };
  // In use at most: 64 of the mover, 1 each of the others.
  std::thread mover([&] {
    CircuitBreaker breaker(cells, 0, 4);
    while (!stop.load()) {
      int held = 0;
      for (int i = 0; i < 64; ++i) held += take(breaker);
      for (; held > 0; --held) breaker.GiveBack(kRequests);
    }
  });
  std::vector<std::thread> others;
  for (int id = 1; id < 3; ++id) {
    others.emplace_back([&, id] {
      CircuitBreaker breaker(cells, id, 4);
      for (int i = 0; i < 20'000; ++i) {
        if (take(breaker)) breaker.GiveBack(kRequests);
      }
    });
  }
  for (std::thread& other : others) other.join();
  stop.store(true);
  mover.join();
  EXPECT_EQ(refused.load(), 0);
}

TEST_F(CircuitBreakerTest, LimitsChangeUnderThreads) {
  cells.SetLimits(AllOf(100));
  std::atomic<bool> stop{false};
  std::vector<std::thread> workers;
  for (int id = 0; id < 3; ++id) {
    workers.emplace_back([&, id] {
      CircuitBreaker breaker(cells, id, 3);
      while (!stop.load()) {
        int held = 0;
        for (int i = 0; i < 40; ++i) held += breaker.TryTake(kRequests);
        for (; held > 0; --held) breaker.GiveBack(kRequests);
      }
    });
  }
  for (int i = 0; i < 500; ++i) cells.SetLimits(AllOf(i % 2 ? 100 : 7));
  stop.store(true);
  for (std::thread& worker : workers) worker.join();
  EXPECT_EQ(cells.InUse(kRequests), 0u);
  CircuitBreaker breaker(cells, 9, 3);
  EXPECT_EQ(TakeAll(breaker), 100);
}

}  // namespace
}  // namespace outrigger::proxy
