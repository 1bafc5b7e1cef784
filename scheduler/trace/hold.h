// hold.h: keeps a parked G from running while its frames are looked at, as Go's _Gscan bit does. It
// may be woken meanwhile, and is queued then: whoever is about to run it waits until it is let go.
#pragma once

#include <sched.h>

#include <atomic>
#include <cstdint>

#include "scheduler/core/g.h"

namespace outrigger::scheduler {

// A bit of G::state beside the others; all who change the word leave it alone.
inline constexpr uint32_t kHeld = 1 << 6;

inline void LetGo(G& g) {
  // release pairs with AwaitRelease(): what was read is read before anything of it is freed.
  g.state.fetch_and(~kHeld, std::memory_order_release);
}

// True: it was parked, and does not run before LetGo(), which comes within some microseconds. Of a
// stealing pool, under its live lock, so that the G is alive and nobody else holds it. One that is
// not parked has the bit for a moment, which delays it if it is just about to run.
inline bool TryHold(G& g) {
  // acquire pairs with the parking: we see what the G wrote. Whoever wakes it does so after this,
  // by a change of the same word, and who runs it sees that.
  const uint32_t seen = g.state.fetch_or(kHeld, std::memory_order_acquire);
  if ((seen & G::kPhaseMask) == G::kParked) return true;
  LetGo(g);
  return false;
}

// In RunG, before the first look at the G's frames. Not for confined Gs: nobody holds them.
inline void AwaitRelease(const G& g) {
  // acquire pairs with the release of LetGo(). Yields: the holder has lost its CPU, perhaps.
  while (g.state.load(std::memory_order_acquire) & kHeld) sched_yield();
}

}  // namespace outrigger::scheduler
