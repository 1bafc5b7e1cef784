#include "control/ctl/render.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "scheduler/base/text.h"

namespace outrigger::control {
namespace {

using Row = std::vector<std::string>;

// Names come from configuration: none may steer the terminal.
std::string Printable(std::string text) {
  std::replace_if(
      text.begin(), text.end(),
      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, '?');
  return text;
}

// Columns as wide as their widest cell, three spaces apart.
std::string Table(const std::vector<Row>& rows) {
  std::vector<size_t> widths;
  for (const Row& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const Row& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) {
      text += Printable(row[i]);
      if (i + 1 < row.size()) text.append(widths[i] - row[i].size() + 3, ' ');
    }
    text += '\n';
  }
  return text;
}

// The two largest units: "2d 3h", "1m 5s".
std::string Uptime(int64_t seconds) {
  constexpr std::array<std::pair<int64_t, char>, 4> kUnits = {
      {{86'400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}}};
  size_t unit = 0;
  while (unit + 1 < kUnits.size() && seconds < kUnits[unit].first) ++unit;
  std::string text = absl::StrFormat("%d%c", seconds / kUnits[unit].first, kUnits[unit].second);
  if (unit + 1 < kUnits.size()) {
    const int64_t rest = seconds % kUnits[unit].first;
    absl::StrAppendFormat(&text, " %d%c", rest / kUnits[unit + 1].first, kUnits[unit + 1].second);
  }
  return text;
}

std::string OrNone(const std::string& text) { return text.empty() ? "none" : text; }

template <typename Sentences>
void AddSentences(std::string_view title, const Sentences& sentences, std::string& text) {
  if (sentences.empty()) return;
  scheduler::Append(text, "\n", title, "\n");
  for (const std::string& sentence : sentences) {
    scheduler::Append(text, "  ", Printable(sentence), "\n");
  }
}

}  // namespace

std::string RenderStatus(const v1::StatusResponse& status) {
  std::string text = Table({
      {"state", v1::State_Name(status.state())},
      {"version", status.version()},
      {"process", absl::StrCat(status.pid())},
      {"uptime", Uptime(status.uptime().seconds())},
      {"data workers", absl::StrCat(status.concurrency())},
      {"control processors", absl::StrCat(status.control_procs())},
      {"connections", absl::StrCat(status.active_connections())},
      {"requests", absl::StrCat(status.active_requests(), " open, ", status.total_requests(),
                                " since the start")},
  });
  std::vector<Row> listeners = {{"LISTENER", "ADDRESS"}};
  for (const v1::Listener& listener : status.listeners()) {
    listeners.push_back({listener.name(), listener.address()});
  }
  if (listeners.size() == 1) listeners.push_back({"none"});
  return text + "\n" + Table(listeners);
}

std::string RenderCpuPlan(const v1::GetCpuPlanResponse& plan) {
  const v1::Allowance& allowance = plan.allowance();
  std::vector<Row> rows = {
      {"allowed CPUs", OrNone(allowance.cpus()), allowance.cpus_source()},
      {"quota", allowance.quota() > 0 ? absl::StrFormat("%g CPUs", allowance.quota()) : "none",
       allowance.quota_source()},
      {"control CPUs", OrNone(plan.control_cpus())},
      {"data CPUs", OrNone(plan.data_cpus())},
  };
  for (Row& row : rows) {
    if (row.back().empty()) row.pop_back();
  }
  std::vector<Row> workers = {{"WORKER", "THREAD", "CPU"}};
  for (const v1::Worker& worker : plan.workers()) {
    workers.push_back({worker.name(), absl::StrCat(worker.tid()), absl::StrCat(worker.cpu())});
  }
  if (workers.size() == 1) workers.push_back({"none"});
  std::string text = Table(rows) + "\n" + Table(workers);
  AddSentences("WHY", plan.reasons(), text);
  AddSentences("WARNINGS", plan.warnings(), text);
  return text;
}

}  // namespace outrigger::control
