// current_netpoll.h: where the running G registers its descriptors and timers, asked by the G and
// not by its thread.
#pragma once

#include "scheduler/base/check.h"
#include "scheduler/pool.h"

namespace outrigger::scheduler {

// Stealing: the pool's, for as long as the pool lives. Pinned: its P's.
inline Netpoll& CurrentNetpoll() {
  const G* g = CurrentG();
  OUTRIGGER_CHECK(g != nullptr);
  return g->confined() ? g->home->netpoll() : g->pool->netpoll();
}

}  // namespace outrigger::scheduler
