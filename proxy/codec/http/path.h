// path.h: the parts of ":path": the path alone, and what its query says.
#pragma once

#include <optional>
#include <string_view>

namespace outrigger::proxy {

// ":path" without query and fragment.
inline std::string_view PathOnly(std::string_view path) {
  // Not find_first_of(): it looks up each character in the set.
  path = path.substr(0, path.find('?'));
  return path.substr(0, path.find('#'));
}

// What follows the "?"; empty if there is none.
inline std::string_view QueryOf(std::string_view path) {
  const size_t mark = path.find('?');
  return mark == std::string_view::npos ? std::string_view() : path.substr(mark + 1);
}

// The first value of that name in `path`'s query, as it was sent: nothing is decoded. Empty for
// "name" and "name=".
inline std::optional<std::string_view> QueryParameter(std::string_view path,
                                                      std::string_view name) {
  std::string_view query = QueryOf(path);
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(pair.size() < query.size() ? pair.size() + 1 : query.size());
    const size_t equal = pair.find('=');
    if (pair.substr(0, equal) != name) continue;
    return equal == std::string_view::npos ? std::string_view() : pair.substr(equal + 1);
  }
  return std::nullopt;
}

}  // namespace outrigger::proxy
