#include "proxy/snapshot/shared_cells.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace outrigger::proxy {
namespace {

TEST(PerWorkerTest, EachWorkerHasItsOwn) {
  PerWorker<HostCounters> counters;
  EXPECT_FALSE(counters.visited());
  HostCounters& a = counters.Of(0);
  HostCounters& b = counters.Of(1);
  EXPECT_NE(&a, &b);
  EXPECT_EQ(&counters.Of(0), &a);
  EXPECT_TRUE(counters.visited());
  HostCounters::Add(a.rq_total, 2);
  HostCounters::Add(b.rq_total);
  HostCounters::Add(b.rq_active);
  HostCounters::Add(b.rq_active, -1);
  uint64_t total = 0, active = 0;
  counters.ForEach([&](const HostCounters& one) {
    total += one.rq_total;
    active += one.rq_active;
  });
  EXPECT_EQ(total, 3u);
  EXPECT_EQ(active, 0u);
}

TEST(PerWorkerTest, WorkersComeAtTheSameTime) {
  PerWorker<HostCounters> counters;
  std::vector<std::thread> workers;
  for (int id = 0; id < 4; ++id) {
    workers.emplace_back([&counters, id] {
      for (int i = 0; i < 1000; ++i) HostCounters::Add(counters.Of(id).rq_total);
    });
  }
  for (std::thread& worker : workers) worker.join();
  int count = 0;
  counters.ForEach([&](const HostCounters& one) {
    ++count;
    EXPECT_EQ(one.rq_total, 1000u);
  });
  EXPECT_EQ(count, 4);
}

TEST(PermitCellsTest, FitInOneCacheLine) {
  EXPECT_EQ(sizeof(PermitCells), 64u);
  EXPECT_EQ(alignof(PermitCells), 64u);
}

TEST(PermitCellsTest, InUseIsWhatIsNeitherFreeNorIdle) {
  PermitCells cells;
  EXPECT_FALSE(cells.TakeFree(0));
  cells.SetLimits({3, 0, 0, 0});
  EXPECT_EQ(cells.limit(Resource::kConnections), 3u);
  EXPECT_TRUE(cells.TakeFree(0));
  EXPECT_EQ(cells.InUse(Resource::kConnections), 1u);
  PermitCells::Stock& stock = cells.stocks.Of(0);
  EXPECT_FALSE(PermitCells::TakeIdle(stock, 0));
  stock.idle[0] = 1;
  EXPECT_EQ(cells.InUse(Resource::kConnections), 0u);
  EXPECT_TRUE(PermitCells::TakeIdle(stock, 0));
}

TEST(PermitCellsTest, ALowerLimitTakesIdlePermitsBack) {
  PermitCells cells;
  cells.SetLimits({10, 0, 0, 0});
  cells.free[0] = 4;
  PermitCells::Stock& stock = cells.stocks.Of(0);
  stock.idle[0] = 6;
  cells.SetLimits({2, 0, 0, 0});
  EXPECT_EQ(cells.free[0], 2);
  EXPECT_EQ(stock.idle[0], 0u);
  EXPECT_TRUE(stock.in_debt[0]);
}

}  // namespace
}  // namespace outrigger::proxy
