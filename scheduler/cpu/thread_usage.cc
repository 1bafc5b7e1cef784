#include "scheduler/cpu/thread_usage.h"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "scheduler/base/status_macros.h"
#include "scheduler/cpu/small_file.h"

namespace outrigger::scheduler {
namespace {

constexpr size_t kMaxFile = 64 * 1024;

absl::StatusOr<std::vector<int>> ListThreads(const std::string& folder) {
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir(folder.c_str()), closedir);
  if (directory == nullptr) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot list the threads in ", folder));
  }
  std::vector<int> tids;
  while (const dirent* entry = readdir(directory.get())) {
    int tid = 0;
    // "." and ".." are no numbers.
    if (!absl::SimpleAtoi(entry->d_name, &tid)) continue;
    tids.push_back(tid);
    if (tids.size() == kMaxThreadUsages) break;
  }
  std::sort(tids.begin(), tids.end());
  return tids;
}

void ReadStatusLines(absl::string_view text, ThreadUsage& usage) {
  for (absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    const std::vector<absl::string_view> parts = absl::StrSplit(line, absl::MaxSplits(':', 1));
    if (parts.size() != 2) continue;
    const absl::string_view value = absl::StripAsciiWhitespace(parts[1]);
    if (parts[0] == "Cpus_allowed_list") {
      usage.cpus_allowed = CpuSet::Parse({value.data(), value.size()}).value_or(CpuSet());
    } else if (parts[0] == "voluntary_ctxt_switches") {
      if (!absl::SimpleAtoi(value, &usage.voluntary_switches)) usage.voluntary_switches = 0;
    } else if (parts[0] == "nonvoluntary_ctxt_switches") {
      if (!absl::SimpleAtoi(value, &usage.involuntary_switches)) usage.involuntary_switches = 0;
    }
  }
}

// proc(5): "TID (NAME) STATE PPID ..."; utime, stime and processor are fields 14, 15 and 39.
void ReadStatFields(absl::string_view text, ThreadUsage& usage) {
  // The name may itself hold ") ": fields count from the last parenthesis.
  const size_t name_end = text.rfind(')');
  if (name_end == absl::string_view::npos) return;
  const std::vector<absl::string_view> fields =
      absl::StrSplit(text.substr(name_end + 1), absl::ByAnyChar(" \n"), absl::SkipEmpty());
  constexpr size_t kFirstField = 3;
  uint64_t user = 0;
  uint64_t system = 0;
  if (fields.size() <= 39 - kFirstField || !absl::SimpleAtoi(fields[14 - kFirstField], &user) ||
      !absl::SimpleAtoi(fields[15 - kFirstField], &system)) {
    return;
  }
  const uint64_t ticks_per_second = std::max(1L, sysconf(_SC_CLK_TCK));
  usage.cpu_ns = (user + system) * (1'000'000'000 / ticks_per_second);
  if (!absl::SimpleAtoi(fields[39 - kFirstField], &usage.last_cpu)) usage.last_cpu = -1;
}

// "ON_CPU_NS RUN_DELAY_NS TIMESLICES"
void ReadSchedstat(absl::string_view text, ThreadUsage& usage) {
  const std::vector<absl::string_view> fields =
      absl::StrSplit(text, absl::ByAnyChar(" \n"), absl::SkipEmpty());
  uint64_t cpu = 0;
  uint64_t delay = 0;
  if (fields.size() < 3 || !absl::SimpleAtoi(fields[0], &cpu) ||
      !absl::SimpleAtoi(fields[1], &delay)) {
    return;
  }
  usage.cpu_ns = cpu;
  usage.run_delay_ns = delay;
}

absl::StatusOr<ThreadUsage> ReadThread(const std::string& folder, int tid) {
  ThreadUsage usage;
  usage.tid = tid;
  const std::string prefix = absl::StrCat(folder, "/", tid, "/");
  OUTRIGGER_ASSIGN_OR_RETURN(usage.name, ReadSmallFile(prefix + "comm", kMaxFile));
  if (absl::EndsWith(usage.name, "\n")) usage.name.pop_back();
  OUTRIGGER_ASSIGN_OR_RETURN(const std::string status, ReadSmallFile(prefix + "status", kMaxFile));
  ReadStatusLines(status, usage);
  OUTRIGGER_ASSIGN_OR_RETURN(const std::string stat, ReadSmallFile(prefix + "stat", kMaxFile));
  ReadStatFields(stat, usage);
  // Absent in kernels without CONFIG_SCHED_INFO.
  ReadSchedstat(ReadSmallFile(prefix + "schedstat", kMaxFile).value_or(""), usage);
  return usage;
}

}  // namespace

absl::StatusOr<std::vector<ThreadUsage>> ReadThreadUsage(const std::string& proc) {
  const std::string folder = absl::StrCat(proc, "/task");
  OUTRIGGER_ASSIGN_OR_RETURN(const std::vector<int> tids, ListThreads(folder));
  std::vector<ThreadUsage> usages;
  usages.reserve(tids.size());
  for (int tid : tids) {
    absl::StatusOr<ThreadUsage> usage = ReadThread(folder, tid);
    if (usage.ok()) usages.push_back(*std::move(usage));
  }
  return usages;
}

}  // namespace outrigger::scheduler
