// How many Ps of a stealing pool run, while they run: one that is to go hands on what it has at the
// head of its loop; one that is to come is given to an M. Nothing stops: the others never notice.
// Timers and descriptors are the pool's and stay where they are.
#include <sched.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "scheduler/base/check.h"
#include "scheduler/pool.h"

namespace outrigger::scheduler {

void Pool::SetProcs(int n) {
  OUTRIGGER_CHECK(options_.policy == Policy::kStealing);
  n = std::clamp(n, 1, max_procs());
  std::vector<Processor*> start;
  std::vector<std::pair<Processor*, bool>> retire;  // and whether it sleeps in the poll
  {
    MutexLock lock(mutex_);
    if (n == procs()) return;
    procs_.store(n);
    for (auto& each : processors_) {
      Processor& p = *each;
      const bool has_m = p.possession_.word() != Possession::kNobody;
      if (p.id_ < n && !has_m) {
        active_.fetch_add(1);
        start.push_back(&p);
      }
      if (p.id_ < n || !p.in_idle_list_) continue;
      // It wakes up to retire, spinning on our count as one that is woken for work.
      LeaveIdleList(p);
      spinning_.fetch_add(1);
      retire.emplace_back(&p, p.polling_);
    }
    // Nobody else gives these a holder, nor is it one that anybody looks for.
    for (Processor* p : start) p->possession_.Give(Possession::kReserved);
  }
  recorder_.Note(FlightEvent::kResize, nullptr, static_cast<uint32_t>(n));
  for (const auto& [p, in_poll] : retire) Unpark(*p, in_poll);
  for (Processor* p : start) StartOn(*p);
}

// One of fewer Ps, from now on. False: it has been called back meanwhile.
bool Pool::Retire(Processor& p) {
  StopSpinning(p);
  {
    MutexLock lock(mutex_);
    if (p.id_ < procs()) return false;
    active_.fetch_sub(1);
    // Under the lock: SetProcs() sees either that we run, or that nobody has the P.
    GiveUp(p);
  }
  WakeOne();  // for what we leave
  return true;
}

// Gives a P that is nobody's to a spare, or to a new M.
void Pool::StartOn(Processor& p) {
  MachineCell* cell = TakeSpare();
  if (cell) {
    p.possession().Give(Possession::HeldBy(cell->id));
    return GiveTo(*cell, p);
  }
  while (true) {
    MutexLock lock(machines_mutex_);
    if (count_.stopping()) return;  // what is left is run by those who are there
    if ((cell = FreeCell())) {
      p.possession().Give(Possession::HeldBy(cell->id));
      return StartMachine(*cell, &p);
    }
    sched_yield();  // there is room for all that may run: some are on their way out
  }
}

}  // namespace outrigger::scheduler
