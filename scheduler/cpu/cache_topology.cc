#include "scheduler/cpu/cache_topology.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "scheduler/cpu/small_file.h"

namespace outrigger::scheduler {
namespace {

constexpr size_t kMaxList = 4096;
constexpr int kMaxLevels = 8;  // of caches, as sysfs numbers them: data, instructions, level 2, ...

// The CPUs that share the last of this CPU's caches; empty: unknown.
CpuSet Sharers(int cpu, const std::string& root) {
  CpuSet last;
  for (int index = 0; index < kMaxLevels; ++index) {
    const absl::StatusOr<std::string> list = ReadSmallFile(
        absl::StrCat(root, "/cpu", cpu, "/cache/index", index, "/shared_cpu_list"), kMaxList);
    if (!list.ok()) break;
    const absl::string_view text = absl::StripSuffix(*list, "\n");
    if (absl::StatusOr<CpuSet> set = CpuSet::Parse({text.data(), text.size()}); set.ok()) {
      last = *std::move(set);
    }
  }
  return last;
}

}  // namespace

int LastLevelCacheOf(const CpuSet& cpus, const std::string& root) {
  if (cpus.Empty()) return kSeveralCaches;
  const CpuSet sharers = Sharers(*cpus.begin(), root);
  if (sharers.Empty()) return kSeveralCaches;
  for (const int cpu : cpus) {
    if (!sharers.Contains(cpu)) return kSeveralCaches;
  }
  return *sharers.begin();
}

}  // namespace outrigger::scheduler
