// signals.h: the main thread's work: waiting for signals. Every other thread has them blocked.
#pragma once

#include <optional>

#include "scheduler/timer/timer_heap.h"

namespace outrigger::control {

// Blocks TERM, INT, HUP and QUIT (and ignores PIPE) for this thread and all it starts. Call first.
void BlockSignals();

enum class ProcessSignal { kTerminate, kInterrupt, kReload, kDump };
// Runs on: main. Returns the next one; nullopt when `timeout` has passed.
std::optional<ProcessSignal> WaitForSignal(scheduler::Nanos timeout = scheduler::kNever);
// Makes WaitForSignal() return `signal`; from any thread.
void Raise(ProcessSignal signal);

}  // namespace outrigger::control
