// shard.h: what one worker owns of everything: its read buffer, its stats slab, its upstream
// connections, its counts. Passed by reference to what runs on that worker. No lock in it.
#pragma once

#include <cstdint>

#include "proxy/access_log/sink.h"
#include "proxy/connection/driver.h"
#include "proxy/stats/stats.h"
#include "proxy/upstream/table.h"
#include "proxy/worker/random.h"

namespace outrigger::proxy {

// Runs on: its worker. Owner: Worker; outlives every connection. Thread-safety: confined.
struct Shard {
  Shard(int worker, scheduler::Processor& processor, StatSlab& slab)
      : id(worker),
        p(processor),
        stats(slab),
        logs(processor.netpoll()),
        random(static_cast<uint64_t>(worker)),
        upstreams({processor, read_buffer, slab}, static_cast<uint32_t>(random.Next())) {}

  scheduler::Nanos Now() const { return p.netpoll().Now(); }

  const int id;
  scheduler::Processor& p;
  StatSlab& stats;
  ReadBuffer read_buffer;
  AccessLogBuffers logs;
  Random random;
  UpstreamTable upstreams;
  bool draining = false;         // answers carry the end of the connection
  uint64_t next_connection = 0;  // ids are worker << 48 | count
};

}  // namespace outrigger::proxy
