#include "proxy/router/route_table.h"

#include <algorithm>
#include <array>

#include "scheduler/base/text.h"

namespace outrigger::proxy {
namespace {

// Longest name of RFC 1035; a longer Host can only meet "*".
constexpr size_t kMaxHost = 255;

// "example.com:8080" -> "example.com", "[::1]:80" -> "[::1]".
std::string_view WithoutPort(std::string_view authority) {
  const size_t colon = authority.rfind(':');
  if (colon == std::string_view::npos || authority.find(']', colon) != std::string_view::npos) {
    return authority;
  }
  return authority.substr(0, colon);
}

const VirtualHost* FindWildcard(const RouteConfig& routes, std::string_view host) {
  // "*.x" stands for at least one character before ".x": longest suffix first. Every position is
  // tried, since a wildcard need not start at a dot ("*-x.com").
  if (!routes.suffix.empty()) {
    for (size_t i = 1; i < host.size(); ++i) {
      const auto found = routes.suffix.find(host.substr(i));
      if (found != routes.suffix.end()) return &routes.virtual_hosts[found->second];
    }
  }
  if (!routes.prefix.empty()) {
    for (size_t size = host.size(); size-- > 1;) {
      const auto found = routes.prefix.find(host.substr(0, size));
      if (found != routes.prefix.end()) return &routes.virtual_hosts[found->second];
    }
  }
  return nullptr;
}

bool Matches(const Route& route, std::string_view path) {
  switch (route.match) {
    case Route::Match::kPrefix:
      return route.case_sensitive ? path.starts_with(route.path)
                                  : scheduler::StartsWithIgnoreCase(path, route.path);
    case Route::Match::kPath: {
      const std::string_view only = PathOnly(path);
      return route.case_sensitive ? only == route.path
                                  : scheduler::EqualsIgnoreCase(only, route.path);
    }
  }
  return false;
}

}  // namespace

std::string_view PathOnly(std::string_view path) {
  return path.substr(0, path.find_first_of("?#"));
}

const VirtualHost* FindVirtualHost(const RouteConfig& routes, std::string_view authority) {
  const VirtualHost* any = routes.any ? &routes.virtual_hosts[*routes.any] : nullptr;
  if (routes.exact.empty() && routes.suffix.empty() && routes.prefix.empty()) return any;
  if (routes.ignore_port_in_host_matching) authority = WithoutPort(authority);
  if (authority.empty() || authority.size() > kMaxHost) return any;
  std::array<char, kMaxHost> lower;
  std::transform(authority.begin(), authority.end(), lower.begin(), absl::ascii_tolower);
  const std::string_view host(lower.data(), authority.size());
  const auto exact = routes.exact.find(host);
  if (exact != routes.exact.end()) return &routes.virtual_hosts[exact->second];
  const VirtualHost* wildcard = FindWildcard(routes, host);
  return wildcard ? wildcard : any;
}

const Route* FindRoute(const VirtualHost& host, const Headers& request) {
  const std::string_view path = request.Get(HeaderName::kPath);
  for (const Route& route : host.routes) {
    if (Matches(route, path)) return &route;
  }
  return nullptr;
}

}  // namespace outrigger::proxy
