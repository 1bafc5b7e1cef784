#include "scheduler/core/set_back.h"

#include <linux/sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <thread>

#include "scheduler/base/contention.h"

namespace outrigger::scheduler {
namespace {

constexpr int kNiceLast = 19;
constexpr uint64_t kLongestSlice = 100'000'000;  // ns; the kernel's bound

// sched_setattr(2); the C library of Debian 12 has no wrapper, and <linux/sched/types.h> clashes.
struct SchedAttr {
  uint32_t size = sizeof(SchedAttr);
  uint32_t policy = 0;
  uint64_t flags = 0;
  int32_t nice = 0;
  uint32_t priority = 0;
  uint64_t runtime = 0;  // of a normal thread: its slice; 0: the kernel's
  uint64_t deadline = 0;
  uint64_t period = 0;
};

int OwnNice() {
  errno = 0;
  const int nice = getpriority(PRIO_PROCESS, 0);
  return errno == 0 ? nice : 0;
}

const int nice_at_start = OwnNice();

bool SetNice(pid_t tid, int nice) {
  return setpriority(PRIO_PROCESS, static_cast<id_t>(tid), nice) == 0;
}

bool SetPolicy(pid_t tid, uint32_t policy, uint64_t slice) {
  SchedAttr attr;
  attr.policy = policy;
  attr.nice = nice_at_start;
  attr.runtime = slice;
  return syscall(SYS_sched_setattr, tid, &attr, 0) == 0;
}

// The kernel takes any slice, and before 6.12 forgets it.
bool KeepsSlices(pid_t tid) {
  SchedAttr attr;
  return syscall(SYS_sched_getattr, tid, &attr, sizeof(attr), 0) == 0 &&
         attr.runtime == kLongestSlice;
}

bool Change(pid_t tid, SetBackMeans means) {
  switch (means) {
    case SetBackMeans::kNice:
      return SetNice(tid, kNiceLast);
    case SetBackMeans::kBatch:
      return SetPolicy(tid, SCHED_BATCH, kLongestSlice);
    case SetBackMeans::kNone:
      break;
  }
  return false;
}

void Restore(pid_t tid) {
  if (BestSetBackMeans() == SetBackMeans::kNice) {
    (void)SetNice(tid, nice_at_start);
  } else {
    (void)SetPolicy(tid, SCHED_OTHER, 0);
  }
}

// The threads that are set back; 0: a free place. Who takes one out restores it.
constinit std::array<std::atomic<pid_t>, 64> slots{};

SetBackMeans Try() {
  const pid_t self = static_cast<pid_t>(syscall(SYS_gettid));
  if (SetNice(self, kNiceLast) && SetNice(self, nice_at_start)) return SetBackMeans::kNice;
  if (SetPolicy(self, SCHED_BATCH, kLongestSlice) && KeepsSlices(self)) {
    return SetBackMeans::kBatch;
  }
  return SetBackMeans::kNone;
}

}  // namespace

std::string_view SetBackMeansName(SetBackMeans means) {
  switch (means) {
    case SetBackMeans::kNice:
      return "nice";
    case SetBackMeans::kBatch:
      return "batch";
    case SetBackMeans::kNone:
      break;
  }
  return "none";
}

SetBackMeans BestSetBackMeans() {
  static const SetBackMeans best = [] {
    SetBackMeans found = SetBackMeans::kNone;
    std::thread([&found] { found = Try(); }).join();  // it may not find its way back
    return found;
  }();
  return best;
}

bool SetBackThread(pid_t tid, SetBackMeans means) {
  const auto slot = std::find_if(slots.begin(), slots.end(), [tid](std::atomic<pid_t>& each) {
    pid_t none = 0;
    return each.compare_exchange_strong(none, tid);
  });
  if (slot == slots.end()) return false;
  bring_forward.store(&BringAllForward);
  // Marked; now who waits for a lock (LockWaitScope): it counts, then looks at the mark.
  const bool back = lock_waiters.load() == 0 && Change(tid, means);
  // Brought forward before it went: it is to stay there.
  if (back && slot->load() == tid) return true;
  if (back) Restore(tid);
  pid_t mine = tid;
  slot->compare_exchange_strong(mine, 0);
  return false;
}

bool IsSetBack(pid_t tid) {
  return std::any_of(slots.begin(), slots.end(),
                     [tid](const auto& slot) { return slot.load() == tid; });
}

void BringForward(pid_t tid) {
  for (std::atomic<pid_t>& slot : slots) {
    if (slot.load() != tid) continue;
    pid_t want = tid;
    if (slot.compare_exchange_strong(want, 0)) Restore(tid);
  }
}

void BringAllForward() {
  for (std::atomic<pid_t>& slot : slots) {
    if (slot.load() == 0) continue;
    if (const pid_t tid = slot.exchange(0)) Restore(tid);
  }
}

}  // namespace outrigger::scheduler
