#include "scheduler/cpu/cgroup_tree.h"

#include <sys/stat.h>

#include <algorithm>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"

namespace outrigger::scheduler {
namespace {

// Deeper nesting than any container system makes; the groups nearest to the process are kept.
constexpr size_t kMaxLevels = 64;
// Some 13 controllers and a few named hierarchies exist; each container runtime mounts each once.
constexpr size_t kMaxMemberships = 64;
constexpr size_t kMaxMounts = 1024;

absl::string_view View(std::string_view text) { return {text.data(), text.size()}; }

bool IsOctal(char c) { return c >= '0' && c <= '7'; }

// mountinfo writes blank, tab, newline and backslash as \040, \011, \012 and \134.
std::string Unescape(absl::string_view text) {
  std::string result;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size() && IsOctal(text[i + 1]) && IsOctal(text[i + 2]) &&
        IsOctal(text[i + 3])) {
      result += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                                  (text[i + 3] - '0'));
      i += 3;
    } else {
      result += text[i];
    }
  }
  return result;
}

bool HasUpwardStep(absl::string_view path) {
  for (absl::string_view step : absl::StrSplit(path, '/')) {
    if (step == "..") return true;
  }
  return false;
}

// True for "/..", "/../..": an ancestor of everything in our namespace.
bool IsAboveNamespace(absl::string_view root) {
  const std::vector<absl::string_view> steps = absl::StrSplit(root, '/', absl::SkipEmpty());
  return !steps.empty() &&
         std::all_of(steps.begin(), steps.end(), [](absl::string_view s) { return s == ".."; });
}

// What is left of `path` below `root`: "" for root itself, else "/...". Whole steps only.
std::optional<std::string> Below(absl::string_view path, absl::string_view root) {
  while (absl::EndsWith(path, "/")) path.remove_suffix(1);
  while (absl::EndsWith(root, "/")) root.remove_suffix(1);
  if (!absl::StartsWith(path, root)) return std::nullopt;
  path.remove_prefix(root.size());
  if (!path.empty() && path.front() != '/') return std::nullopt;
  if (HasUpwardStep(path)) return std::nullopt;
  return std::string(path);
}

bool DirectoryExists(const std::string& path) {
  struct stat found;
  return stat(path.c_str(), &found) == 0 && S_ISDIR(found.st_mode);
}

enum class Sight { kNone, kAncestor, kGroupHidden, kGroup };

Sight SightOf(const CgroupFilesystem& filesystem, const CgroupMount& mount,
              const std::string& path) {
  if (const std::optional<std::string> below = Below(path, mount.root); below.has_value()) {
    const bool exists = DirectoryExists(PathIn(filesystem, mount.point + *below));
    return exists ? Sight::kGroup : Sight::kGroupHidden;
  }
  return IsAboveNamespace(mount.root) && !HasUpwardStep(path) ? Sight::kAncestor : Sight::kNone;
}

bool Shows(const CgroupMount& mount, std::string_view controller) {
  if (controller.empty()) return mount.v2;
  return !mount.v2 && std::find(mount.options.begin(), mount.options.end(), controller) !=
                          mount.options.end();
}

// From the group at `below` up to the mount's top.
std::vector<CgroupDirectory> Climb(const CgroupFilesystem& filesystem, const CgroupMount& mount,
                                   std::string below) {
  const std::string root = mount.root == "/" ? "" : mount.root;
  std::vector<CgroupDirectory> groups;
  while (groups.size() < kMaxLevels) {
    const std::string name = root + below;
    groups.push_back({name.empty() ? "/" : name, PathIn(filesystem, mount.point + below)});
    if (below.empty()) break;
    below.resize(below.rfind('/'));
  }
  return groups;
}

}  // namespace

bool CgroupMembership::Has(std::string_view controller) const {
  return std::find(controllers.begin(), controllers.end(), controller) != controllers.end();
}

std::string PathIn(const CgroupFilesystem& filesystem, std::string_view path) {
  std::string root = filesystem.root;
  while (!root.empty() && root.back() == '/') root.pop_back();
  return root.append(path);
}

std::vector<CgroupMembership> ParseMemberships(std::string_view text) {
  std::vector<CgroupMembership> memberships;
  for (absl::string_view line : absl::StrSplit(View(text), '\n', absl::SkipEmpty())) {
    // A group's name may hold colons: only the first two separate.
    const std::vector<std::string> fields = absl::StrSplit(line, absl::MaxSplits(':', 2));
    if (fields.size() != 3 || !absl::StartsWith(fields[2], "/")) continue;
    // Only v2's line has no controller; "name=systemd" is a v1 line as well.
    if (fields[1].empty() && fields[0] != "0") continue;
    if (memberships.size() == kMaxMemberships) break;
    memberships.push_back({absl::StrSplit(fields[1], ',', absl::SkipEmpty()), fields[2]});
  }
  return memberships;
}

std::vector<CgroupMount> ParseCgroupMounts(std::string_view text) {
  std::vector<CgroupMount> mounts;
  for (absl::string_view line : absl::StrSplit(View(text), '\n', absl::SkipEmpty())) {
    // "31 23 0:28 ROOT POINT OPTIONS [TAGS] - TYPE SOURCE SUPER_OPTIONS"
    const std::vector<absl::string_view> fields = absl::StrSplit(line, ' ');
    if (fields.size() < 10) continue;
    const auto dash = std::find(fields.begin() + 6, fields.end(), "-");
    if (fields.end() - dash < 4) continue;
    const absl::string_view type = dash[1];
    if (type != "cgroup" && type != "cgroup2") continue;
    CgroupMount mount{type == "cgroup2", Unescape(fields[3]), Unescape(fields[4]),
                      absl::StrSplit(dash[3], ',')};
    if (mounts.size() == kMaxMounts) break;
    if (absl::StartsWith(mount.root, "/") && absl::StartsWith(mount.point, "/")) {
      mounts.push_back(std::move(mount));
    }
  }
  return mounts;
}

std::vector<CgroupDirectory> VisibleGroups(const CgroupFilesystem& filesystem,
                                           const std::vector<CgroupMount>& mounts,
                                           const CgroupMembership& membership,
                                           std::string_view controller,
                                           std::vector<std::string>& notes) {
  const CgroupMount* best = nullptr;
  const CgroupMount* unrelated = nullptr;
  Sight best_sight = Sight::kNone;
  for (const CgroupMount& mount : mounts) {
    if (!Shows(mount, controller)) continue;
    const Sight sight = SightOf(filesystem, mount, membership.path);
    unrelated = &mount;
    if (sight == Sight::kNone || sight < best_sight) continue;
    // The shortest root shows most ancestors; of equals the later mount covers the earlier one.
    if (best == nullptr || sight > best_sight || mount.root.size() <= best->root.size()) {
      best = &mount;
      best_sight = sight;
    }
  }
  if (best == nullptr) {
    if (unrelated != nullptr) {
      notes.push_back(absl::StrCat("cgroup ", membership.path, " is not visible below ",
                                   unrelated->point, ", which shows ", unrelated->root,
                                   ": its limits are unknown"));
    }
    return {};
  }
  if (best_sight == Sight::kAncestor) {
    notes.push_back(absl::StrCat("cgroup ", membership.path, " is not visible: ", best->point,
                                 " was mounted outside of this cgroup namespace; using the limits "
                                 "of ",
                                 best->root, " alone"));
    return {{best->root, PathIn(filesystem, best->point)}};
  }
  std::vector<CgroupDirectory> groups =
      Climb(filesystem, *best, *Below(membership.path, best->root));
  if (best_sight == Sight::kGroupHidden) {
    notes.push_back(absl::StrCat("cgroup ", membership.path, " is not visible below ",
                                 best->point, ": using the limits of its visible parents"));
    std::erase_if(groups, [](const CgroupDirectory& group) {
      return !DirectoryExists(group.directory);
    });
  }
  return groups;
}

}  // namespace outrigger::scheduler
