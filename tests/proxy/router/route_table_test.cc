#include "proxy/router/route_table.h"

#include <string>

#include "proxy/router/path_index.h"
#include "tests/proxy/router/router_test.h"

namespace outrigger::proxy {
namespace {

// One virtual host for each domain, named like it.
RouteConfig Domains(const std::vector<std::string>& domains) {
  RouteConfig routes;
  for (const std::string& domain : domains) {
    const uint32_t index = static_cast<uint32_t>(routes.virtual_hosts.size());
    routes.virtual_hosts.push_back({.name = domain});
    EXPECT_TRUE(AddDomain(routes, domain, index));
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

TEST(VirtualHostTest, NamesMayBeLong) {
  const RouteConfig routes = Domains({"*", "*.test", std::string(300, 'b')});
  EXPECT_EQ(Find(routes, std::string(250, 'a') + ".test"), "*.test");
  EXPECT_EQ(Find(routes, std::string(251, 'A') + ".TEST"), "*.test");
  EXPECT_EQ(Find(routes, std::string(1'000'000, 'a') + ".test"), "*.test");
  EXPECT_EQ(Find(routes, std::string(300, 'B')), std::string(300, 'b'));
  EXPECT_EQ(Find(routes, std::string(1'000'000, 'a')), "*");
}

TEST(VirtualHostTest, ADomainIsTakenOnce) {
  RouteConfig routes = Domains({"*", "a.test", "*.test", "a.*"});
  for (const char* domain : {"*", "a.test", "*.test", "a.*"}) {
    EXPECT_FALSE(AddDomain(routes, domain, 0)) << domain;
  }
  EXPECT_TRUE(AddDomain(routes, "*a.test", 0)) << "another wildcard of another length";
}

TEST(VirtualHostTest, FiveThousandAreFoundAsOne) {
  std::vector<std::string> domains = {"*"};
  for (int i = 0; i < 5000; ++i) domains.push_back("service-" + std::to_string(i) + ".ns.svc");
  const RouteConfig routes = Domains(domains);
  EXPECT_EQ(Find(routes, "service-4999.ns.svc"), "service-4999.ns.svc");
  EXPECT_EQ(Find(routes, "service-5000.ns.svc"), "*");
}

class RouteTest : public HeadersTest {
 protected:
  Route& Add(Route::Match match, const std::string& path, bool case_sensitive = true) {
    Route& route = host_.routes.emplace_back();
    route.name = route.path = path;
    route.match = match;
    route.case_sensitive = case_sensitive;
    return route;
  }
  std::string Find(std::string_view path, Fields fields = {}, RequestTraits traits = {}) {
    fields.emplace_back(":path", path);
    Fill(fields);
    const Route* route = FindRoute(table_, host_, headers_, traits);
    const std::string name = route ? route->name : "none";
    EXPECT_EQ(FindByIndex(traits), name);
    return name;
  }
  // The same among as many that never match as it takes.
  std::string FindByIndex(const RequestTraits& traits) {
    VirtualHost large = host_;
    Route never;
    never.path = "never";
    large.routes.resize(large.routes.size() + 100, never);
    large.index = PathIndex::Build(large.routes);
    EXPECT_NE(large.index, nullptr);
    const Route* route = FindRoute(table_, large, headers_, traits);
    return route ? route->name : "none";
  }
  RouteConfig table_;
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

TEST_F(RouteTest, TheQueryIsNoPartOfThePath) {
  Add(Route::Match::kPath, "/a");
  Add(Route::Match::kPrefix, "/b?x");
  Add(Route::Match::kPathSeparatedPrefix, "/c");
  EXPECT_EQ(Find("/a?x=/b"), "/a");
  EXPECT_EQ(Find("/a#f"), "/a");
  EXPECT_EQ(Find("/a/"), "none");
  EXPECT_EQ(Find("/A"), "none");
  EXPECT_EQ(Find("/b?xy"), "none");
  EXPECT_EQ(Find("/c?x"), "/c");
}

TEST_F(RouteTest, APathSeparatedPrefixEndsASegment) {
  Add(Route::Match::kPathSeparatedPrefix, "/a/b");
  Add(Route::Match::kPathSeparatedPrefix, "/C", /*case_sensitive=*/false);
  EXPECT_EQ(Find("/a/b"), "/a/b");
  EXPECT_EQ(Find("/a/b/"), "/a/b");
  EXPECT_EQ(Find("/a/b/c"), "/a/b");
  EXPECT_EQ(Find("/a/bc"), "none");
  EXPECT_EQ(Find("/a"), "none");
  EXPECT_EQ(Find("/c/d"), "/C");
}

TEST_F(RouteTest, CaseMatters) {
  Add(Route::Match::kPrefix, "/A", /*case_sensitive=*/false);
  Add(Route::Match::kPath, "/Exact", /*case_sensitive=*/false);
  Add(Route::Match::kPrefix, "/b");
  EXPECT_EQ(Find("/aBc"), "/A");
  EXPECT_EQ(Find("/eXACT?q"), "/Exact");
  EXPECT_EQ(Find("/B"), "none");
}

TEST_F(RouteTest, AnExpressionMatchesTheWholePath) {
  Route& route = Add(Route::Match::kRegex, "regex");
  route.regex = MakeRegex("/a/[0-9]+");
  EXPECT_EQ(Find("/a/12"), "regex");
  EXPECT_EQ(Find("/a/12?x"), "regex");
  EXPECT_EQ(Find("/a/12/"), "none");
}

TEST_F(RouteTest, PathParametersMayBeIgnored) {
  Add(Route::Match::kPath, "/a");
  EXPECT_EQ(Find("/a;v=1?x"), "none");
  table_.ignore_path_parameters = true;
  EXPECT_EQ(Find("/a;v=1?x"), "/a");
  EXPECT_EQ(Find("/a?x;y"), "/a");
}

TEST_F(RouteTest, AllConditionsHaveToHold) {
  RouteConditions conditions;
  HeaderMatcher present;
  present.key = Key("x-a");
  conditions.headers = {present};
  conditions.query_parameters = {QueryMatcher{.name = "q"}};
  Add(Route::Match::kPrefix, "/").conditions = std::make_shared<const RouteConditions>(conditions);
  EXPECT_EQ(Find("/?q", {{"x-a", ""}}), "/");
  EXPECT_EQ(Find("/", {{"x-a", ""}}), "none");
  EXPECT_EQ(Find("/?q"), "none");
}

TEST_F(RouteTest, GrpcAndChanceAreConditions) {
  Add(Route::Match::kPrefix, "/").conditions =
      std::make_shared<const RouteConditions>(RouteConditions{.grpc = true});
  Add(Route::Match::kPrefix, "/x").conditions = std::make_shared<const RouteConditions>(
      RouteConditions{.runtime_fraction = Fraction{30, 100}});
  EXPECT_EQ(Find("/x", {}, {.random = 29, .grpc = true}), "/");
  EXPECT_EQ(Find("/x", {}, {.random = 129}), "/x");
  EXPECT_EQ(Find("/x", {}, {.random = 130}), "none");
}

}  // namespace
}  // namespace outrigger::proxy
