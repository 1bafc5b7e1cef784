// A large virtual host finds by its index what a look at each of its routes finds; matchers,
// cookies, rewrites and redirects take any bytes. The input's lines: host, path, cookie, and a text
// that routes and matchers are made of.
#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <string_view>

#include "proxy/codec/http/path.h"
#include "proxy/router/hash_policy.h"
#include "proxy/router/matcher.h"
#include "proxy/router/path_index.h"
#include "proxy/router/redirect.h"
#include "proxy/router/rewrite.h"
#include "proxy/router/route_table.h"
#include "re2/re2.h"
#include "scheduler/base/check.h"

using namespace outrigger::proxy;

namespace {

std::string_view Line(std::string_view& rest) {
  const std::string_view line = rest.substr(0, rest.find('\n'));
  rest.remove_prefix(std::min(line.size() + 1, rest.size()));
  return line;
}

HeaderMatcher Matcher(StringMatcher::Kind kind, std::string_view text, bool list) {
  HeaderMatcher matcher;
  matcher.key = {"cookie", HeaderName::kCookie, list};
  matcher.kind = HeaderMatcher::Kind::kString;
  matcher.string = {kind, list, std::string(text), {}};
  matcher.invert = text.size() % 3 == 0;
  return matcher;
}

// Each cut of `text` as a route of each kind, so that many begin with one another.
VirtualHost Host(std::string_view text, const Regex& regex) {
  VirtualHost host;
  const size_t cuts = std::min<size_t>(text.size(), 16);
  for (size_t i = 0; i <= cuts; ++i) {
    for (int kind = 0; kind < 3; ++kind) {
      Route& route = host.routes.emplace_back();
      route.match = static_cast<Route::Match>(kind);
      route.path = text.substr(0, (i * 7 + static_cast<size_t>(kind)) % (cuts + 1));
      route.case_sensitive = (i + static_cast<size_t>(kind)) % 5 != 0;
      if (i % 2 == 0) continue;
      RouteConditions conditions;
      conditions.headers = {
          Matcher(static_cast<StringMatcher::Kind>(i % 4), route.path, i % 3 == 0)};
      if (i % 3 == 0) conditions.query_parameters = {QueryMatcher{.name = route.path}};
      route.conditions = std::make_shared<const RouteConditions>(conditions);
    }
  }
  if (regex) {
    Route& route = host.routes.emplace_back();
    route.match = Route::Match::kRegex;
    route.regex = regex;
  }
  return host;
}

void TryActions(Route route, std::string_view text, const Regex& regex, Headers& request) {
  for (const bool by_regex : {false, true}) {
    if (by_regex && !regex) continue;
    Redirect redirect{.prefix_rewrite = by_regex ? "" : std::string(text)};
    ClusterRoute action{.prefix_rewrite = redirect.prefix_rewrite};
    if (by_regex) {
      redirect.regex_rewrite = action.regex_rewrite =
          std::make_shared<const RegexRewrite>(RegexRewrite{regex, "<\\0>"});
    }
    route.action = redirect;
    OUTRIGGER_CHECK(LocationOf(route, request).find("://") != std::string::npos);
    action.host_rewrite_literal = text;
    action.append_x_forwarded_host = true;
    route.action = action;
    RewriteRequest({.route = &route, .action = &action}, request, {});
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(bytes), size);
  Arena arena;
  Headers request(arena);
  const std::string_view authority = Line(rest);
  const std::string_view path = Line(rest);
  request.Add(HeaderName::kScheme, "http");
  request.Add(HeaderName::kAuthority, authority);
  request.Add(HeaderName::kPath, path);
  request.Add(HeaderName::kXForwardedProto, "http");
  const std::string_view cookie = Line(rest);
  request.Add(HeaderName::kCookie, cookie);
  request.Add(HeaderName::kCookie, authority);
  const std::string_view text = Line(rest);

  auto regex = std::make_shared<const re2::RE2>(std::string(text), re2::RE2::Quiet);
  if (!regex->ok()) regex = nullptr;
  RouteConfig table;
  table.virtual_hosts = {Host(text, regex)};
  table.ignore_path_parameters = text.size() % 2 == 1;
  table.ignore_port_in_host_matching = table.ignore_path_parameters;
  AddDomain(table, text, 0);
  AddDomain(table, "*", 0);
  OUTRIGGER_CHECK(FindVirtualHost(table, authority) == table.virtual_hosts.data());

  VirtualHost& host = table.virtual_hosts[0];
  const Route* by_look = FindRoute(table, host, request, {});
  host.index = PathIndex::Build(host.routes);
  OUTRIGGER_CHECK(FindRoute(table, host, request, {}) == by_look);
  const auto value = QueryParameter(path, text);
  OUTRIGGER_CHECK(!value || QueryOf(path).find(*value) != std::string_view::npos);
  OUTRIGGER_CHECK(CookieValue(request, text).size() <= std::max(cookie.size(), authority.size()));
  if (by_look) TryActions(*by_look, text, regex, request);
  return 0;
}
