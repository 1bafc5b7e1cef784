// debug_options.h: what OUTRIGGER_DEBUG asks the scheduler to show, in the form of Go's GODEBUG:
// "schedtrace=1000,scheddetail=1".
#pragma once

#include <string_view>

#include "absl/status/statusor.h"
#include "scheduler/timer/timer_heap.h"

namespace outrigger::scheduler {

struct DebugOptions {
  Nanos schedtrace = 0;      // from one line to the next; given in milliseconds; 0: none
  bool scheddetail = false;  // with each line, one for every P and every G of a stealing pool
};

// kInvalidArgument names the key or the value that is wrong.
absl::StatusOr<DebugOptions> ParseDebugOptions(std::string_view text);

}  // namespace outrigger::scheduler
