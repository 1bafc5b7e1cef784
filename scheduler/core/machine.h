// machine.h: an M is an OS thread that runs Gs. This is its trampoline: every switch between
// coroutines goes back to RunG's loop, so the stack never grows (symmetric transfer overflows it in
// builds without tail calls: g++ 12 at -O0 and under sanitizers). And its cell: what an M of a
// stealing pool shows of itself, so that its P can be taken from it.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <coroutine>
#include <cstdint>
#include <thread>

#include "scheduler/core/possession.h"
#include "scheduler/trace/latency_histogram.h"

namespace outrigger::scheduler {

struct G;
class Processor;
struct MachineCell;

// The running thread's own state. Trivial, so that reading it is one instruction.
// Runs on: each thread sees its own.
struct Machine {
  // Null on an M of a stealing pool that has lost its P: it runs its G to the next wait, as any
  // thread that has none would.
  Processor* p = nullptr;
  G* g = nullptr;
  std::coroutine_handle<> next;      // what the trampoline resumes next
  std::coroutine_handle<> finished;  // root frame to destroy once its resume() has returned
  bool panicked = false;             // the finished root ended by an exception
  MachineCell* cell = nullptr;       // stealing pools only
  ReadySampler sampler;              // of the wakes it does
};

inline constinit thread_local Machine machine{};

// Owner: Pool; lives as long as it, or until its thread has ended. Thread-safety: see each.
struct alignas(64) MachineCell {
  explicit MachineCell(uint32_t number) : id(number) {}

  // The M alone. An M outside runs a coroutine: it may lose its P. Nests.
  void Enter() {
    gate.Enter();
    if (!possession->StillHeldBy(held)) [[unlikely]]
      EnterAsked();
  }
  void Leave() { gate.Leave(); }

  // The M alone: it has the P from here on, or (null) none.
  void Adopt(Processor* p);
  // Sysmon, or the M inside: see without_p.
  bool ClaimWithoutP() {
    bool has_p = false;
    return without_p.compare_exchange_strong(has_p, true);
  }

  const uint32_t id;
  uint32_t held = 0;  // the word of its P while that is so
  bool lost = false;  // its P was taken, or given up in Blocking(); until it comes home
  // From sysmon, before it takes the P: the G has used up its slice, and gives way where it passes
  // a wait for nothing. A hint: no order, and the next G may find it.
  std::atomic<bool> give_way{false};
  const Possession* possession = &nobodys;
  RuntimeGate gate;

  // What follows changes only when a P changes hands.
  // Runs a G without one. Sysmon claims it before it takes the P, the M before it gives it up, by
  // compare-and-swap: who has claimed it takes that back, or the P changes hands.
  alignas(64) std::atomic<bool> without_p{false};
  std::atomic<pid_t> tid{0};
  std::atomic<const char*> running{nullptr};  // its G while it has no P; for people
  std::atomic<bool> blocking{false};          // its G is in Blocking(): a figure
  // What a spare sleeps on.
  static constexpr uint32_t kAsleep = 0, kGiven = 1, kFinished = 2;
  std::atomic<uint32_t> call{kGiven};
  Processor* given = nullptr;      // what it shall run; written before kGiven, read after
  std::atomic<bool> ended{false};  // its thread can be joined
  std::thread thread;              // the pool's

 private:
  void EnterAsked();

  static const Possession nobodys;
};

// Inside of the runtime until the end of the scope: this M keeps its P, or has learned that its P
// has gone (machine.p is null then), and has come forward if it was set back. Other threads:
// nothing.
class RuntimeScope {
 public:
  RuntimeScope() : cell_(machine.cell) {
    if (cell_) cell_->Enter();
  }
  ~RuntimeScope() {
    if (cell_) cell_->Leave();
  }
  RuntimeScope(const RuntimeScope&) = delete;
  RuntimeScope& operator=(const RuntimeScope&) = delete;

 private:
  MachineCell* const cell_;
};

// The running G is to give way now. It is asked once.
inline bool MustGiveWay() {
  MachineCell* const cell = machine.cell;
  if (!cell || !cell->give_way.load(std::memory_order_relaxed)) [[likely]]
    return false;
  cell->give_way.store(false, std::memory_order_relaxed);
  return true;
}

// Runs `g` until it parks, yields or ends. Pinned pools.
void RunG(G* g);

}  // namespace outrigger::scheduler
