#include "proxy/stats/stats.h"

#include <atomic>
#include <thread>

#include "gtest/gtest.h"

namespace outrigger::proxy {
namespace {

TEST(StatRegistryTest, SumsOverSlabs) {
  StatRegistry registry;
  const Counter requests = registry.AddCounter("requests", "");
  const Gauge active = registry.AddGauge("active", "");
  StatSlab* a = registry.NewSlab();
  StatSlab* b = registry.NewSlab();
  ASSERT_NE(a, b);
  a->Add(requests, 3);
  b->Inc(requests);
  a->Add(active, 5);
  b->Add(active, -7);  // opened on one worker, closed on another
  EXPECT_EQ(registry.Sum(requests), 4u);
  EXPECT_EQ(registry.Sum(active).value, -2);
}

TEST(StatRegistryTest, NamesAreIdempotent) {
  StatRegistry registry;
  EXPECT_EQ(registry.AddCounter("a", "x").slot, registry.AddCounter("a", "y").slot);
  EXPECT_NE(registry.AddCounter("a", "").slot, registry.AddCounter("b", "").slot);
  EXPECT_EQ(registry.AddGauge("a", "").slot, Gauge().slot) << "it is a counter already";
  EXPECT_EQ(registry.AddHistogram("a", "").slot, Histogram().slot);
  EXPECT_EQ(registry.Scopes().size(), 2u);
}

TEST(StatRegistryTest, UnsetHandlesAreHarmless) {
  StatRegistry registry;
  const Counter requests = registry.AddCounter("requests", "");
  StatSlab* slab = registry.NewSlab();
  slab->Inc(Counter());
  slab->Add(Gauge(), -1);
  slab->Record(Histogram(), 12);
  slab->Inc(Gauge());
  slab->Record(Histogram(), 13);
  EXPECT_EQ(registry.Sum(requests), 0u);
}

TEST(StatRegistryTest, LateStatsDoNotMoveCells) {
  StatRegistry registry;
  StatSlab* slab = registry.NewSlab();
  const Counter first = registry.AddCounter("first", "");
  slab->Inc(first);
  Counter last;
  for (uint32_t i = 0; i < 3 * StatSlab::kChunkSlots; ++i) {
    last = registry.AddCounter("n" + std::to_string(i), "");
  }
  slab->Add(last, 2);
  slab->Inc(first);
  EXPECT_EQ(registry.Sum(first), 2u);
  EXPECT_EQ(registry.Sum(last), 2u);
}

TEST(StatRegistryTest, SpentSlotsGiveScratch) {
  StatRegistry registry;
  static const std::vector<StatDesc> huge(StatSlab::kMaxSlots - 3, {"n", StatKind::kCounter, ""});
  EXPECT_NE(registry.AddScope("huge.", "huge_", {}, huge), 0u);
  EXPECT_NE(registry.AddCounter("fits", "").slot, 0u);
  EXPECT_EQ(registry.AddCounter("does_not", "").slot, 0u);
  EXPECT_EQ(registry.Scopes().size(), 2u);
}

TEST(StatRegistryTest, CountsWithoutASlab) {
  StatRegistry registry;
  const Counter changes = registry.AddCounter("changes", "");
  const Gauge hosts = registry.AddGauge("hosts", "");
  EXPECT_FALSE(registry.Sum(hosts).used);
  registry.Inc(changes);
  registry.Add(changes, 2);
  registry.NewSlab()->Inc(changes);
  EXPECT_EQ(registry.Sum(changes), 4u);
  registry.Set(hosts, -7);
  EXPECT_EQ(registry.Sum(hosts).value, -7);
  registry.Set(hosts, 0);
  EXPECT_EQ(registry.Sum(hosts).value, 0);
  EXPECT_TRUE(registry.Sum(hosts).used);
}

TEST(StatRegistryTest, RetiredTotalsStay) {
  StatRegistry registry;
  const Counter requests = registry.AddCounter("requests", "");
  StatSlab* old = registry.NewSlab();
  old->Add(requests, 5);
  registry.Retire(old);
  EXPECT_EQ(registry.Sum(requests), 5u);
  StatSlab* next = registry.NewSlab();
  next->Inc(requests);
  EXPECT_EQ(next, old) << "slabs are used again";
  EXPECT_EQ(registry.Sum(requests), 6u);
}

TEST(StatRegistryTest, GaugeKnowsThatItWasUsed) {
  StatRegistry registry;
  const Gauge active = registry.AddGauge("active", "");
  StatSlab* slab = registry.NewSlab();
  EXPECT_FALSE(registry.Sum(active).used);
  slab->Inc(active);
  slab->Dec(active);
  EXPECT_TRUE(registry.Sum(active).used);
  EXPECT_EQ(registry.Sum(active).value, 0);
  slab->Set(active, -40);
  EXPECT_EQ(registry.Sum(active).value, -40);
}

TEST(StatRegistryTest, GaugeFunctionIsAsked) {
  StatRegistry registry;
  const Gauge uptime = registry.AddGauge("server.uptime", "");
  int64_t now = 7;
  registry.SetGaugeFunction(uptime, [&now] { return now; });
  EXPECT_EQ(registry.Sum(uptime).value, 7);
  now = 8;
  EXPECT_EQ(registry.Sum(uptime).value, 8);
  registry.SetGaugeFunction(uptime, nullptr);
  EXPECT_EQ(registry.Sum(uptime).value, 0);
}

TEST(HistogramScaleTest, CellsMeetWithoutGaps) {
  for (size_t cell = 0; cell < HistogramScale::kCells; ++cell) {
    const uint64_t first = HistogramScale::First(cell);
    EXPECT_EQ(HistogramScale::CellOf(first), cell);
    EXPECT_EQ(HistogramScale::CellOf(HistogramScale::First(cell + 1) - 1), cell);
    EXPECT_LE(HistogramScale::First(cell + 1) - first, std::max<uint64_t>(1, first / 16));
  }
  EXPECT_EQ(HistogramScale::CellOf(UINT64_MAX), HistogramScale::kCells - 1);
  EXPECT_EQ(HistogramScale::CellOf(HistogramScale::kMax), HistogramScale::kCells - 1);
}

TEST(HistogramTest, MergesSlabsAndReadsQuantiles) {
  StatRegistry registry;
  const Histogram time = registry.AddHistogram("time", "");
  StatSlab* a = registry.NewSlab();
  StatSlab* b = registry.NewSlab();
  EXPECT_EQ(registry.Sum(time).count, 0u);
  EXPECT_EQ(registry.Sum(time).Quantile(0.5), 0);
  for (uint64_t i = 1; i <= 1000; ++i) (i % 2 ? a : b)->Record(time, i);
  const HistogramSnapshot snapshot = registry.Sum(time);
  EXPECT_EQ(snapshot.count, 1000u);
  EXPECT_EQ(snapshot.sum, 500500u);
  EXPECT_EQ(snapshot.Quantile(0), 1);
  EXPECT_NEAR(snapshot.Quantile(0.5), 500, 500 / 16.0);
  EXPECT_NEAR(snapshot.Quantile(0.99), 990, 990 / 16.0);
  EXPECT_EQ(snapshot.CountUpTo(0.5), 0u);
  EXPECT_EQ(snapshot.CountUpTo(10), 10u);
  EXPECT_EQ(snapshot.CountUpTo(25), 25u);
  EXPECT_NEAR(static_cast<double>(snapshot.CountUpTo(500)), 500, 2);
  EXPECT_EQ(snapshot.CountUpTo(3.6e6), 1000u);
}

TEST(HistogramTest, LargeValuesCountAsTheLargest) {
  StatRegistry registry;
  const Histogram bytes = registry.AddHistogram("bytes", "");
  registry.NewSlab()->Record(bytes, uint64_t{1} << 40);
  const HistogramSnapshot snapshot = registry.Sum(bytes);
  EXPECT_EQ(snapshot.count, 1u);
  EXPECT_EQ(snapshot.sum, uint64_t{1} << 40);
  EXPECT_LE(snapshot.Quantile(1), static_cast<double>(HistogramScale::kMax));
}

// For the thread sanitizer above all: one writer a slab, a reader, a registrar.
TEST(StatRegistryTest, ReadersMeetWriters) {
  StatRegistry registry;
  const Counter requests = registry.AddCounter("requests", "");
  const Histogram time = registry.AddHistogram("time", "");
  std::atomic<int> running{2};
  auto work = [&] {
    StatSlab* slab = registry.NewSlab();
    for (uint64_t i = 0; i < 20'000; ++i) {
      slab->Inc(requests);
      slab->Record(time, i);
    }
    running.fetch_sub(1);
  };
  std::thread first(work), second(work);
  uint64_t before = 0;
  for (int i = 0; running.load() > 0; ++i) {
    registry.AddCounter("late" + std::to_string(i % 5000), "");
    const uint64_t now = registry.Sum(requests);
    EXPECT_GE(now, before);
    before = now;
    EXPECT_LE(registry.Sum(time).count, 40'000u);
  }
  first.join();
  second.join();
  EXPECT_EQ(registry.Sum(requests), 40'000u);
  EXPECT_EQ(registry.Sum(time).count, 40'000u);
}

}  // namespace
}  // namespace outrigger::proxy
