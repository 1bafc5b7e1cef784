// flight_recorder.h: what a P did last: a ring of small events, always on, so that the moments
// before somebody looked are there. Flow: the loop, RunG and whoever holds the P note -> a reader
// copies while they go on -> chrome_trace.h makes a picture of it.
// Knows no P and no pool: who holds what is its owner's business.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <vector>

#include "scheduler/sync/sync_lock.h"
#include "scheduler/trace/tick_clock.h"

namespace outrigger::scheduler {

// One of them is what an event is. `name` and `number` are those of Note().
enum class FlightEvent : uint8_t {
  // What the loop of a P does between two Gs. Each of them ends the run before it, so that a switch
  // from one G to the next needs one event and one look at the clock.
  kRun,      // a G starts or goes on. name: the G's. NoteRun() is the way to say it
  kRunEnd,   // nothing follows at once. name: null
  kPoll,     // looks for ready descriptors, without waiting
  kSteal,    // took Gs. number: the P that had them
  kPark,     // goes to sleep. number: 1 if in the poll
  kHandOff,  // the P has come to another M. name: the G's that the old one runs on. number: new M

  // What may come at any time, also inside a run.
  kWake,           // woke a sleeping P. number: its id
  kTimer,          // timers fired. number: how many
  kAsk,            // sysmon asks for a P that overruns. name: of its G. number: the P
  kHandOffUndone,  // and the M has kept it. number: the P
  kSetBack,        // an M without P was set back in the kernel's eyes. number: the M
  kCameHome,       // a G is on a P again. name: the G's. number: the M that it left
  kMachineStart,   // number: the M
  kMachineEnd,     // number: the M
  kResize,         // number: how many Ps there are now
  kRelief,         // the relief P was given to an M. number: the M
};
inline constexpr int kEvents = static_cast<int>(FlightEvent::kRelief) + 1;

// An event as a reader sees it.
struct RecordedEvent {
  uint64_t ticks;
  FlightEvent event;
  // False: nobody looked at the clock. It came after `ticks`, and before the next one that is
  // exact.
  bool exact;
  uint32_t number;
  const char* name;  // may be null
};

// The last events of one P, in words. A run is one word, its G's name, since there are as many as
// switches and a switch takes 20 ns: noting it is 14 instructions, plain moves on x86. A look at
// the clock takes as long as half a switch, or two on a virtual machine: it is a word of its own,
// and comes before each event but a run, before a run when it is due (kLookEvery), and before the
// first run after each round of sysmon (coarse_ticks). So a run that is longer than such a round
// shows as such.
//
// Runs on: who holds the P writes; any reads. Owner: Processor. Thread-safety: one writer at a
// time, where a new one has seen what the last wrote (the P's own word sees to that); readers any.
template <uint32_t kCapacity = 1024>  // words; a parameter so that tests reach its edges with 8
class EventRing {
 public:
  static constexpr uint32_t kLookEvery = 16;

  // A G starts or goes on. `name` is static text: it is read whenever somebody looks at the ring.
  void NoteRun(const char* name) {
    uint64_t words = words_.load(std::memory_order_relaxed);  // only we write it
    if (coarse_ticks.load(std::memory_order_relaxed) != coarse_seen_ ||
        (words & look_mask_.load(std::memory_order_relaxed)) == 0) [[unlikely]] {
      words = Look(words);
    }
    Write(words, NameWord(name));
  }
  // Anything else. Returns the time it noted, so that who needs it need not look again.
  [[gnu::noinline]] uint64_t Note(FlightEvent event, const char* name = nullptr,
                                  uint32_t number = 0) {
    const uint64_t ticks = ReadTicks();
    NoteAt(ticks, event, name, number);
    return ticks;
  }
  // For whoever has just looked at the clock.
  void NoteAt(uint64_t ticks, FlightEvent event, const char* name = nullptr, uint32_t number = 0) {
    uint64_t words = words_.load(std::memory_order_relaxed);
    words = Write(words, ticks << kKindBits | kClock);
    if (number >= kInNumberWord) {
      words = Write(words, uint64_t{number} << kKindBits | kNumber);
      number = kInNumberWord;
    }
    Write(words, NameWord(name) | number << kKindBits | static_cast<uint64_t>(event));
  }

  // Any thread: of how many words one at least is a look at the clock; a power of two. 1 while
  // somebody wants all runs exact and pays for it.
  void LookEvery(uint32_t n) { look_mask_.store(n - 1, std::memory_order_relaxed); }

  // Any thread: those that were whole for the time of the look, oldest first: all but what is
  // overwritten meanwhile, and the oldest, which may be about to be, with the runs after it that
  // had their time from there.
  std::vector<RecordedEvent> Read() const;

  // Words written so far: one a run, one a look, and one or two for anything else. A figure.
  uint64_t words() const { return words_.load(std::memory_order_relaxed); }

 private:
  // From the lowest bit: the kind, which is an event or one of two others, then
  //   of an event: the number, then the name; of an address the upper 16 bits are 0 in a program;
  //   kClock:      the ticks of what follows; the upper bits are cut off, and Read() adds them;
  //   kNumber:     that of the event that follows, where it has no room for it.
  static constexpr int kKindBits = 6, kNameShift = 16;
  static constexpr uint64_t kClock = 62, kNumber = 63, kKindMask = 63;
  static constexpr uint32_t kInNumberWord = (1 << (kNameShift - kKindBits)) - 1;
  static_assert((kCapacity & (kCapacity - 1)) == 0);
  static_assert(kEvents <= kClock);
  static_assert(static_cast<int>(FlightEvent::kRun) == 0);  // its word is the name alone

  static uint64_t NameWord(const char* name) {
    return reinterpret_cast<uint64_t>(name) << kNameShift;
  }

  // Returns how many there are then.
  uint64_t Write(uint64_t words, uint64_t word) {
    // release pairs with Read(): who sees this word sees that `words` were there before, and so
    // that its place was about to be written.
    ring_[words & (kCapacity - 1)].store(word, std::memory_order_release);
    // release: who sees the new count sees the word.
    words_.store(words + 1, std::memory_order_release);
    return words + 1;
  }

  [[gnu::noinline]] uint64_t Look(uint64_t words) {
    coarse_seen_ = coarse_ticks.load(std::memory_order_relaxed);
    return Write(words, ReadTicks() << kKindBits | kClock);
  }

  alignas(64) std::atomic<uint64_t> words_{0};
  std::atomic<uint64_t> look_mask_{kLookEvery - 1};
  uint64_t coarse_seen_ = 0;  // the writer's
  std::array<std::atomic<uint64_t>, kCapacity> ring_{};
};

template <uint32_t kCapacity>
std::vector<RecordedEvent> EventRing<kCapacity>::Read() const {
  // acquire pairs with the last store of Write().
  const uint64_t end = words_.load(std::memory_order_acquire);
  const uint64_t begin = end < kCapacity ? 0 : end - kCapacity;
  std::vector<uint64_t> copy;
  copy.reserve(end - begin);
  for (uint64_t i = begin; i < end; ++i) {
    // acquire pairs with the first store of Write(): if a word is of a later round, the count below
    // is no older than that word.
    copy.push_back(ring_[i % kCapacity].load(std::memory_order_acquire));
  }
  const uint64_t words = words_.load(std::memory_order_relaxed);
  // Word `words` may be there, uncounted: it goes over `words - kCapacity`.
  const uint64_t whole = words < kCapacity ? 0 : words - kCapacity + 1;
  const uint64_t now = ReadTicks();
  std::vector<RecordedEvent> events;
  uint64_t ticks = 0;
  uint32_t number = 0;
  bool known = false, exact = false;
  for (uint64_t i = std::max(begin, whole); i < end; ++i) {
    const uint64_t word = copy[i - begin];
    const uint64_t kind = word & kKindMask;
    if (kind == kClock) {
      // What was cut off comes from now: no event is older than the 2^57 ticks that are left, a
      // year and more. Signed: it may be of another CPU and a little ahead of ours.
      const int64_t age = static_cast<int64_t>((now << kKindBits) - (word & ~kKindMask));
      ticks = now - static_cast<uint64_t>(age >> kKindBits);
      known = exact = true;
    } else if (kind == kNumber) {
      number = static_cast<uint32_t>(word >> kKindBits);
    } else if (known) {  // else the word with its time is gone
      const uint32_t own = word >> kKindBits & kInNumberWord;
      const auto* name = reinterpret_cast<const char*>(word >> kNameShift);  // NOLINT: it was one
      events.push_back({ticks, static_cast<FlightEvent>(kind), exact,
                        own == kInNumberWord ? number : own, name});
      exact = false;
    }
  }
  return events;
}

using FlightRecorder = EventRing<>;  // 8 KiB

// For threads that hold no P: sysmon, Ms without, threads of others. What they note is rare.
//
// Runs on: any. Owner: Pool. Thread-safety: any.
class SharedRecorder {
 public:
  // Never waits for a thread that is not running: then the event is lost, and counted.
  void Note(FlightEvent event, const char* name = nullptr, uint32_t number = 0) {
    for (int spins = 0; spins < kSpins; ++spins) {
      // acquire pairs with the release below: one writer after the other.
      if (!busy_.exchange(true, std::memory_order_acquire)) {
        ring_.Note(event, name, number);
        busy_.store(false, std::memory_order_release);
        return;
      }
      SpinPause();
    }
    lost_.fetch_add(1, std::memory_order_relaxed);
  }

  const FlightRecorder& ring() const { return ring_; }
  uint64_t lost() const { return lost_.load(std::memory_order_relaxed); }

 private:
  static constexpr int kSpins = 100;  // many times what a note takes

  std::atomic<bool> busy_{false};
  std::atomic<uint64_t> lost_{0};
  FlightRecorder ring_;
};

}  // namespace outrigger::scheduler
