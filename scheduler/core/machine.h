// machine.h: an M is an OS thread that runs Gs. This is its trampoline: every switch between
// coroutines goes back to RunG's loop, so the stack never grows (symmetric transfer overflows it in
// builds without tail calls: g++ 12 at -O0 and under sanitizers).
#pragma once

#include <coroutine>

namespace outrigger::scheduler {

struct G;
class Processor;

// The running thread's own state. Trivial, so that reading it is one instruction.
// Runs on: each thread sees its own.
struct Machine {
  Processor* p = nullptr;
  G* g = nullptr;
  std::coroutine_handle<> next;      // what the trampoline resumes next
  std::coroutine_handle<> finished;  // root frame to destroy once its resume() has returned
  bool panicked = false;             // the finished root ended by an exception
};

inline constinit thread_local Machine machine{};

// Runs `g` until it parks, yields or ends.
void RunG(G* g);

}  // namespace outrigger::scheduler
