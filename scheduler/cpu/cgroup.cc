#include "scheduler/cpu/cgroup.h"

#include <cstdint>
#include <initializer_list>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "scheduler/cpu/cgroup_tree.h"
#include "scheduler/cpu/small_file.h"

namespace outrigger::scheduler {
namespace {

constexpr size_t kMaxFigureFile = 16 * 1024;
constexpr size_t kMaxMembershipFile = 256 * 1024;
constexpr size_t kMaxMountFile = 4 * 1024 * 1024;

std::string Quote(absl::string_view text) {
  return absl::StrCat("\"", absl::CHexEscape(text.substr(0, 64)), "\"");
}

std::optional<int64_t> ParseMicroseconds(absl::string_view text) {
  int64_t value = 0;
  if (!absl::SimpleAtoi(text, &value)) return std::nullopt;
  return value;
}

// Runs on: the caller's stack. Thread-safety: confined.
class Reader {
 public:
  explicit Reader(const CgroupFilesystem& filesystem) : filesystem_(filesystem) {}

  CgroupLimits Read();

 private:
  void ReadPlacementKey(const std::vector<CgroupMembership>& memberships);
  void ReadQuotaV1(const CgroupDirectory& group);
  void ReadQuotaV2(const CgroupDirectory& group);
  // Takes the first of `files` that exists and names CPUs.
  void ReadCpuset(const CgroupDirectory& group, std::initializer_list<absl::string_view> files);
  void ReadExclusive(const CgroupMembership& membership,
                     const std::vector<CgroupDirectory>& groups);

  // The figure's text without blanks around; none where there is no such file (not every group has
  // every controller) and, with a note, where it cannot be read.
  std::optional<std::string> ReadFigure(const CgroupDirectory& group, absl::string_view file);
  void TightenQuota(int64_t quota, int64_t period, absl::string_view file,
                    const CgroupDirectory& group);
  void Note(std::string note);

  const CgroupFilesystem& filesystem_;
  CgroupLimits limits_;
};

CgroupLimits Reader::Read() {
  const absl::StatusOr<std::string> memberships_text =
      ReadSmallFile(PathIn(filesystem_, "/proc/self/cgroup"), kMaxMembershipFile);
  const absl::StatusOr<std::string> mounts_text =
      ReadSmallFile(PathIn(filesystem_, "/proc/self/mountinfo"), kMaxMountFile);
  for (const auto* text : {&memberships_text, &mounts_text}) {
    if (text->ok()) continue;
    Note(absl::StrCat(text->status().message(), ": no cgroup limit assumed"));
  }
  const auto memberships = ParseMemberships(memberships_text.value_or(""));
  const auto mounts = ParseCgroupMounts(mounts_text.value_or(""));
  ReadPlacementKey(memberships);

  std::vector<std::string> notes;
  bool found = false;
  for (const CgroupMembership& membership : memberships) {
    if (membership.IsV2()) {
      const auto groups = VisibleGroups(filesystem_, mounts, membership, "", notes);
      ReadExclusive(membership, groups);
      for (const CgroupDirectory& group : groups) {
        ReadQuotaV2(group);
        ReadCpuset(group, {"cpuset.cpus.effective"});
      }
      found |= !groups.empty();
    }
    if (membership.Has("cpu")) {
      const auto groups = VisibleGroups(filesystem_, mounts, membership, "cpu", notes);
      for (const CgroupDirectory& group : groups) ReadQuotaV1(group);
      found |= !groups.empty();
    }
    if (membership.Has("cpuset")) {
      const auto groups = VisibleGroups(filesystem_, mounts, membership, "cpuset", notes);
      ReadExclusive(membership, groups);
      for (const CgroupDirectory& group : groups) {
        ReadCpuset(group, {"cpuset.effective_cpus", "cpuset.cpus"});
      }
    }
  }
  for (std::string& note : notes) Note(std::move(note));
  if (!found && limits_.notes.empty()) {
    Note("no cgroup with a CPU controller is visible: no CPU quota assumed");
  }
  return std::move(limits_);
}

void Reader::ReadPlacementKey(const std::vector<CgroupMembership>& memberships) {
  // The CPU controller's path if it tells anything, else v2's, else whichever does.
  auto first_telling = [&](auto&& wanted) -> const std::string* {
    for (const CgroupMembership& membership : memberships) {
      if (membership.path != "/" && wanted(membership)) return &membership.path;
    }
    return nullptr;
  };
  const std::string* path = first_telling([](const auto& m) { return m.Has("cpu"); });
  if (path == nullptr) path = first_telling([](const auto& m) { return m.IsV2(); });
  if (path == nullptr) path = first_telling([](const auto&) { return true; });
  if (path != nullptr) {
    limits_.placement_key = *path;
    return;
  }
  const absl::StatusOr<std::string> host =
      ReadSmallFile(PathIn(filesystem_, "/proc/sys/kernel/hostname"), kMaxFigureFile);
  limits_.placement_key =
      absl::StrCat("/ of host ", absl::StripAsciiWhitespace(host.value_or("(unknown)")));
}

void Reader::ReadQuotaV1(const CgroupDirectory& group) {
  constexpr absl::string_view kQuota = "cpu.cfs_quota_us";
  const std::optional<std::string> quota_text = ReadFigure(group, kQuota);
  if (!quota_text.has_value() || *quota_text == "-1") return;
  const std::optional<std::string> period_text = ReadFigure(group, "cpu.cfs_period_us");
  const std::optional<int64_t> quota = ParseMicroseconds(*quota_text);
  const std::optional<int64_t> period = ParseMicroseconds(period_text.value_or(""));
  if (!quota.has_value() || *quota <= 0 || !period.has_value() || *period <= 0) {
    Note(absl::StrCat("ignored cpu.cfs_quota_us ", Quote(*quota_text), " with cpu.cfs_period_us ",
                      Quote(period_text.value_or("")), " of ", group.name,
                      ": want two numbers of microseconds, or -1 for no quota"));
    return;
  }
  TightenQuota(*quota, *period, kQuota, group);
}

void Reader::ReadQuotaV2(const CgroupDirectory& group) {
  const std::optional<std::string> text = ReadFigure(group, "cpu.max");
  if (!text.has_value()) return;
  const std::vector<absl::string_view> fields = absl::StrSplit(*text, ' ');
  const std::optional<int64_t> period =
      fields.size() == 2 ? ParseMicroseconds(fields[1]) : std::nullopt;
  if (period.has_value() && *period > 0) {
    if (fields[0] == "max") return;
    const std::optional<int64_t> quota = ParseMicroseconds(fields[0]);
    if (quota.has_value() && *quota > 0) return TightenQuota(*quota, *period, "cpu.max", group);
  }
  Note(absl::StrCat("ignored cpu.max ", Quote(*text), " of ", group.name,
                    ": want QUOTA PERIOD in microseconds, or max for QUOTA"));
}

void Reader::TightenQuota(int64_t quota, int64_t period, absl::string_view file,
                          const CgroupDirectory& group) {
  const double cpus = static_cast<double>(quota) / static_cast<double>(period);
  if (limits_.quota.has_value() && *limits_.quota <= cpus) return;
  limits_.quota = cpus;
  limits_.quota_source =
      absl::StrCat(file, " of ", group.name, " (", quota, " of ", period, " us)");
}

void Reader::ReadCpuset(const CgroupDirectory& group,
                        std::initializer_list<absl::string_view> files) {
  for (absl::string_view file : files) {
    const std::optional<std::string> text = ReadFigure(group, file);
    // Empty: the group leaves it to its parent.
    if (!text.has_value() || text->empty()) continue;
    const absl::StatusOr<CpuSet> cpus = CpuSet::Parse(*text);
    if (!cpus.ok()) {
      Note(absl::StrCat("ignored ", file, " of ", group.name, ": ", cpus.status().message()));
      continue;
    }
    const std::string source = absl::StrCat(file, " of ", group.name);
    const CpuSet allowed = limits_.cpuset.has_value() ? limits_.cpuset->Intersect(*cpus) : *cpus;
    if (allowed.Empty()) {
      Note(absl::StrCat("ignored ", source, ": ", cpus->ToString(), " has no CPU in common with ",
                        limits_.cpuset_source, ", ", limits_.cpuset->ToString()));
      return;
    }
    if (!limits_.cpuset.has_value() || allowed != *limits_.cpuset) {
      limits_.cpuset = allowed;
      limits_.cpuset_source = source;
    }
    return;
  }
}

void Reader::ReadExclusive(const CgroupMembership& membership,
                           const std::vector<CgroupDirectory>& groups) {
  // A parent's flag says nothing about its children.
  if (groups.empty() || groups.front().name != membership.path) return;
  const CgroupDirectory& own = groups.front();
  if (membership.IsV2()) {
    // "root invalid (...)" is a partition that the kernel turned off.
    const std::optional<std::string> partition = ReadFigure(own, "cpuset.cpus.partition");
    limits_.cpuset_exclusive |= partition == "root" || partition == "isolated";
  } else if (own.name != "/") {
    // The hierarchy's top is always "exclusive"; it says nothing there.
    limits_.cpuset_exclusive |= ReadFigure(own, "cpuset.cpu_exclusive") == "1";
  }
}

std::optional<std::string> Reader::ReadFigure(const CgroupDirectory& group,
                                              absl::string_view file) {
  absl::StatusOr<std::string> text =
      ReadSmallFile(absl::StrCat(group.directory, "/", file), kMaxFigureFile);
  if (text.ok()) return std::string(absl::StripAsciiWhitespace(*text));
  if (!absl::IsNotFound(text.status())) {
    Note(absl::StrCat("ignored ", file, " of ", group.name, ": ", text.status().message()));
  }
  return std::nullopt;
}

void Reader::Note(std::string note) {
  if (limits_.notes.size() < CgroupLimits::kMaxNotes) limits_.notes.push_back(std::move(note));
}

}  // namespace

CgroupLimits ReadCgroupLimits(const CgroupFilesystem& filesystem) {
  return Reader(filesystem).Read();
}

}  // namespace outrigger::scheduler
