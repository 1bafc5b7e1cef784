#include <algorithm>

#include "absl/strings/str_format.h"
#include "control/admin/html.h"
#include "control/admin/json_writer.h"
#include "control/admin/pages.h"
#include "scheduler/base/text.h"
#include "scheduler/cpu/thread_usage.h"

namespace outrigger::control {
namespace {

using scheduler::ThreadUsage;

constexpr int kBox = 84;  // a CPU's width in the picture
constexpr int kPerRow = 10;
constexpr int kMaxDrawn = 120;  // CPUs drawn; more are named in the table alone

std::vector<ThreadUsage> Threads() {
  absl::StatusOr<std::vector<ThreadUsage>> threads = scheduler::ReadThreadUsage();
  return threads.ok() ? *std::move(threads) : std::vector<ThreadUsage>();
}

struct Reason {
  std::string_view of;
  std::string_view text;
};

std::vector<Reason> Reasons(const scheduler::CpuPlan& plan) {
  std::vector<Reason> reasons;
  for (const Reason& reason : {Reason{"allowance", plan.reasons.allowance},
                               {"place", plan.reasons.place},
                               {"control CPUs", plan.reasons.control},
                               {"data CPUs", plan.reasons.data},
                               {"workers", plan.reasons.workers},
                               {"control procs", plan.reasons.control_procs}}) {
    if (!reason.text.empty()) reasons.push_back(reason);
  }
  return reasons;
}

void WriteStrings(JsonWriter& json, const std::vector<std::string_view>& strings) {
  json.Begin('[');
  for (const std::string_view text : strings) json.String(text);
  json.End(']');
}

std::string CpuJson(const AdminSources& sources) {
  const scheduler::CpuPlan& plan = sources.plan;
  const scheduler::CpuAllowance& allowance = sources.allowance;
  JsonWriter json;
  json.Begin('{').Key("allowance").Begin('{');
  json.Key("cpus").String(allowance.cpus.ToString());
  json.Key("cpus_source").String(allowance.cpus_source).Key("quota");
  if (allowance.quota) {
    json.Number(*allowance.quota);
  } else {
    json.Raw("null");
  }
  json.Key("quota_source").String(allowance.quota_source);
  json.Key("count").Number(int64_t{allowance.count}).Key("notes");
  WriteStrings(json, {allowance.notes.begin(), allowance.notes.end()});
  json.End('}').Key("control").Begin('{').Key("cpus").String(plan.control.ToString());
  json.Key("procs").Number(int64_t{plan.control_procs}).End('}');
  json.Key("data").Begin('{').Key("cpus").String(plan.data.ToString());
  json.Key("workers").Begin('[');
  for (int i = 0; i < plan.Workers(); ++i) {
    json.Begin('{').Key("name").String(absl::StrCat("data:", i));
    json.Key("cpu").Number(int64_t{plan.worker_cpus[static_cast<size_t>(i)]}).End('}');
  }
  json.End(']').End('}').Key("shared").Bool(plan.shared).Key("reasons");
  json.Begin('[');
  for (const Reason& reason : Reasons(plan)) json.String(reason.text);
  json.End(']');
  json.Key("warnings");
  WriteStrings(json, {plan.warnings.begin(), plan.warnings.end()});
  json.Key("threads").Begin('[');
  for (const ThreadUsage& thread : Threads()) {
    json.Begin('{').Key("tid").Number(int64_t{thread.tid}).Key("name").String(thread.name);
    json.Key("cpus_allowed").String(thread.cpus_allowed.ToString());
    json.Key("last_cpu").Number(int64_t{thread.last_cpu});
    json.Key("cpu_ns").Number(static_cast<int64_t>(thread.cpu_ns)).Key("run_delay_ns");
    if (thread.run_delay_ns) {
      json.Number(static_cast<int64_t>(*thread.run_delay_ns));
    } else {
      json.Raw("null");
    }
    json.Key("voluntary_switches").Number(static_cast<int64_t>(thread.voluntary_switches));
    json.Key("involuntary_switches").Number(static_cast<int64_t>(thread.involuntary_switches));
    json.End('}');
  }
  json.End(']').End('}');
  return json.Take();
}

std::string_view RoleColour(const scheduler::CpuPlan& plan, int cpu) {
  if (plan.control.Contains(cpu) && plan.data.Contains(cpu)) return "var(--both)";
  if (plan.control.Contains(cpu)) return "var(--control)";
  return plan.data.Contains(cpu) ? "var(--data)" : "var(--free)";
}

// One box a CPU of the allowance, coloured by role, with the workers that are bound to it.
std::string CpuPicture(const AdminSources& sources) {
  const scheduler::CpuPlan& plan = sources.plan;
  const int count = std::min(sources.allowance.cpus.Count(), kMaxDrawn);
  const int rows = (count + kPerRow - 1) / kPerRow;
  std::string svg = absl::StrFormat(
      "<svg viewBox=\"0 0 %d %d\" width=\"%d\" role=\"img\" "
      "aria-label=\"CPUs by role\">",
      std::min(count, kPerRow) * kBox, rows * kBox, std::min(count, kPerRow) * kBox);
  int place = 0;
  for (const int cpu : sources.allowance.cpus) {
    if (place == count) break;
    const int x = place % kPerRow * kBox, y = place / kPerRow * kBox;
    const bool used = plan.control.Contains(cpu) || plan.data.Contains(cpu);
    std::string label = plan.control.Contains(cpu) ? "control" : "";
    const auto workers = std::count(plan.worker_cpus.begin(), plan.worker_cpus.end(), cpu);
    if (workers == 1) {
      const auto at = std::find(plan.worker_cpus.begin(), plan.worker_cpus.end(), cpu);
      absl::StrAppend(&label, label.empty() ? "" : ", ", "data:", at - plan.worker_cpus.begin());
    } else if (workers > 1) {
      absl::StrAppend(&label, label.empty() ? "" : ", ", workers, " workers");
    }
    const std::string_view text = used ? "on" : "";
    svg += absl::StrFormat(
        "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"8\" fill=\"%s\"/>"
        "<text class=\"%s\" x=\"%d\" y=\"%d\" text-anchor=\"middle\">CPU %d</text>"
        "<text class=\"%s\" x=\"%d\" y=\"%d\" text-anchor=\"middle\" font-size=\"11\">%s</text>",
        x + 3, y + 3, kBox - 6, kBox - 6, RoleColour(plan, cpu), text, x + kBox / 2, y + 36, cpu,
        text, x + kBox / 2, y + 56, label);
    ++place;
  }
  return svg + "</svg>";
}

std::string CpuHtml(const AdminSources& sources) {
  std::string body = CpuPicture(sources);
  body +=
      "<p><b style=\"color:var(--control)\">control</b> and <b style=\"color:var(--data)\">data"
      "</b>; grey: of the allowance, not used.</p>";
  for (const std::string& warning : sources.plan.warnings) {
    scheduler::Append(body, "<p class=\"warn\">", Escape(warning), "</p>");
  }
  body += "<h2>Why</h2><table>";
  for (const Reason& reason : Reasons(sources.plan)) {
    scheduler::Append(body, "<tr><th>", reason.of, "</th><td>", Escape(reason.text), "</td></tr>");
  }
  body += "</table>";
  body +=
      "<h2>Threads</h2><table><tr><th>name<th>tid<th>may run on<th>ran last on<th>CPU s"
      "<th>run delay ms<th>switches<th>involuntary</tr>";
  for (const ThreadUsage& thread : Threads()) {
    body += absl::StrFormat("<tr><td>%s<td>%d<td>%s<td>%d<td>%.3f<td>%.2f<td>%d<td>%d</tr>",
                            Escape(thread.name), thread.tid, thread.cpus_allowed.ToString(),
                            thread.last_cpu, static_cast<double>(thread.cpu_ns) / 1e9,
                            static_cast<double>(thread.run_delay_ns.value_or(0)) / 1e6,
                            thread.voluntary_switches, thread.involuntary_switches);
  }
  return Page("CPU plan", body + "</table>");
}

constexpr std::string_view kHtml = "text/html; charset=UTF-8";

}  // namespace

AdminReply CpuPage(const AdminSources& sources, const ControlRequest& request) {
  if (WantsHtml(request)) return {200, std::string(kHtml), CpuHtml(sources)};
  return {200, "application/json", CpuJson(sources)};
}

}  // namespace outrigger::control
