#include "control/sweep/report.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "absl/strings/str_format.h"
#include "scheduler/base/text.h"
#include "scheduler/trace/latency_histogram.h"

namespace outrigger::control {
namespace {

// The article's table of its experiment (1,000 tasks of 1e6 multiplications, 4 cores, Go): P95 of
// the delay 12.4, 8.7, 15.9 ms, switches 18k, 42k, 21k a second, at GOMAXPROCS 1, 4, 8.
constexpr std::array kPublished = {
    PublishedRun{.procs = 1, .delay_p95_ms = 12.4, .switches_per_s = 18'000},
    PublishedRun{.procs = 4, .delay_p95_ms = 8.7, .switches_per_s = 42'000},
    PublishedRun{.procs = 8, .delay_p95_ms = 15.9, .switches_per_s = 21'000},
};

}  // namespace

std::optional<PublishedRun> Published(int sweep, uint32_t procs) {
  if (sweep != 1) return std::nullopt;
  const auto* found = std::find_if(kPublished.begin(), kPublished.end(),
                                   [procs](const PublishedRun& run) { return run.procs == procs; });
  if (found == kPublished.end()) return std::nullopt;
  return *found;
}

double Quantile(std::vector<double> values, double q) {
  if (values.empty()) return 0;
  const double rank = std::ceil(q * static_cast<double>(values.size()));
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(std::max(rank, 1.0)) - 1;
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

std::string RenderText(const SweepReport& report) {
  std::string text = absl::StrFormat(
      "%d tasks of %d multiplications, beside one that is due each millisecond; %d CPUs\n\n",
      report.tasks, report.work, report.cpus);
  text +=
      absl::StrFormat("%-5s %-8s %5s %9s %18s %10s %10s %20s   %s\n", "", "", "", "", "delay, ms",
                      "hand-offs", "switches", "latency, us", "published (Go, 4 cores)");
  text += absl::StrFormat("%-5s %-8s %5s %9s %9s%9s %10s %10s %10s%10s   %9s %10s\n", "sweep",
                          "rules", "procs", "total, ms", "P95", "P99", "a second", "a second",
                          "P95", "P99", "P95, ms", "switches");
  for (const SweepRun& run : report.runs) {
    absl::StrAppendFormat(&text, "%-5d %-8s %5d %9.1f %9.2f%9.2f %10.0f %10.0f %10.0f%10.0f",
                          run.sweep, scheduler::ToAbsl(run.rules), run.procs, run.total_ms,
                          run.delay_p95_ms, run.delay_p99_ms, run.handoffs_per_s,
                          run.switches_per_s, run.latency_p95_us, run.latency_p99_us);
    if (const std::optional<PublishedRun> published = Published(run.sweep, run.procs)) {
      absl::StrAppendFormat(&text, "   %9.1f %10.0f\n", published->delay_p95_ms,
                            published->switches_per_s);
    } else {
      absl::StrAppendFormat(&text, "   %9s %10s\n", "-", "-");
    }
  }
  absl::StrAppend(&text, "\nlatency: of the Gs from runnable to running, one in ",
                  scheduler::ReadySampler::kEvery, ". -: not published.\n");
  return text;
}

std::string RenderJson(const SweepReport& report) {
  std::string text = absl::StrFormat("{\"tasks\":%d,\"work\":%d,\"cpus\":%d,\"runs\":[",
                                     report.tasks, report.work, report.cpus);
  const char* separator = "";
  for (const SweepRun& run : report.runs) {
    absl::StrAppendFormat(
        &text,
        "%s{\"sweep\":%d,\"rules\":\"%s\",\"slice_ms\":%.1f,\"procs\":%d,\"total_ms\":%.3f,"
        "\"delay_p95_ms\":%.3f,\"delay_p99_ms\":%.3f,\"handoffs_per_s\":%.1f,"
        "\"switches_per_s\":%.1f,\"latency_p95_us\":%.1f,\"latency_p99_us\":%.1f,\"published\":",
        separator, run.sweep, scheduler::ToAbsl(run.rules), run.slice_ms, run.procs, run.total_ms,
        run.delay_p95_ms, run.delay_p99_ms, run.handoffs_per_s, run.switches_per_s,
        run.latency_p95_us, run.latency_p99_us);
    if (const std::optional<PublishedRun> published = Published(run.sweep, run.procs)) {
      absl::StrAppendFormat(&text, "{\"delay_p95_ms\":%.1f,\"switches_per_s\":%.0f}}",
                            published->delay_p95_ms, published->switches_per_s);
    } else {
      text += "null}";
    }
    separator = ",";
  }
  return text + "]}\n";
}

}  // namespace outrigger::control
