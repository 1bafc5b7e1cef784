#include <algorithm>

#include "absl/strings/str_format.h"
#include "control/admin/html.h"
#include "control/admin/json_writer.h"
#include "control/admin/pages.h"
#include "scheduler/base/text.h"
#include "scheduler/core/set_back.h"
#include "scheduler/pool.h"
#include "scheduler/trace/coroutine_dump.h"
#include "scheduler/trace/pool_trace.h"

namespace outrigger::control {
namespace {

struct ProcFigures {
  uint64_t ticks, polls, steals, panics, stalls;
  const char* running;
};

ProcFigures Read(scheduler::Processor& p) {
  const scheduler::ProcessorStats& stats = p.stats();
  constexpr auto kRelaxed = std::memory_order_relaxed;  // figures
  return {stats.ticks.load(kRelaxed),  stats.polls.load(kRelaxed),  stats.steals.load(kRelaxed),
          stats.panics.load(kRelaxed), stats.stalls.load(kRelaxed), stats.running.load(kRelaxed)};
}

std::string_view PolicyName(const scheduler::Pool& pool) {
  return pool.policy() == scheduler::Policy::kPinned ? "pinned" : "stealing";
}

int64_t Load(const std::atomic<uint64_t>& figure) {
  return static_cast<int64_t>(figure.load(std::memory_order_relaxed));
}

scheduler::LatencySnapshot Latency(scheduler::Pool& pool) {
  scheduler::LatencySnapshot sum;
  for (int id = 0; id < pool.max_procs(); ++id) sum.Add(pool.processor(id).latency());
  sum.Add(pool.relief().latency());
  return sum;
}

// Of a stealing pool: its Ms, and what it did so that no coroutine waits for another's end.
void WriteMachines(scheduler::Pool& pool, JsonWriter& json) {
  const scheduler::PoolStats& stats = pool.stats();
  json.Key("max_processors").Number(int64_t{pool.max_procs()});
  json.Key("slice_us").Number(pool.slice() / 1000);
  json.Key("set_back_by").String(scheduler::SetBackMeansName(scheduler::BestSetBackMeans()));
  json.Key("machines").Number(int64_t{pool.machines()});
  json.Key("machines_without_processor").Number(int64_t{pool.without_p()});
  json.Key("machines_spare").Number(int64_t{pool.spares()});
  json.Key("handoffs").Number(Load(stats.handoffs));
  json.Key("handoffs_undone").Number(Load(stats.handoffs_undone));
  json.Key("handoffs_refused").Number(Load(stats.handoffs_refused));
  json.Key("set_backs").Number(Load(stats.set_backs));
  json.Key("reliefs").Number(Load(stats.reliefs));
  const scheduler::LatencySnapshot latency = Latency(pool);
  json.Key("latency_ns").Begin('{').Key("samples").Number(static_cast<int64_t>(latency.Count()));
  json.Key("p50").Number(latency.Quantile(0.5)).Key("p99").Number(latency.Quantile(0.99));
  json.End('}');
}

std::string MachinesHtml(scheduler::Pool& pool) {
  const scheduler::PoolStats& stats = pool.stats();
  const scheduler::LatencySnapshot latency = Latency(pool);
  return absl::StrFormat(
      "<p>%d of %d processors; %d threads, %d spare, %d without a processor. Hand-offs %d, set "
      "back %d (by %s), relief %d times. From runnable to running: p50 %.1f us, p99 %.1f us, of %d "
      "measured. <a href=\"/scheduler/coroutines\">All coroutines</a>, "
      "<a href=\"/scheduler/trace\">what happened last</a> (for ui.perfetto.dev).</p>",
      pool.procs(), pool.max_procs(), pool.machines(), pool.spares(), pool.without_p(),
      Load(stats.handoffs), Load(stats.set_backs),
      scheduler::SetBackMeansName(scheduler::BestSetBackMeans()), Load(stats.reliefs),
      static_cast<double>(latency.Quantile(0.5)) / 1e3,
      static_cast<double>(latency.Quantile(0.99)) / 1e3, latency.Count());
}

std::string SchedulerJson(const AdminSources& sources) {
  JsonWriter json;
  json.Begin('{').Key("pools").Begin('[');
  for (scheduler::Pool* pool : sources.pools) {
    json.Begin('{').Key("name").String(pool->name()).Key("policy").String(PolicyName(*pool));
    json.Key("coroutines").Number(pool->live());
    json.Key("global_queue").Number(int64_t{pool->global_queue_size()});
    if (pool->policy() == scheduler::Policy::kStealing) WriteMachines(*pool, json);
    json.Key("processors").Begin('[');
    for (int id = 0; id < pool->procs(); ++id) {
      const ProcFigures figures = Read(pool->processor(id));
      json.Begin('{').Key("id").Number(int64_t{id});
      json.Key("ticks").Number(static_cast<int64_t>(figures.ticks));
      json.Key("polls").Number(static_cast<int64_t>(figures.polls));
      json.Key("steals").Number(static_cast<int64_t>(figures.steals));
      json.Key("panics").Number(static_cast<int64_t>(figures.panics));
      json.Key("stalls").Number(static_cast<int64_t>(figures.stalls)).Key("running");
      if (figures.running) {
        json.String(figures.running);
      } else {
        json.Raw("null");
      }
      json.End('}');
    }
    json.End(']').End('}');
  }
  json.End(']').End('}');
  return json.Take();
}

// A bar a processor: its share of the coroutines that its pool has run.
std::string SchedulerPicture(scheduler::Pool& pool) {
  constexpr int kWidth = 520, kHeight = 26;
  uint64_t most = 1;
  for (int id = 0; id < pool.procs(); ++id) most = std::max(most, Read(pool.processor(id)).ticks);
  std::string svg = absl::StrFormat(
      "<svg viewBox=\"0 0 %d %d\" width=\"%d\" role=\"img\" "
      "aria-label=\"coroutines run by processor\">",
      kWidth + 240, pool.procs() * kHeight, kWidth + 240);
  const bool pinned = pool.policy() == scheduler::Policy::kPinned;
  for (int id = 0; id < pool.procs(); ++id) {
    const ProcFigures figures = Read(pool.processor(id));
    const int width =
        static_cast<int>(static_cast<double>(figures.ticks) / static_cast<double>(most) * kWidth);
    svg += absl::StrFormat(
        "<text x=\"0\" y=\"%d\">%s:%d</text><rect x=\"80\" y=\"%d\" width=\"%d\" height=\"18\" "
        "rx=\"4\" fill=\"var(--%s)\"/><text x=\"%d\" y=\"%d\">%d</text>",
        id * kHeight + 18, Escape(pool.name()), id, id * kHeight + 4, std::max(width, 2),
        pinned ? "data" : "control", 90 + width, id * kHeight + 18, figures.ticks);
  }
  return svg + "</svg>";
}

std::string SchedulerHtml(const AdminSources& sources) {
  std::string body;
  for (scheduler::Pool* pool : sources.pools) {
    scheduler::Append(body, "<h2>", Escape(pool->name()), " (", PolicyName(*pool), ")</h2><p>",
                      pool->live(), " coroutines, ", pool->global_queue_size(),
                      " in the global queue. Coroutines run by each processor:</p>",
                      SchedulerPicture(*pool));
    if (pool->policy() == scheduler::Policy::kStealing) body += MachinesHtml(*pool);
    body +=
        "<table><tr><th>processor<th>run<th>polls<th>steals<th>panics<th>slices overrun"
        "<th>runs now</tr>";
    for (int id = 0; id < pool->procs(); ++id) {
      const ProcFigures figures = Read(pool->processor(id));
      body += absl::StrFormat("<tr><td>%d<td>%d<td>%d<td>%d<td>%d<td>%d<td>%s</tr>", id,
                              figures.ticks, figures.polls, figures.steals, figures.panics,
                              figures.stalls, Escape(figures.running ? figures.running : "-"));
    }
    body += "</table>";
  }
  return Page("scheduler", body);
}

}  // namespace

AdminReply SchedulerPage(const AdminSources& sources, const ControlRequest& request) {
  if (WantsHtml(request)) return {200, "text/html; charset=UTF-8", SchedulerHtml(sources)};
  return {200, "application/json", SchedulerJson(sources)};
}

AdminReply CoroutinesPage(const AdminSources& sources, const ControlRequest&) {
  std::string text;
  for (scheduler::Pool* pool : sources.pools) text += scheduler::DumpCoroutines(*pool) + "\n";
  return {200, "text/plain; charset=UTF-8", std::move(text)};
}

AdminReply TracePage(const AdminSources& sources, const ControlRequest&) {
  return {200, "application/json", scheduler::TracePools(sources.pools)};
}

}  // namespace outrigger::control
