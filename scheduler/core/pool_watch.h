// pool_watch.h: what sysmon does for one pool in each of its rounds: counts slices that overran,
// takes the P from who overran (docs/decisions/0015), sets a thread back that runs on without one,
// and sends relief where all Ps are busy and nobody looks at timers and descriptors.
// Does not choose when: sysmon.h.
#pragma once

#include <cstdint>
#include <vector>

#include "scheduler/timer/timer_heap.h"

namespace outrigger::scheduler {

class Pool;
class Processor;
struct MachineCell;

// Owner: Sysmon. Thread-safety: confined to its thread.
class PoolWatch {
 public:
  // `hand_off`: whether Ps may be taken (needs membarrier).
  PoolWatch(Pool& pool, bool hand_off);

  struct Found {
    bool active = false;  // somebody runs
    bool acted = false;   // a P changed hands: look again soon
  };
  Found Round(Nanos now);

 private:
  struct Seen {
    uint64_t ticks = 0;
    Nanos since = 0;       // when this tick was first seen
    bool counted = false;  // this overrun is already counted
    bool told = false;     // to give way
    Nanos ask_at = 0;      // not before; a P that could not be taken is asked less often
    Nanos wait = 0;
  };
  struct Behind {  // an M without a P
    MachineCell* cell;
    Nanos since;        // of the loss, or of its last return to the runtime
    bool back = false;  // it was set back when last seen
  };

  void Look(Processor& p, Seen& seen, Nanos now);
  bool TakeOverrun(Nanos now);
  bool SetBack(Nanos now);
  bool SendRelief(Nanos now);
  MachineCell* TakeSpare();

  Pool& pool_;
  const bool hand_off_;
  Found found_;
  std::vector<Seen> seen_;  // a P each, the relief last
  std::vector<Processor*> overrun_;
  std::vector<Behind> behind_;
  uint64_t polls_ = 0;
  Nanos polled_ = 0;  // when polls_ was first seen
};

}  // namespace outrigger::scheduler
