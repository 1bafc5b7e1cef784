// hold.h: keeps a parked G from running while its frames are looked at, as Go's _Gscan bit does. It
// may be woken meanwhile, and is queued then: whoever is about to run it waits until it is let go.
#pragma once

#include <sched.h>

#include "scheduler/core/g.h"

namespace outrigger::scheduler {

// True: it was parked, and does not run before LetGo(), which comes within some microseconds. Of a
// stealing pool, under its live lock, so that the G is alive and nobody else holds it. One that is
// not parked is held for a moment, which delays it if it is just about to run.
inline bool TryHold(G& g) { return g.state.TryHold(); }
inline void LetGo(G& g) { g.state.LetGo(); }

// Before the first look at the G's frames by who runs it. Not for confined Gs: nobody holds them.
// Yields: the holder has lost its CPU, perhaps.
inline void AwaitRelease(const G& g) {
  while (g.state.held()) [[unlikely]] sched_yield();
}

}  // namespace outrigger::scheduler
