#include "scheduler/trace/tick_clock.h"

#include <gtest/gtest.h>

namespace outrigger::scheduler {
namespace {

// Until the clock has moved by so much.
void Spin(Nanos duration) {
  const Nanos end = MonotonicNow() + duration;
  while (MonotonicNow() < end) {
  }
}

TEST(TickClockTest, ReadsTheSameMomentOnBothClocks) {
  const TickPair first = ReadTickPair();
  Spin(2 * kMillisecond);
  const Nanos before = MonotonicNow();
  const uint64_t ticks = ReadTicks();
  const Nanos after = MonotonicNow();
  const TickScale scale(first, ReadTickPair());
  // The error of a pair, unless each try at one was interrupted.
  EXPECT_GE(scale.At(ticks), before - 100'000);
  EXPECT_LE(scale.At(ticks), after + 100'000);
}

TEST(TickScaleTest, IsTheLineThroughItsPairs) {
  const TickScale scale({1'000, 5'000}, {4'000, 6'000});  // three ticks a nanosecond
  EXPECT_EQ(scale.At(1'000), 5'000);
  EXPECT_EQ(scale.At(2'500), 5'500);
  EXPECT_EQ(scale.At(4'000), 6'000);
  EXPECT_EQ(scale.At(7'000), 7'000) << "beyond the last";
  EXPECT_EQ(scale.At(400), 4'800) << "before the first";
}

TEST(TickScaleTest, KeepsNanosecondsAfterALongTime) {
  const uint64_t year = uint64_t{365} * 86'400 * 1'000'000'000;
  const TickScale scale({0, 0}, {3 * year, static_cast<Nanos>(year)});
  EXPECT_EQ(scale.At(3 * year - 303), static_cast<Nanos>(year) - 101);
}

TEST(TickScaleTest, DoesNotDivideByNothing) {
  const TickScale scale({1'000, 5'000}, {1'000, 5'000});
  EXPECT_EQ(scale.At(1'000), 5'000);
  EXPECT_EQ(scale.At(1'010), 5'010);
}

TEST(TickClockTest, FirstPairStays) {
  const TickPair& first = FirstTickPair();
  const uint64_t ticks = first.ticks;
  Spin(1'000);
  EXPECT_EQ(FirstTickPair().ticks, ticks);
  EXPECT_LE(ticks, ReadTicks());
}

}  // namespace
}  // namespace outrigger::scheduler
