// chrome_trace.h: flight records as a picture: the JSON that Perfetto (ui.perfetto.dev) and
// Chrome's chrome://tracing open. A pool is a process there, a P a thread, a run of a G a slice
// with its name, and what else was noted a mark. Times are those of CLOCK_MONOTONIC, in
// microseconds.
#pragma once

#include <string>
#include <vector>

#include "scheduler/trace/flight_recorder.h"

namespace outrigger::scheduler {

// A recorder and what to call it: "control:0".
struct TracedThread {
  std::string name;
  const FlightRecorder* recorder;
};
struct TracedPool {
  std::string name;
  std::vector<TracedThread> threads;
};

// Reads the recorders while their Ps go on. About 100 bytes an event.
//
// A run of which nobody took the time (RecordedEvent::exact) shares the time between the two looks
// around it evenly with its like, and says "exact":false; names and order are true. A run that has
// not ended ends at the time of the export.
//
// Runs on: any.
std::string ChromeTrace(const std::vector<TracedPool>& pools);
// By the line through these two; `last` is the time of the export.
std::string ChromeTrace(const std::vector<TracedPool>& pools, const TickPair& first,
                        const TickPair& last);

}  // namespace outrigger::scheduler
