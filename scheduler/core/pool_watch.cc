#include "scheduler/core/pool_watch.h"

#include <algorithm>
#include <utility>

#include "scheduler/base/log.h"
#include "scheduler/core/membarrier.h"
#include "scheduler/core/set_back.h"
#include "scheduler/pool.h"

namespace outrigger::scheduler {
namespace {

// All Ps are busy, and nobody looked at timers and descriptors for this long: somebody must.
constexpr Nanos kReliefAfter = kMillisecond;
// A P whose M was met inside of the runtime is asked again after this, and twice this, ...
constexpr Nanos kAskAgainFirst = 50'000, kAskAgainLast = 10 * kMillisecond;

}  // namespace

PoolWatch::PoolWatch(Pool& pool, bool hand_off)
    : pool_(pool),
      hand_off_(hand_off && pool.policy() == Policy::kStealing),
      seen_(static_cast<size_t>(pool.max_procs()) + 1) {}

PoolWatch::Found PoolWatch::Round(Nanos now) {
  found_ = {};
  overrun_.clear();
  for (int id = 0; id < pool_.max_procs(); ++id) {
    Look(pool_.processor(id), seen_[static_cast<size_t>(id)], now);
  }
  if (!hand_off_) return found_;
  Look(*pool_.relief_, seen_.back(), now);
  found_.active |= !behind_.empty();
  const bool taken = TakeOverrun(now);
  const bool set_back = SetBack(now);
  const bool relieved = SendRelief(now);
  found_.acted |= taken || set_back || relieved;
  return found_;
}

void PoolWatch::Look(Processor& p, Seen& seen, Nanos now) {
  ProcessorStats& stats = p.stats();
  // acquire pairs with who runs a G: the name of a G comes with a tick no older than its own, so
  // that a G which starts right now is not taken for the one of the last round.
  const char* running = stats.running.load(std::memory_order_acquire);
  const uint64_t ticks = stats.ticks.load(std::memory_order_relaxed);
  if (ticks != seen.ticks) {
    // Who was told has gone; the next G there is not meant.
    MachineCell* const holder = seen.told ? pool_.HolderOf(p) : nullptr;
    if (holder) holder->give_way.store(false, std::memory_order_relaxed);
    seen = {.ticks = ticks, .since = now};
    found_.active = true;
    return;
  }
  if (running == nullptr) return;
  found_.active = true;
  const bool overrun = now - seen.since >= pool_.slice();
  if (overrun && !seen.counted) {
    seen.counted = true;
    stats.stalls.fetch_add(1, std::memory_order_relaxed);
    OUTRIGGER_LOG(kDebug, "scheduler", "%s:%d: task \"%s\" ran longer than %d us", pool_.name(),
                  p.id(), running, pool_.slice() / 1000);
  }
  if (now < seen.ask_at) return;
  MachineCell* const holder = pool_.HolderOf(p);
  if (!holder) return;  // a pinned P has none
  if (overrun && !std::exchange(seen.told, true)) {
    // Its P is taken in the next round, soon, unless the G gives way by itself.
    holder->give_way.store(true, std::memory_order_relaxed);
    found_.acted = true;
    return;
  }
  // One that blocks and said so has had a whole round.
  if (!hand_off_) return;
  if (overrun || holder->blocking.load(std::memory_order_relaxed)) overrun_.push_back(&p);
}

// Steps S1 to S5 of docs/decisions/0015.
bool PoolWatch::TakeOverrun(Nanos now) {
  struct Asked {
    Processor* p;
    MachineCell* holder;
    MachineCell* next;
    Seen* seen;
  };
  if (overrun_.empty()) return false;
  std::vector<Asked> asked;
  PoolStats& stats = pool_.stats();
  for (Processor* p : overrun_) {
    if (pool_.without_p() + static_cast<int>(asked.size()) >= pool_.most_without_p()) {
      stats.handoffs_refused.fetch_add(1, std::memory_order_relaxed);
      break;
    }
    MachineCell* holder = pool_.HolderOf(*p);
    if (!holder) continue;
    MachineCell* next = TakeSpare();
    if (!next) break;  // one has been started
    if (p->possession().Ask(Possession::HeldBy(holder->id))) {
      asked.push_back({p, holder, next, &seen_[static_cast<size_t>(p->id())]});
      pool_.recorder().Note(FlightEvent::kAsk, p->stats().running.load(std::memory_order_relaxed),
                            static_cast<uint32_t>(p->id()));
    } else {
      pool_.AddSpare(*next);
    }
  }
  if (asked.empty()) return true;  // look again soon: a spare is on its way
  BarrierOnAll();
  for (const Asked& each : asked) {
    const uint32_t held = Possession::HeldBy(each.holder->id);
    Possession& possession = each.p->possession();
    // Outside, and in the same G still.
    bool taken = !each.holder->gate.inside() &&
                 each.p->stats().ticks.load(std::memory_order_relaxed) == each.seen->ticks &&
                 each.holder->ClaimWithoutP();  // before the M can learn of its loss
    if (taken) {
      each.holder->running.store(each.p->stats().running.load(std::memory_order_relaxed));
      pool_.without_p_.fetch_add(1);
      taken = possession.Take(held, Possession::HeldBy(each.next->id));
      if (!taken) {
        pool_.without_p_.fetch_sub(1);
        each.holder->running.store(nullptr);
        each.holder->without_p.store(false);
      }
    }
    if (taken) {
      std::erase_if(behind_, [&each](const Behind& b) { return b.cell == each.holder; });
      behind_.push_back({each.holder, now});
      stats.handoffs.fetch_add(1, std::memory_order_relaxed);
      pool_.GiveTo(*each.next, *each.p);
    } else {
      possession.Undo(held);
      pool_.AddSpare(*each.next);
      each.seen->wait = std::clamp(2 * each.seen->wait, kAskAgainFirst, kAskAgainLast);
      each.seen->ask_at = now + each.seen->wait;
      stats.handoffs_undone.fetch_add(1, std::memory_order_relaxed);
      pool_.recorder().Note(FlightEvent::kHandOffUndone, nullptr,
                            static_cast<uint32_t>(each.p->id()));
    }
  }
  return true;
}

// A thread that has run for a slice without a P: those with one go first from now on.
bool PoolWatch::SetBack(Nanos now) {
  bool any = false;
  std::erase_if(behind_, [](const Behind& b) { return !b.cell->without_p.load(); });
  for (Behind& each : behind_) {
    const pid_t tid = each.cell->tid.load(std::memory_order_relaxed);
    if (IsSetBack(tid)) continue;
    if (std::exchange(each.back, false)) each.since = now;  // it was brought forward, and goes on
    if (now - each.since < pool_.slice() || each.cell->blocking.load(std::memory_order_relaxed)) {
      continue;
    }
    // Found out at the first need: to try it takes a thread, and a thread at start-up would take an
    // arena of the allocator from those that come after it, so that data and control share one.
    each.back = SetBackThread(tid, BestSetBackMeans());
    // It may have come home in between, and then it is for us to see.
    if (each.back && !each.cell->without_p.load()) BringForward(tid);
    if (!each.back) continue;
    any = true;
    pool_.stats().set_backs.fetch_add(1, std::memory_order_relaxed);
    pool_.recorder().Note(FlightEvent::kSetBack, nullptr, each.cell->id);
  }
  return any;
}

bool PoolWatch::SendRelief(Nanos now) {
  const uint64_t polls = pool_.polls_.load(std::memory_order_relaxed);
  if (polls != polls_ || pool_.idle_.load() != 0 || !pool_.poller_token_.load() ||
      pool_.relief_->possession().word() != Possession::kNobody || pool_.live() == 0) {
    polls_ = polls;
    polled_ = now;
    return false;
  }
  if (now - polled_ < kReliefAfter) return false;
  MachineCell* next = TakeSpare();
  if (next) {
    pool_.relief_->possession().Give(Possession::HeldBy(next->id));
    pool_.GiveTo(*next, *pool_.relief_);
    pool_.stats().reliefs.fetch_add(1, std::memory_order_relaxed);
    pool_.recorder().Note(FlightEvent::kRelief, nullptr, next->id);
    polled_ = now;
  }
  return next == nullptr;  // look again soon: a spare is on its way
}

// Null: there is none; one has been started, for the next round.
MachineCell* PoolWatch::TakeSpare() {
  MachineCell* spare = pool_.TakeSpare();
  if (!spare) pool_.StartSpare();
  return spare;
}

}  // namespace outrigger::scheduler
