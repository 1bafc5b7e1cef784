#include "scheduler/trace/schedtrace.h"

#include "absl/strings/str_format.h"
#include "scheduler/pool.h"

namespace outrigger::scheduler {
namespace {

// Go's numbers of a P's states: it is idle, or it runs.
int StatusOf(const char* running) { return running ? 1 : 0; }

// Go's words for the states of a G.
std::string StatusOf(const G& g) {
  switch (g.state.load(std::memory_order_relaxed) & G::kPhaseMask) {
    case G::kRunning:
      return "1(runnable or running)";
    case G::kWoken:
      return "1(runnable)";
    default:
      return absl::StrFormat("4(%s)", g.wait_reason.load(std::memory_order_relaxed));
  }
}

void AppendDetail(Pool& pool, std::string& out) {
  for (int id = 0; id < pool.procs(); ++id) {
    Processor& p = pool.processor(id);
    const ProcessorStats& stats = p.stats();
    const char* running = stats.running.load(std::memory_order_relaxed);
    absl::StrAppendFormat(&out, "  P%d: status=%d schedtick=%d runqsize=%d steals=%d curg=%s\n", id,
                          StatusOf(running), stats.ticks.load(std::memory_order_relaxed),
                          p.queued(), stats.steals.load(std::memory_order_relaxed),
                          running ? running : "nil");
  }
  pool.ForEachStealingG([&out](const G& g) {
    absl::StrAppendFormat(&out, "  G%p: status=%s name=%s\n", &g, StatusOf(g), g.name);
  });
}

}  // namespace

std::string SchedTrace(Pool& pool, Nanos age, bool detail) {
  const int idle = pool.idle();
  std::string out = absl::StrFormat(
      "SCHED %dms: gomaxprocs=%d idleprocs=%d threads=%d spinningthreads=%d needspinning=0 "
      "idlethreads=%d runqueue=%d [ ",
      age / kMillisecond, pool.procs(), idle, pool.procs(), pool.spinning(), idle,
      pool.global_queue_size());
  for (int id = 0; id < pool.procs(); ++id) {
    absl::StrAppendFormat(&out, "%d ", pool.processor(id).queued());
  }
  out += "] schedticks=[ ";
  for (int id = 0; id < pool.procs(); ++id) {
    absl::StrAppendFormat(&out, "%d ",
                          pool.processor(id).stats().ticks.load(std::memory_order_relaxed));
  }
  absl::StrAppendFormat(&out, "] pool=%s\n", pool.name());
  if (detail) AppendDetail(pool, out);
  return out;
}

}  // namespace outrigger::scheduler
