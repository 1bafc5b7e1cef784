#include "proxy/router/route_table.h"

#include <string>

#include "gtest/gtest.h"

namespace outrigger::proxy {
namespace {

// One virtual host for each domain, named like it.
RouteConfig Domains(const std::vector<std::string>& domains) {
  RouteConfig routes;
  for (const std::string& domain : domains) {
    const uint32_t index = static_cast<uint32_t>(routes.virtual_hosts.size());
    routes.virtual_hosts.push_back({domain, {domain}, {}});
    if (domain == "*") {
      routes.any = index;
    } else if (domain.front() == '*') {
      routes.suffix[domain.substr(1)] = index;
    } else if (domain.back() == '*') {
      routes.prefix[domain.substr(0, domain.size() - 1)] = index;
    } else {
      routes.exact[domain] = index;
    }
  }
  return routes;
}

std::string Find(const RouteConfig& routes, std::string_view authority) {
  const VirtualHost* host = FindVirtualHost(routes, authority);
  return host ? host->name : "none";
}

TEST(VirtualHostTest, ExactBeforeSuffixBeforePrefixBeforeAny) {
  RouteConfig routes = Domains({"*", "a.*", "*.test", "a.test"});
  EXPECT_EQ(Find(routes, "a.test"), "a.test");
  EXPECT_EQ(Find(routes, "b.test"), "*.test");
  EXPECT_EQ(Find(routes, "a.other"), "a.*");
  EXPECT_EQ(Find(routes, "b.other"), "*");
  EXPECT_EQ(Find(routes, ""), "*");
  routes.any.reset();
  EXPECT_EQ(Find(routes, "b.other"), "none");
}

TEST(VirtualHostTest, SuffixWinsOverPrefix) {
  const RouteConfig routes = Domains({"a.b.c.*", "*.test"});
  EXPECT_EQ(Find(routes, "a.b.c.test"), "*.test");
}

TEST(VirtualHostTest, TheLongestWildcardWins) {
  const RouteConfig routes = Domains({"*.test", "*.b.test", "*-b.test", "x.*", "x.y.*"});
  EXPECT_EQ(Find(routes, "a.test"), "*.test");
  EXPECT_EQ(Find(routes, "a.b.test"), "*.b.test");
  EXPECT_EQ(Find(routes, "a-b.test"), "*-b.test");
  EXPECT_EQ(Find(routes, "x.com"), "x.*");
  EXPECT_EQ(Find(routes, "x.y.com"), "x.y.*");
}

TEST(VirtualHostTest, AWildcardStandsForSomething) {
  const RouteConfig routes = Domains({"*.test", "x.*"});
  EXPECT_EQ(Find(routes, ".test"), "none");
  EXPECT_EQ(Find(routes, "test"), "none");
  EXPECT_EQ(Find(routes, "x."), "none");
}

TEST(VirtualHostTest, CaseDoesNotMatter) {
  const RouteConfig routes = Domains({"a.test", "*.wild"});
  EXPECT_EQ(Find(routes, "A.TeSt"), "a.test");
  EXPECT_EQ(Find(routes, "X.WILD"), "*.wild");
}

TEST(VirtualHostTest, PortsCountUnlessIgnored) {
  RouteConfig routes = Domains({"a.test", "b.test:8080", "[::1]"});
  EXPECT_EQ(Find(routes, "a.test:80"), "none");
  EXPECT_EQ(Find(routes, "b.test:8080"), "b.test:8080");
  routes.ignore_port_in_host_matching = true;
  EXPECT_EQ(Find(routes, "a.test:80"), "a.test");
  EXPECT_EQ(Find(routes, "a.test"), "a.test");
  EXPECT_EQ(Find(routes, "[::1]:8080"), "[::1]");
  EXPECT_EQ(Find(routes, "[::1]"), "[::1]");
}

TEST(VirtualHostTest, LongNamesMeetOnlyAny) {
  const RouteConfig routes = Domains({"*", "*.test"});
  EXPECT_EQ(Find(routes, std::string(250, 'a') + ".test"), "*.test");
  EXPECT_EQ(Find(routes, std::string(251, 'a') + ".test"), "*");
  EXPECT_EQ(Find(routes, std::string(1'000'000, 'a') + ".test"), "*");
}

class RouteTest : public testing::Test {
 protected:
  void Add(Route::Match match, const std::string& path, bool case_sensitive = true) {
    host_.routes.push_back({path, match, path, case_sensitive, {}});
  }
  std::string Find(std::string_view path) {
    Arena arena;
    Headers request(arena);
    request.Add(HeaderName::kPath, path);
    const Route* route = FindRoute(host_, request);
    return route ? route->name : "none";
  }
  VirtualHost host_;
};

TEST_F(RouteTest, TheFirstMatchCounts) {
  Add(Route::Match::kPath, "/exact");
  Add(Route::Match::kPrefix, "/ex");
  Add(Route::Match::kPrefix, "/");
  EXPECT_EQ(Find("/exact"), "/exact");
  EXPECT_EQ(Find("/exactly"), "/ex");
  EXPECT_EQ(Find("/other"), "/");
  EXPECT_EQ(Find("*"), "none");
  EXPECT_EQ(Find(""), "none");
}

TEST_F(RouteTest, AnExactPathIgnoresTheQuery) {
  Add(Route::Match::kPath, "/a");
  EXPECT_EQ(Find("/a?x=/b"), "/a");
  EXPECT_EQ(Find("/a#f"), "/a");
  EXPECT_EQ(Find("/a/"), "none");
  EXPECT_EQ(Find("/A"), "none");
}

TEST_F(RouteTest, CaseMatters) {
  Add(Route::Match::kPrefix, "/A", /*case_sensitive=*/false);
  Add(Route::Match::kPath, "/Exact", /*case_sensitive=*/false);
  Add(Route::Match::kPrefix, "/b");
  EXPECT_EQ(Find("/aBc"), "/A");
  EXPECT_EQ(Find("/eXACT?q"), "/Exact");
  EXPECT_EQ(Find("/B"), "none");
}

TEST(PathOnlyTest, EndsBeforeQueryAndFragment) {
  EXPECT_EQ(PathOnly("/a/b?c#d"), "/a/b");
  EXPECT_EQ(PathOnly("/a#d?c"), "/a");
  EXPECT_EQ(PathOnly("/a"), "/a");
  EXPECT_EQ(PathOnly(""), "");
}

}  // namespace
}  // namespace outrigger::proxy
