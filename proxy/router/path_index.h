// path_index.h: the routes of a large virtual host by the text that their paths have to begin with,
// so that a request meets those few that its path allows, and not each. Built on the control pool.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "proxy/snapshot/route.h"

namespace outrigger::proxy {

// Holds places in the list of routes, no texts: what it was built over may be moved and copied.
//
// Runs on: any. Owner: shared, by virtual hosts. Thread-safety: immutable.
class PathIndex {
 public:
  // Null for a list so short that looking at each route is as good.
  static std::shared_ptr<const PathIndex> Build(const std::vector<Route>& routes);

  // The first of `routes` (those it was built over) that `matches`, a test of a whole route; their
  // size if there is none. `path`: without its query.
  template <typename Test>
  size_t First(const std::vector<Route>& routes, std::string_view path, const Test& matches) const {
    size_t best = routes.size();
    for (uint32_t at = Last(routes, path); at != kNone; at = entries_[at].shorter) {
      const Entry& entry = entries_[at];
      if (!path.starts_with(routes[members_[entry.first]].path)) continue;
      First(routes, members_.data() + entry.first, entry.count, matches, best);
    }
    First(routes, others_.data(), others_.size(), matches, best);
    return best;
  }

 private:
  static constexpr uint32_t kNone = UINT32_MAX;
  // All routes of one text.
  struct Entry {
    uint32_t first;  // in members_
    uint32_t count;
    uint32_t shorter;  // the longest text that this one begins with
  };

  // The last entry whose text is not after `path`. If a text is the longest that `path` begins
  // with, all texts from it to here begin with it too: it is this one, or among its `shorter` ones.
  uint32_t Last(const std::vector<Route>& routes, std::string_view path) const;
  template <typename Test>
  static void First(const std::vector<Route>& routes, const uint32_t* members, size_t count,
                    const Test& matches, size_t& best) {
    for (size_t i = 0; i < count && members[i] < best; ++i) {
      if (matches(routes[members[i]])) best = members[i];
    }
  }

  std::vector<Entry> entries_;     // ordered by text
  std::vector<uint32_t> members_;  // places, ascending within an entry
  std::vector<uint32_t> others_;   // without a text to look up: expressions, any case. Ascending
};

}  // namespace outrigger::proxy
