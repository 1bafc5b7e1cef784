#include "proxy/router/path_index.h"

#include <algorithm>
#include <string>

namespace outrigger::proxy {
namespace {

// With fewer, a look at each costs about as much.
constexpr size_t kLeastRoutes = 12;

}  // namespace

std::shared_ptr<const PathIndex> PathIndex::Build(const std::vector<Route>& routes) {
  if (routes.size() < kLeastRoutes) return nullptr;
  auto index = std::make_shared<PathIndex>();
  for (uint32_t i = 0; i < routes.size(); ++i) {
    const bool has_text = routes[i].match != Route::Match::kRegex && routes[i].case_sensitive;
    (has_text ? index->members_ : index->others_).push_back(i);
  }
  std::stable_sort(index->members_.begin(), index->members_.end(),
                   [&routes](uint32_t a, uint32_t b) { return routes[a].path < routes[b].path; });
  const auto text = [&](uint32_t entry) -> const std::string& {
    return routes[index->members_[index->entries_[entry].first]].path;
  };
  for (uint32_t i = 0; i < index->members_.size(); ++i) {
    const uint32_t last = static_cast<uint32_t>(index->entries_.size()) - 1;
    const std::string& path = routes[index->members_[i]].path;
    if (last != kNone && text(last) == path) {
      ++index->entries_[last].count;
      continue;
    }
    uint32_t shorter = last;
    while (shorter != kNone && !path.starts_with(text(shorter))) {
      shorter = index->entries_[shorter].shorter;
    }
    index->entries_.push_back({i, 1, shorter});
  }
  return index;
}

uint32_t PathIndex::Last(const std::vector<Route>& routes, std::string_view path) const {
  const auto after = std::upper_bound(
      entries_.begin(), entries_.end(), path, [&](std::string_view text, const Entry& entry) {
        return text < std::string_view(routes[members_[entry.first]].path);
      });
  // kNone if it is the first.
  return static_cast<uint32_t>(after - entries_.begin()) - 1;
}

}  // namespace outrigger::proxy
