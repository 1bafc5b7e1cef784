#include "proxy/router/route_table.h"

#include <algorithm>
#include <array>
#include <string>

#include "proxy/codec/http/path.h"
#include "proxy/router/matcher.h"
#include "proxy/router/path_index.h"
#include "scheduler/base/text.h"

namespace outrigger::proxy {
namespace {

// Longest name of RFC 1035. A longer Host is looked up too, at the price of an allocation.
constexpr size_t kUsualHost = 255;

// "example.com:8080" -> "example.com", "[::1]:80" -> "[::1]".
std::string_view WithoutPort(std::string_view authority) {
  const size_t colon = authority.rfind(':');
  if (colon == std::string_view::npos || authority.find(']', colon) != std::string_view::npos) {
    return authority;
  }
  return authority.substr(0, colon);
}

bool AddWildcard(std::vector<WildcardHosts>& lengths, std::string_view part,
                 uint32_t virtual_host) {
  const auto at = std::find_if(lengths.begin(), lengths.end(), [&part](const WildcardHosts& hosts) {
    return hosts.length <= part.size();
  });
  WildcardHosts& hosts = at != lengths.end() && at->length == part.size()
                             ? *at
                             : *lengths.insert(at, {.length = part.size(), .hosts = {}});
  return hosts.hosts.emplace(std::string(part), virtual_host).second;
}

const VirtualHost* FindHost(const RouteConfig& routes, std::string_view host) {
  const auto exact = routes.exact.find(scheduler::ToAbsl(host));
  if (exact != routes.exact.end()) return &routes.virtual_hosts[exact->second];
  // A wildcard stands for one character or more.
  for (const WildcardHosts& hosts : routes.suffix) {
    if (hosts.length >= host.size()) continue;
    const auto found = hosts.hosts.find(scheduler::ToAbsl(host.substr(host.size() - hosts.length)));
    if (found != hosts.hosts.end()) return &routes.virtual_hosts[found->second];
  }
  for (const WildcardHosts& hosts : routes.prefix) {
    if (hosts.length >= host.size()) continue;
    const auto found = hosts.hosts.find(scheduler::ToAbsl(host.substr(0, hosts.length)));
    if (found != hosts.hosts.end()) return &routes.virtual_hosts[found->second];
  }
  return nullptr;
}

bool Begins(const Route& route, std::string_view path) {
  return route.case_sensitive ? path.starts_with(route.path)
                              : scheduler::StartsWithIgnoreCase(path, route.path);
}

// `path` without its query. An expression is left for the end.
bool PathAllows(const Route& route, std::string_view path) {
  switch (route.match) {
    case Route::Match::kPrefix:
      return Begins(route, path);
    case Route::Match::kPath:
      return path.size() == route.path.size() && Begins(route, path);
    case Route::Match::kPathSeparatedPrefix:
      return Begins(route, path) &&
             (path.size() == route.path.size() || path[route.path.size()] == '/');
    case Route::Match::kRegex:
      return true;
  }
  return false;
}

bool Meets(const RouteConditions& conditions, const Headers& request, const RequestTraits& traits) {
  if (conditions.runtime_fraction && !IsIn(*conditions.runtime_fraction, traits.random)) {
    return false;
  }
  if (conditions.grpc && !traits.grpc) return false;
  for (const HeaderMatcher& matcher : conditions.headers) {
    if (!Matches(matcher, request)) return false;
  }
  for (const QueryMatcher& matcher : conditions.query_parameters) {
    if (!Matches(matcher, request.Get(HeaderName::kPath))) return false;
  }
  return true;
}

}  // namespace

bool AddDomain(RouteConfig& routes, std::string_view domain, uint32_t virtual_host) {
  if (domain == "*") {
    if (routes.any) return false;
    routes.any = virtual_host;
    return true;
  }
  if (domain.starts_with('*')) return AddWildcard(routes.suffix, domain.substr(1), virtual_host);
  if (domain.ends_with('*')) {
    return AddWildcard(routes.prefix, domain.substr(0, domain.size() - 1), virtual_host);
  }
  return routes.exact.emplace(std::string(domain), virtual_host).second;
}

const VirtualHost* FindVirtualHost(const RouteConfig& routes, std::string_view authority) {
  const VirtualHost* any = routes.any ? &routes.virtual_hosts[*routes.any] : nullptr;
  if (routes.exact.empty() && routes.suffix.empty() && routes.prefix.empty()) return any;
  if (routes.ignore_port_in_host_matching) authority = WithoutPort(authority);
  std::array<char, kUsualHost> usual;
  std::string unusual;
  char* lower = usual.data();
  if (authority.size() > usual.size()) {
    unusual.resize(authority.size());
    lower = unusual.data();
  }
  std::transform(authority.begin(), authority.end(), lower, absl::ascii_tolower);
  const VirtualHost* host = FindHost(routes, {lower, authority.size()});
  return host ? host : any;
}

const Route* FindRoute(const RouteConfig& routes, const VirtualHost& host, const Headers& request,
                       const RequestTraits& traits) {
  std::string_view path = PathOnly(request.Get(HeaderName::kPath));
  if (routes.ignore_path_parameters) path = path.substr(0, path.find(';'));
  // Cheap tests first, expressions last: all have to hold, in whatever order.
  const auto matches = [&](const Route& route) {
    return PathAllows(route, path) &&
           (!route.conditions || Meets(*route.conditions, request, traits)) &&
           (route.match != Route::Match::kRegex || Matches(route.regex, path));
  };
  const std::vector<Route>& list = host.routes;
  if (host.index) {
    const size_t first = host.index->First(list, path, matches);
    return first < list.size() ? &list[first] : nullptr;
  }
  const auto found = std::find_if(list.begin(), list.end(), matches);
  return found == list.end() ? nullptr : &*found;
}

}  // namespace outrigger::proxy
