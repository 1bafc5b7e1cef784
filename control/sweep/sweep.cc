#include "control/sweep/sweep.h"

#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <utility>

#include "scheduler/core/sysmon.h"
#include "scheduler/scheduler.h"

namespace outrigger::control {
namespace {

using scheduler::JoinHandle;
using scheduler::kMillisecond;
using scheduler::kSecond;
using scheduler::MonotonicNow;
using scheduler::Nanos;
using scheduler::Task;
using scheduler::Wake;

// The ticker runs alone for so long, until threads and frames are warm.
constexpr Nanos kWarmUp = 20 * kMillisecond;

struct Tick {
  Nanos due;
  Nanos late;
};

struct Experiment {
  uint32_t tasks;
  uint64_t work;
  std::atomic<bool> stop_ticker{false};
  std::vector<Tick> ticks;  // the ticker's, until it has been joined
  Nanos begun = 0, ended = 0;
  long switches = 0;
  uint64_t handoffs = 0;
  std::atomic<bool> over{false};
};

// A chain that a compiler cannot shorten.
void Multiply(uint64_t n) {
  uint64_t x = n;
  for (uint64_t i = 0; i < n; ++i) x = (x ^ x >> 29) * 6364136223846793005u;
  asm volatile("" : : "r"(x));
}

Task<> Calculate(uint64_t work) {
  Multiply(work);
  co_return;
}

// A missed tick counts with its own delay, so that a long stall is not hidden by those that it
// swallowed.
Task<> TickEachMillisecond(Experiment& run) {
  Nanos due = MonotonicNow() + kMillisecond;
  while (!run.stop_ticker.load()) {
    const Wake wake = co_await scheduler::SleepUntil(due);
    if (wake == Wake::kCancelled) co_return;
    for (const Nanos now = MonotonicNow(); due <= now; due += kMillisecond) {
      run.ticks.push_back({due, now - due});
    }
  }
}

long Switches() {
  rusage use;
  getrusage(RUSAGE_SELF, &use);
  return use.ru_nvcsw + use.ru_nivcsw;
}

Task<> Conduct(Experiment& run) {
  scheduler::PoolStats& stats = scheduler::CurrentPool().stats();
  const JoinHandle ticker = scheduler::Go("ticker", TickEachMillisecond(run));
  co_await scheduler::Sleep(kWarmUp);
  run.switches = -Switches();
  run.handoffs = -stats.handoffs.load(std::memory_order_relaxed);
  run.begun = MonotonicNow();
  std::vector<JoinHandle> handles;
  handles.reserve(run.tasks);
  for (uint32_t i = 0; i < run.tasks; ++i) {
    handles.push_back(scheduler::Go("task", Calculate(run.work)));
  }
  for (const JoinHandle& handle : handles) co_await handle.Join();
  run.ended = MonotonicNow();
  run.switches += Switches();
  run.handoffs += stats.handoffs.load(std::memory_order_relaxed);
  run.stop_ticker.store(true);
  co_await ticker.Join();
  run.over.store(true);
  run.over.notify_one();
}

}  // namespace

SweepRun MeasureSweep(const SweepRules& rules, uint32_t procs, uint32_t tasks, uint64_t work) {
  scheduler::PoolOptions options = rules.pool;
  options.name = "sweep";
  options.affinity.resize(procs);
  scheduler::Pool pool(std::move(options));
  scheduler::Sysmon sysmon({&pool}, {});
  Experiment run{.tasks = tasks, .work = work};
  pool.Go("conduct", Conduct(run));
  run.over.wait(false);
  pool.Stop();

  std::vector<double> delays;
  for (const Tick& tick : run.ticks) {
    if (tick.due < run.begun || tick.due > run.ended) continue;
    delays.push_back(static_cast<double>(tick.late) / 1e6);
  }
  scheduler::LatencySnapshot latency;
  for (int id = 0; id < pool.procs(); ++id) latency.Add(pool.processor(id).latency());
  latency.Add(pool.relief().latency());
  const double seconds =
      static_cast<double>(std::max<Nanos>(run.ended - run.begun, 1)) / static_cast<double>(kSecond);
  return {
      .rules = rules.name,
      .slice_ms = static_cast<double>(pool.slice()) / 1e6,
      .procs = procs,
      .total_ms = seconds * 1e3,
      .delay_p95_ms = Quantile(delays, 0.95),
      .delay_p99_ms = Quantile(delays, 0.99),
      .handoffs_per_s = static_cast<double>(run.handoffs) / seconds,
      .switches_per_s = static_cast<double>(run.switches) / seconds,
      .latency_p95_us = static_cast<double>(latency.Quantile(0.95)) / 1e3,
      .latency_p99_us = static_cast<double>(latency.Quantile(0.99)) / 1e3,
  };
}

int RunSweep(const SweepOptions& options) {
  std::vector<std::vector<uint32_t>> sweeps = {{1, 4, 8}, {4, 8, 16}};
  if (!options.procs.empty()) sweeps = {options.procs};
  SweepReport report{.tasks = options.tasks, .work = options.work};
  if (const auto cpus = scheduler::CpuSet::OfThisProcess(); cpus.ok()) report.cpus = cpus->Count();
  const SweepRules all_rules[] = {{.name = "default", .pool = {}},
                                  {.name = "article", .pool = scheduler::WithArticleRules({})}};
  for (const SweepRules& rules : all_rules) {
    for (size_t i = 0; i < sweeps.size(); ++i) {
      for (uint32_t procs : sweeps[i]) {
        report.runs.push_back(MeasureSweep(rules, procs, options.tasks, options.work));
        report.runs.back().sweep = static_cast<int>(i) + 1;
      }
    }
  }
  const std::string text = options.json ? RenderJson(report) : RenderText(report);
  std::fwrite(text.data(), 1, text.size(), stdout);
  return 0;
}

}  // namespace outrigger::control
