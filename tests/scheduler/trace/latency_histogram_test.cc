#include "scheduler/trace/latency_histogram.h"

#include <gtest/gtest.h>

#include <limits>
#include <thread>
#include <type_traits>

namespace outrigger::scheduler {
namespace {

constexpr Nanos kLongest = std::numeric_limits<Nanos>::max();

LatencySnapshot Of(const LatencyHistogram& histogram) {
  LatencySnapshot snapshot;
  snapshot.Add(histogram);
  return snapshot;
}

TEST(LatencyRangesTest, TheyFollowOneAnotherWithoutAGap) {
  for (size_t range = 0; range < LatencyRanges::kCount; ++range) {
    const Nanos longest = LatencyRanges::LongestIn(range);
    ASSERT_EQ(LatencyRanges::Of(longest), range);
    ASSERT_EQ(LatencyRanges::Of(longest + 1), std::min(range + 1, LatencyRanges::kCount - 1));
  }
  EXPECT_EQ(LatencyRanges::LongestIn(LatencyRanges::kCount - 1), (Nanos{1} << 40) - 1);
}

TEST(LatencyRangesTest, AreAQuarterWideAtMost) {
  for (size_t range = 4; range < LatencyRanges::kCount; ++range) {
    const Nanos shortest = LatencyRanges::LongestIn(range - 1) + 1;
    ASSERT_LE(LatencyRanges::LongestIn(range) - shortest + 1, (shortest + 3) / 4) << range;
  }
}

TEST(LatencyRangesTest, TakeAnything) {
  EXPECT_EQ(LatencyRanges::Of(0), 0u);
  EXPECT_EQ(LatencyRanges::Of(-5), 0u);
  EXPECT_EQ(LatencyRanges::Of(kLongest), LatencyRanges::kCount - 1);
}

TEST(LatencyHistogramTest, QuantilesAreNoShorterAndAQuarterLongerAtMost) {
  LatencyHistogram histogram;
  for (Nanos latency = 1; latency <= 1'000; ++latency) histogram.Record(latency * 1'000);
  const LatencySnapshot snapshot = Of(histogram);
  EXPECT_EQ(snapshot.Count(), 1'000u);
  EXPECT_EQ(snapshot.sum, uint64_t{500'500'000});
  for (const double q : {0.001, 0.01, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    const double exact = q * 1'000'000;
    EXPECT_GE(static_cast<double>(snapshot.Quantile(q)), exact - 1) << q;
    EXPECT_LE(static_cast<double>(snapshot.Quantile(q)), exact * 1.25) << q;
  }
}

TEST(LatencyHistogramTest, QuantileOfNothingAndOfOne) {
  LatencyHistogram histogram;
  EXPECT_EQ(Of(histogram).Quantile(0.5), 0);
  histogram.Record(3);
  for (const double q : {-1.0, 0.0, 0.5, 1.0, 2.0}) EXPECT_EQ(Of(histogram).Quantile(q), 3) << q;
}

TEST(LatencyHistogramTest, TheRareOneIsTheMaximumAlone) {
  LatencyHistogram histogram;
  for (int i = 0; i < 99; ++i) histogram.Record(2);
  histogram.Record(kSecond);
  EXPECT_EQ(Of(histogram).Quantile(0.99), 2);
  EXPECT_GE(Of(histogram).Quantile(0.991), kSecond);
}

TEST(LatencyHistogramTest, ASnapshotIsTheSumOfAllPs) {
  LatencyHistogram p0, p1;
  p0.Record(1);
  p1.Record(1);
  p1.Record(-1);
  LatencySnapshot snapshot = Of(p0);
  snapshot.Add(p1);
  EXPECT_EQ(snapshot.counts[1], 2u);
  EXPECT_EQ(snapshot.counts[0], 1u);
  EXPECT_EQ(snapshot.sum, 2u);
}

TEST(LatencyHistogramTest, MayBeReadWhileItsWriterGoesOn) {
  constexpr uint64_t kRecords = 100'000;
  LatencyHistogram histogram;
  std::thread writer([&] {
    for (uint64_t i = 0; i < kRecords; ++i) histogram.Record(1'000);
  });
  uint64_t before = 0;
  while (before < kRecords) {
    const uint64_t now = Of(histogram).Count();
    ASSERT_GE(now, before);
    before = now;
  }
  writer.join();
  EXPECT_EQ(Of(histogram).Count(), kRecords);
}

TEST(ReadySamplerTest, MarksOneWakeInSoMany) {
  static_assert(std::is_trivially_destructible_v<ReadySampler>);
  ReadySampler sampler;
  int marked = 0;
  for (int i = 0; i < static_cast<int>(ReadySampler::kEvery) * 10; ++i) {
    Nanos ready_at = 0;
    sampler.MarkReady(ready_at);
    if (ready_at != 0) {
      ++marked;
      EXPECT_EQ(i % static_cast<int>(ReadySampler::kEvery), 0);
    }
  }
  EXPECT_EQ(marked, 10);
}

TEST(ReadySamplerTest, FromMarkToRunIsTheLatency) {
  LatencyHistogram histogram;
  ReadySampler sampler;
  Nanos ready_at = 0;
  const Nanos before = MonotonicNow();
  sampler.MarkReady(ready_at);
  EXPECT_GE(ready_at, before);
  while (MonotonicNow() - ready_at < 100'000) {
  }
  NoteRunning(histogram, ready_at);
  EXPECT_EQ(ready_at, 0);
  EXPECT_EQ(Of(histogram).Count(), 1u);
  EXPECT_GE(Of(histogram).sum, 100'000u);
  EXPECT_LE(Of(histogram).sum, static_cast<uint64_t>(MonotonicNow() - before));
  NoteRunning(histogram, ready_at);
  EXPECT_EQ(Of(histogram).Count(), 1u) << "it was not marked again";
}

}  // namespace
}  // namespace outrigger::scheduler
