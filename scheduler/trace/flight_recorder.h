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
  uint16_t number;
  const char* name;  // may be null
};

// The last events of one P. Two words an event; a writer stores them and the count, all plain moves
// on x86. That takes 2 ns, and a look at the clock several times as much: so of the runs, which are
// as many as there are switches, only each eighth looks. The others take the last known time, of
// this P or of sysmon (coarse_ticks): a run that is longer than a round of sysmon shows as such.
//
// Runs on: who holds the P writes; any reads. Owner: Processor. Thread-safety: one writer at a
// time, where a new one has seen what the last wrote (the P's own word sees to that); readers any.
template <uint32_t kCapacity = 1024>  // a parameter so that tests reach its edges with 4
class EventRing {
 public:
  static constexpr uint32_t kLookEvery = 8;

  // A G starts or goes on. `name` is static text: it is read whenever somebody looks at the ring.
  void NoteRun(const char* name) {
    const uint64_t count = count_.load(std::memory_order_relaxed);
    if ((count & look_mask_.load(std::memory_order_relaxed)) == 0) {
      Note(FlightEvent::kRun, name);
    } else {
      last_ticks_ = std::max(last_ticks_, coarse_ticks.load(std::memory_order_relaxed));
      Write(last_ticks_ << 8 | kInexact | static_cast<uint64_t>(FlightEvent::kRun), name, 0);
    }
  }
  // Anything else. Returns the time it noted, so that who needs it need not look again.
  uint64_t Note(FlightEvent event, const char* name = nullptr, uint32_t number = 0) {
    const uint64_t ticks = ReadTicks();
    NoteAt(ticks, event, name, number);
    return ticks;
  }
  // For whoever has just looked at the clock.
  void NoteAt(uint64_t ticks, FlightEvent event, const char* name = nullptr, uint32_t number = 0) {
    last_ticks_ = ticks;
    Write(ticks << 8 | static_cast<uint64_t>(event), name, number);
  }

  // Any thread: of how many runs one looks at the clock; a power of two. 1 while somebody wants
  // them exact and pays for it.
  void LookEvery(uint32_t n) { look_mask_.store(n - 1, std::memory_order_relaxed); }

  // Any thread: those that were whole for the time of the look, oldest first: all but what is
  // overwritten meanwhile, and the oldest, which may be about to be.
  std::vector<RecordedEvent> Read() const;

  // Events noted so far. A figure.
  uint64_t count() const { return count_.load(std::memory_order_relaxed); }

 private:
  static_assert((kCapacity & (kCapacity - 1)) == 0);
  static_assert(kEvents <= 128);
  static constexpr uint64_t kInexact = 128;
  // Both halves are cut: of the time the upper 8 bits, which Read() knows again; of the address
  // the upper 16, which are 0 in every address of a program.
  struct Slot {
    std::atomic<uint64_t> when{0};  // ticks << 8 | kInexact | event
    std::atomic<uint64_t> what{0};  // name << 16 | number
  };

  void Write(uint64_t when, const char* name, uint32_t number) {
    const uint64_t count = count_.load(std::memory_order_relaxed);  // only we write it
    Slot& slot = slots_[count % kCapacity];
    // release pairs with Read(): who sees one of these words sees that `count` events were there
    // before, and so that this slot was about to be written.
    slot.when.store(when, std::memory_order_release);
    slot.what.store(reinterpret_cast<uint64_t>(name) << 16 | (number & 0xffff),
                    std::memory_order_release);
    // release: who sees the new count sees the words.
    count_.store(count + 1, std::memory_order_release);
  }

  std::atomic<uint64_t> count_{0};
  std::atomic<uint64_t> look_mask_{kLookEvery - 1};
  uint64_t last_ticks_ = 0;  // the writer's
  alignas(64) std::array<Slot, kCapacity> slots_{};
};

template <uint32_t kCapacity>
std::vector<RecordedEvent> EventRing<kCapacity>::Read() const {
  // acquire pairs with the last store of NoteAt().
  const uint64_t end = count_.load(std::memory_order_acquire);
  const uint64_t begin = end < kCapacity ? 0 : end - kCapacity;
  struct Words {
    uint64_t when, what;
  };
  std::vector<Words> words;
  words.reserve(end - begin);
  for (uint64_t i = begin; i < end; ++i) {
    const Slot& slot = slots_[i % kCapacity];
    // acquire pairs with the stores of NoteAt(): if a word is of a later round, the count below is
    // no older than that round's event.
    words.push_back(
        {slot.when.load(std::memory_order_acquire), slot.what.load(std::memory_order_acquire)});
  }
  const uint64_t count = count_.load(std::memory_order_relaxed);
  // Event `count` may be half written: it goes over `count - kCapacity`.
  const uint64_t whole = count < kCapacity ? 0 : count - kCapacity + 1;
  const uint64_t now = ReadTicks();
  std::vector<RecordedEvent> events;
  for (uint64_t i = std::max(begin, whole); i < end; ++i) {
    const auto [when, what] = words[i - begin];
    // What was cut off comes from now: no event is older than the 2^55 ticks that are left, four
    // months and more. Signed: it may be of another CPU and a little ahead of ours.
    const int64_t age =
        static_cast<int64_t>(now << 8) - static_cast<int64_t>(when & ~uint64_t{255});
    const auto* name = reinterpret_cast<const char*>(what >> 16);  // NOLINT: it was one
    events.push_back({now - static_cast<uint64_t>(age >> 8), static_cast<FlightEvent>(when & 127),
                      (when & kInexact) == 0, static_cast<uint16_t>(what), name});
  }
  return events;
}

using FlightRecorder = EventRing<>;  // 16 KiB

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
