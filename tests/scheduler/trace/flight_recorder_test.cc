#include "scheduler/trace/flight_recorder.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>

namespace outrigger::scheduler {
namespace {

using SmallRing = EventRing<4>;

// A name that nobody reads.
const char* Address(uint64_t n) { return reinterpret_cast<const char*>(n); }  // NOLINT: see above

std::string Names(const std::vector<RecordedEvent>& events) {
  std::string names;
  for (const RecordedEvent& event : events) names += event.name;
  return names;
}

TEST(FlightRecorderTest, GivesBackWhatWasNoted) {
  FlightRecorder recorder;
  EXPECT_TRUE(recorder.Read().empty());
  const uint64_t before = ReadTicks();
  const uint64_t noted = recorder.Note(FlightEvent::kSteal, "thief", 65'535);
  recorder.NoteAt(noted, FlightEvent::kRunEnd);
  const std::vector<RecordedEvent> events = recorder.Read();
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].event, FlightEvent::kSteal);
  EXPECT_STREQ(events[0].name, "thief");
  EXPECT_EQ(events[0].number, 65'535);
  EXPECT_EQ(events[0].ticks, noted);
  EXPECT_GE(noted, before);
  EXPECT_TRUE(events[0].exact);
  EXPECT_EQ(events[1].event, FlightEvent::kRunEnd);
  EXPECT_EQ(events[1].name, nullptr);
  EXPECT_EQ(events[1].ticks, noted);
  EXPECT_EQ(recorder.count(), 2u);
}

TEST(FlightRecorderTest, AnyKindAndAnyAddressKeepsItsBits) {
  EventRing<64> ring;
  const char* highest = Address((uint64_t{1} << 47) - 1);
  for (int kind = 0; kind < kEvents; ++kind) {
    ring.Note(static_cast<FlightEvent>(kind), highest, static_cast<uint32_t>(kind));
  }
  const std::vector<RecordedEvent> events = ring.Read();
  ASSERT_EQ(events.size(), static_cast<size_t>(kEvents));
  for (int kind = 0; kind < kEvents; ++kind) {
    EXPECT_EQ(static_cast<int>(events[static_cast<size_t>(kind)].event), kind);
    EXPECT_TRUE(events[static_cast<size_t>(kind)].name == highest);
    EXPECT_EQ(events[static_cast<size_t>(kind)].number, kind);
  }
}

TEST(FlightRecorderTest, KeepsTheLastOnes) {
  SmallRing ring;
  for (const char* name : {"a", "b", "c"}) ring.Note(FlightEvent::kPark, name);
  EXPECT_EQ(Names(ring.Read()), "abc");
  // The oldest of a full ring is the next to be overwritten, perhaps right now.
  for (const char* name : {"d", "e", "f"}) ring.Note(FlightEvent::kPark, name);
  EXPECT_EQ(Names(ring.Read()), "def");
  EXPECT_EQ(ring.count(), 6u);
}

TEST(FlightRecorderTest, KnowsTheUpperBitsOfATimeAgain) {
  SmallRing ring;
  const uint64_t now = ReadTicks();
  const uint64_t long_ago = now - (uint64_t{1} << 54);  // wraps what is kept of a time
  const uint64_t ahead = now + (uint64_t{1} << 40);     // of another CPU
  ring.NoteAt(long_ago, FlightEvent::kPark);
  ring.NoteAt(ahead, FlightEvent::kPark);
  const std::vector<RecordedEvent> events = ring.Read();
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].ticks, long_ago);
  EXPECT_EQ(events[1].ticks, ahead);
}

TEST(FlightRecorderTest, OneRunInEightLooksAtTheClock) {
  FlightRecorder recorder;
  for (int i = 0; i < 16; ++i) recorder.NoteRun("g");
  const std::vector<RecordedEvent> events = recorder.Read();
  ASSERT_EQ(events.size(), 16u);
  for (size_t i = 0; i < events.size(); ++i) {
    EXPECT_EQ(events[i].exact, i % 8 == 0) << i;
    EXPECT_EQ(events[i].ticks, events[i / 8 * 8].ticks) << i;
    EXPECT_EQ(events[i].event, FlightEvent::kRun);
  }
  EXPECT_LT(events[0].ticks, events[8].ticks);
}

TEST(FlightRecorderTest, EachRunLooksIfAsked) {
  FlightRecorder recorder;
  recorder.LookEvery(1);
  for (int i = 0; i < 16; ++i) recorder.NoteRun("g");
  for (const RecordedEvent& event : recorder.Read()) EXPECT_TRUE(event.exact);
}

TEST(FlightRecorderTest, ARunThatDoesNotLookTakesTheLatestKnownTime) {
  FlightRecorder recorder;
  recorder.NoteRun("g");
  RefreshCoarseTicks();
  const uint64_t coarse = coarse_ticks.load();
  recorder.NoteRun("after a round of sysmon");
  const uint64_t noted = recorder.Note(FlightEvent::kPoll);
  recorder.NoteRun("after the poll");
  coarse_ticks.store(0);
  const std::vector<RecordedEvent> events = recorder.Read();
  EXPECT_EQ(events[1].ticks, coarse);
  EXPECT_EQ(events[3].ticks, noted);
  EXPECT_FALSE(events[3].exact);
}

// Each word of event `i` says i: none that is made of two events, or out of its turn, gets out.
TEST(FlightRecorderTest, ReaderNeverSeesAHalfWrittenEvent) {
  constexpr int kLooks = 100'000;
  EventRing<8> ring;
  std::atomic<bool> stop = false;
  const uint64_t start = ReadTicks();
  std::thread writer([&] {
    for (uint64_t i = 1; !stop.load(std::memory_order_relaxed); ++i) {
      ring.NoteAt(start + i, static_cast<FlightEvent>(i % kEvents), Address(i),
                  static_cast<uint32_t>(i));
    }
  });
  while (ring.count() < 8) std::this_thread::yield();
  int broken = 0;
  for (int look = 0; look < kLooks; ++look) {
    const std::vector<RecordedEvent> events = ring.Read();
    for (size_t k = 0; k < events.size(); ++k) {
      const uint64_t i = events[k].ticks - start;
      const bool whole = reinterpret_cast<uint64_t>(events[k].name) == i &&
                         events[k].number == (i & 0xffff) &&
                         static_cast<uint64_t>(events[k].event) == i % kEvents;
      const bool in_turn = events[k].ticks - k == events[0].ticks;
      if (!whole || !in_turn) ++broken;
    }
  }
  stop.store(true);
  writer.join();
  EXPECT_EQ(broken, 0);
  EXPECT_EQ(ring.Read().size(), 7u);
}

// The next writer has seen what the last one wrote: here the join of its thread sees to that.
TEST(FlightRecorderTest, WritersMayFollowOneAnother) {
  FlightRecorder recorder;
  std::thread([&] { recorder.Note(FlightEvent::kPark, "first"); }).join();
  std::thread([&] { recorder.Note(FlightEvent::kHandOff, "second"); }).join();
  EXPECT_EQ(Names(recorder.Read()), "firstsecond");
}

TEST(SharedRecorderTest, ManyWritersLoseNothingButWhatTheyCount) {
  constexpr int kNotes = 100'000;
  SharedRecorder recorder;
  std::atomic<int> there = 0;
  const auto write = [&] {
    ++there;
    while (there.load() < 2) std::this_thread::yield();
    for (int i = 0; i < kNotes; ++i) recorder.Note(FlightEvent::kSetBack, "m", 7);
  };
  std::thread other(write);
  write();
  other.join();
  EXPECT_EQ(recorder.ring().count() + recorder.lost(), uint64_t{2} * kNotes);
  for (const RecordedEvent& event : recorder.ring().Read()) {
    ASSERT_EQ(event.event, FlightEvent::kSetBack);
    ASSERT_STREQ(event.name, "m");
    ASSERT_EQ(event.number, 7);
  }
}

}  // namespace
}  // namespace outrigger::scheduler
