#include "scheduler/trace/flight_recorder.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>

namespace outrigger::scheduler {
namespace {

using SmallRing = EventRing<8>;  // four events that are no runs

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
  EXPECT_EQ(events[0].number, 65'535u);
  EXPECT_EQ(events[0].ticks, noted);
  EXPECT_GE(noted, before);
  EXPECT_TRUE(events[0].exact);
  EXPECT_EQ(events[1].event, FlightEvent::kRunEnd);
  EXPECT_EQ(events[1].name, nullptr);
  EXPECT_EQ(events[1].ticks, noted);
  EXPECT_EQ(recorder.words(), 5u) << "a look each, and a number that is too large for one word";
}

TEST(FlightRecorderTest, AnyKindAndAnyAddressKeepsItsBits) {
  EventRing<64> ring;
  const char* highest = Address((uint64_t{1} << 48) - 1);
  for (int kind = 0; kind < kEvents; ++kind) {
    ring.Note(static_cast<FlightEvent>(kind), highest, static_cast<uint32_t>(kind));
  }
  const std::vector<RecordedEvent> events = ring.Read();
  ASSERT_EQ(events.size(), static_cast<size_t>(kEvents));
  for (int kind = 0; kind < kEvents; ++kind) {
    EXPECT_EQ(static_cast<int>(events[static_cast<size_t>(kind)].event), kind);
    EXPECT_TRUE(events[static_cast<size_t>(kind)].name == highest);
    EXPECT_EQ(events[static_cast<size_t>(kind)].number, static_cast<uint32_t>(kind));
  }
}

TEST(FlightRecorderTest, AnyNumberKeepsItsBits) {
  EventRing<64> ring;
  const std::vector<uint32_t> numbers = {0, 1022, 1023, 5, 1024, 0xffff'ffff, 0};
  for (const uint32_t number : numbers) ring.Note(FlightEvent::kTimer, "p", number);
  ring.NoteRun("g");
  const std::vector<RecordedEvent> events = ring.Read();
  ASSERT_EQ(events.size(), numbers.size() + 1);
  for (size_t i = 0; i < numbers.size(); ++i) {
    EXPECT_EQ(events[i].number, numbers[i]);
    EXPECT_STREQ(events[i].name, "p");
    EXPECT_TRUE(events[i].exact);
  }
  EXPECT_EQ(events.back().number, 0u);
}

TEST(FlightRecorderTest, KeepsTheLastOnes) {
  SmallRing ring;
  for (const char* name : {"a", "b", "c"}) ring.Note(FlightEvent::kPark, name);
  EXPECT_EQ(Names(ring.Read()), "abc");
  // The oldest of a full ring is the next to be overwritten, perhaps right now.
  for (const char* name : {"d", "e", "f"}) ring.Note(FlightEvent::kPark, name);
  EXPECT_EQ(Names(ring.Read()), "def");
  EXPECT_EQ(ring.words(), 12u);
}

TEST(FlightRecorderTest, WhatLostItsTimeIsLeftOut) {
  SmallRing ring;
  ring.Note(FlightEvent::kPark, "a");
  for (const char* name : {"b", "c", "d"}) ring.NoteRun(name);
  EXPECT_EQ(Names(ring.Read()), "abcd");
  // Six words from here: of the first look and "a" nothing is left, and what is left of the runs
  // does not know when it was.
  for (const char* name : {"e", "f"}) ring.Note(FlightEvent::kSteal, name, 1023);
  EXPECT_EQ(Names(ring.Read()), "ef");
  // Three more: "e" has lost its look and its number.
  ring.Note(FlightEvent::kSteal, "g", 1023);
  EXPECT_EQ(Names(ring.Read()), "fg");
}

TEST(FlightRecorderTest, KnowsTheUpperBitsOfATimeAgain) {
  SmallRing ring;
  const uint64_t now = ReadTicks();
  const uint64_t long_ago = now - (uint64_t{1} << 56);  // wraps what is kept of a time
  const uint64_t ahead = now + (uint64_t{1} << 40);     // of another CPU
  ring.NoteAt(long_ago, FlightEvent::kPark);
  ring.NoteAt(ahead, FlightEvent::kPark);
  const std::vector<RecordedEvent> events = ring.Read();
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].ticks, long_ago);
  EXPECT_EQ(events[1].ticks, ahead);
}

TEST(FlightRecorderTest, OneWordInSixteenLooksAtTheClock) {
  FlightRecorder recorder;
  for (int i = 0; i < 45; ++i) recorder.NoteRun("g");
  const std::vector<RecordedEvent> events = recorder.Read();
  ASSERT_EQ(events.size(), 45u);
  for (size_t i = 0; i < events.size(); ++i) {
    EXPECT_EQ(events[i].exact, i % 15 == 0) << i;
    EXPECT_EQ(events[i].ticks, events[i / 15 * 15].ticks) << i;
    EXPECT_EQ(events[i].event, FlightEvent::kRun);
  }
  EXPECT_LT(events[0].ticks, events[15].ticks);
  EXPECT_EQ(recorder.words(), 48u);
}

TEST(FlightRecorderTest, EachRunLooksIfAsked) {
  FlightRecorder recorder;
  recorder.LookEvery(1);
  for (int i = 0; i < 16; ++i) recorder.NoteRun("g");
  const std::vector<RecordedEvent> events = recorder.Read();
  EXPECT_EQ(events.size(), 16u);
  for (const RecordedEvent& event : events) EXPECT_TRUE(event.exact);
}

TEST(FlightRecorderTest, ARunThatDoesNotLookTakesTheLatestKnownTime) {
  FlightRecorder recorder;
  recorder.NoteRun("g");
  const uint64_t noted = recorder.Note(FlightEvent::kPoll);
  recorder.NoteRun("after the poll");
  const std::vector<RecordedEvent> events = recorder.Read();
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(events[2].ticks, noted);
  EXPECT_FALSE(events[2].exact);
}

TEST(FlightRecorderTest, TheFirstRunAfterARoundOfSysmonLooks) {
  FlightRecorder recorder;
  recorder.NoteRun("g");
  RefreshCoarseTicks();
  recorder.NoteRun("after a round");
  recorder.NoteRun("and another run");
  const std::vector<RecordedEvent> events = recorder.Read();
  ASSERT_EQ(events.size(), 3u);
  EXPECT_TRUE(events[1].exact);
  EXPECT_GE(events[1].ticks, coarse_ticks.load());
  EXPECT_FALSE(events[2].exact);
  coarse_ticks.store(0);
}

// What the writer of the next test notes, in turn; each word says i. Every second is a run, and of
// the others half have a number that needs a word of its own.
constexpr uint64_t kNumbers = 2'000;
bool IsRun(uint64_t i) { return i % 2 == 1; }
FlightEvent KindOf(uint64_t i) {
  return IsRun(i) ? FlightEvent::kRun : static_cast<FlightEvent>(i / 2 % kEvents);
}
uint32_t NumberOf(uint64_t i) { return IsRun(i) ? 0 : static_cast<uint32_t>(i % kNumbers); }

bool IsWhole(const RecordedEvent& event, uint64_t i, uint64_t start) {
  if (event.event != KindOf(i) || event.number != NumberOf(i)) return false;
  if (IsRun(i)) return event.exact || event.ticks == start + i - 1;
  return event.exact && event.ticks == start + i;
}

// None that is made of two events, or out of its turn, gets out.
TEST(FlightRecorderTest, ReaderNeverSeesAHalfWrittenEvent) {
  constexpr int kLooks = 100'000;
  EventRing<16> ring;
  std::atomic<bool> stop = false;
  const uint64_t start = ReadTicks();
  std::thread writer([&] {
    for (uint64_t i = 1; !stop.load(std::memory_order_relaxed); ++i) {
      if (IsRun(i)) {
        ring.NoteRun(Address(i));
      } else {
        ring.NoteAt(start + i, KindOf(i), Address(i), NumberOf(i));
      }
    }
  });
  while (ring.words() < 16) std::this_thread::yield();
  int broken = 0;
  size_t seen = 0;
  for (int look = 0; look < kLooks; ++look) {
    const std::vector<RecordedEvent> events = ring.Read();
    seen += events.size();
    for (size_t k = 0; k < events.size(); ++k) {
      const uint64_t i = reinterpret_cast<uint64_t>(events[k].name);
      const bool in_turn = i == reinterpret_cast<uint64_t>(events[0].name) + k;
      if (!in_turn || !IsWhole(events[k], i, start)) ++broken;
    }
  }
  stop.store(true);
  writer.join();
  EXPECT_EQ(broken, 0);
  EXPECT_GT(seen, 0u);
  EXPECT_GE(ring.Read().size(), 6u);
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
  EXPECT_EQ(recorder.ring().words() / 2 + recorder.lost(), uint64_t{2} * kNotes);
  for (const RecordedEvent& event : recorder.ring().Read()) {
    ASSERT_EQ(event.event, FlightEvent::kSetBack);
    ASSERT_STREQ(event.name, "m");
    ASSERT_EQ(event.number, 7u);
  }
}

}  // namespace
}  // namespace outrigger::scheduler
