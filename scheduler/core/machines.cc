// The Ms of a stealing pool: they take up a P and run its loop, lose it or end with it, and sleep
// as spares until somebody hands them another. An M has its P, sleeps, or runs one G to its next
// wait without a P. Who takes Ps away: pool_watch.cc.
#include <sys/syscall.h>
#include <unistd.h>

#include <utility>

#include "scheduler/base/check.h"
#include "scheduler/core/set_back.h"
#include "scheduler/frame_pool.h"
#include "scheduler/pool.h"

namespace outrigger::scheduler {
namespace {

// Spares that are kept; what comes home beyond them ends.
constexpr size_t kSparesKept = 4;

}  // namespace

void Pool::StartMachines() {
  // Each P, the relief, those without a P, those asleep or on their way: room for all.
  machines_.resize(static_cast<size_t>(max_procs() + 1 + most_without_p_) + 2 * kSparesKept);
  active_.store(procs());
  for (int id = 0; id < procs(); ++id) StartOn(processor(id));
}

void Pool::StartMachine(MachineCell& cell, Processor* p) {
  stats_.machines_started.fetch_add(1, std::memory_order_relaxed);
  recorder_.Note(FlightEvent::kMachineStart, nullptr, cell.id);
  cell.thread = std::thread([this, &cell, p] { MachineMain(cell, p); });
}

// Sysmon. Nothing if one is on its way, or there is no room.
void Pool::StartSpare() {
  if (starting_.load() > 0) return;
  MutexLock lock(machines_mutex_);
  if (count_.stopping()) return;
  MachineCell* cell = FreeCell();
  if (!cell) return;
  starting_.fetch_add(1);
  StartMachine(*cell, nullptr);
}

// Of one whose thread has ended, or a new one. Null: there is no room.
MachineCell* Pool::FreeCell() {
  const auto count = static_cast<size_t>(machines());
  size_t free = 0;
  while (free < count && !machines_[free]->ended.load()) ++free;
  if (free == machines_.size()) return nullptr;
  if (free < count) {
    machines_[free]->thread.join();
    machines_[free]->ended.store(false);
  } else {
    machines_[free] = std::make_unique<MachineCell>(static_cast<uint32_t>(free));
    machine_count_.store(static_cast<int>(free) + 1, std::memory_order_release);
  }
  return machines_[free].get();
}

void Pool::MachineMain(MachineCell& cell, Processor* p) {
  cell.tid.store(static_cast<pid_t>(syscall(SYS_gettid)), std::memory_order_relaxed);
  machine.cell = &cell;
  ShareFrames();
  cell.Adopt(nullptr);
  const CpuSet& cpus = options_.affinity[p ? static_cast<size_t>(p->id()) : 0];
  NameAndBind(static_cast<int>(cell.id), cpus);
  const CpuSet* bound = &cpus;
  if (!p) {
    starting_.fetch_sub(1);
    p = SleepAsSpare(cell);
  }
  while (p) {
    cell.Adopt(p);
    // What the last M left, and which one we are.
    const char* running = p->stats().running.exchange(nullptr, std::memory_order_relaxed);
    if (running) p->recorder().Note(FlightEvent::kHandOff, running, cell.id);
    if (p == relief_.get()) {
      ReliefLoop(*p);
    } else {
      const CpuSet& own = options_.affinity[static_cast<size_t>(p->id())];
      if (&own != bound && !(own == *bound)) NameAndBind(static_cast<int>(cell.id), own);
      bound = &own;
      StealingLoop(*p);
    }
    ComeHome(cell);
    p = Finished() ? nullptr : SleepAsSpare(cell);
  }
  machine.cell = nullptr;
  machine.p = nullptr;
  recorder_.Note(FlightEvent::kMachineEnd, nullptr, cell.id);
  cell.ended.store(true);
}

// The G has left the M, which may be without a P.
void Pool::ComeHome(MachineCell& cell) {
  cell.Adopt(nullptr);
  cell.blocking.store(false, std::memory_order_relaxed);
  cell.give_way.store(false, std::memory_order_relaxed);
  // Not without_p: sysmon may have claimed that for a P that we have kept.
  if (!std::exchange(cell.lost, false)) return;
  cell.without_p.store(false);
  BringForward(cell.tid.load(std::memory_order_relaxed));  // sysmon may have set us back just now
  recorder_.Note(FlightEvent::kCameHome, cell.running.exchange(nullptr), cell.id);
  without_p_.fetch_sub(1);
}

// Null: no more is to come.
Processor* Pool::SleepAsSpare(MachineCell& cell) {
  cell.call.store(MachineCell::kAsleep);
  {
    MutexLock lock(mutex_);
    if (spares_.size() >= kSparesKept) return nullptr;
    spares_.push_back(&cell);
  }
  // After the store above, so that WakeSpares() either wakes us or is seen here.
  if (Finished()) return nullptr;
  cell.call.wait(MachineCell::kAsleep);
  return cell.call.load() == MachineCell::kGiven ? cell.given : nullptr;
}

void Pool::AddSpare(MachineCell& cell) {
  MutexLock lock(mutex_);
  spares_.push_back(&cell);
}

MachineCell* Pool::TakeSpare() {
  MutexLock lock(mutex_);
  if (spares_.empty()) return nullptr;
  MachineCell* cell = spares_.back();  // the one that ran last
  spares_.pop_back();
  return cell;
}

int Pool::spares() {
  MutexLock lock(mutex_);
  return static_cast<int>(spares_.size());
}

void Pool::GiveTo(MachineCell& cell, Processor& p) {
  cell.given = &p;
  cell.call.store(MachineCell::kGiven);
  cell.call.notify_one();
}

// The pool has finished: they end.
void Pool::WakeSpares() {
  if (!Finished()) return;
  for (int i = machines(); i-- > 0;) {
    MachineCell& cell = *machines_[static_cast<size_t>(i)];
    cell.call.store(MachineCell::kFinished);
    cell.call.notify_all();
  }
}

// Null: nobody has it, or it has been asked for.
MachineCell* Pool::HolderOf(Processor& p) {
  const uint32_t word = p.possession().word();
  for (int i = machines(); i-- > 0;) {
    MachineCell& cell = *machines_[static_cast<size_t>(i)];
    if (Possession::HeldBy(cell.id) == word) return &cell;
  }
  return nullptr;
}

// After count_.Stop(): no further one is started.
void Pool::JoinMachines() {
  { MutexLock lock(machines_mutex_); }
  for (int i = 0; i < machines(); ++i) {
    std::thread& thread = machines_[static_cast<size_t>(i)]->thread;
    if (thread.joinable()) thread.join();
  }
}

BlockingScope::BlockingScope() : cell_(machine.g ? machine.cell : nullptr) {
  if (cell_) machine.g->pool->BeginBlocking(*cell_);
}
BlockingScope::~BlockingScope() {
  if (cell_) cell_->blocking.store(false, std::memory_order_relaxed);
}

void Pool::BeginBlocking(MachineCell& cell) {
  const RuntimeScope scope;
  cell.blocking.store(true, std::memory_order_relaxed);
  Processor* p = machine.p;
  if (!p || without_p() >= most_without_p_ || !AnyWork()) return;  // sysmon looks at us again
  MachineCell* next = TakeSpare();
  if (!next) return;
  if (!cell.ClaimWithoutP()) {  // sysmon has just met us inside
    AddSpare(*next);
    return;
  }
  p->stats().running.store(nullptr, std::memory_order_relaxed);
  cell.running.store(machine.g->name);
  without_p_.fetch_add(1);
  // In one step: sysmon gives the relief's P to somebody when it is nobody's.
  OUTRIGGER_CHECK(p->possession().Quit(cell.held, Possession::HeldBy(next->id)));
  cell.Adopt(nullptr);
  cell.lost = true;
  stats_.handoffs.fetch_add(1, std::memory_order_relaxed);
  GiveTo(*next, *p);
}

}  // namespace outrigger::scheduler
