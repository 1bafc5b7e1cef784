#include "proxy/router/redirect.h"

#include "tests/proxy/router/router_test.h"

namespace outrigger::proxy {
namespace {

class RedirectTest : public HeadersTest {
 protected:
  RedirectTest() { route_.path = "/old"; }
  template <typename Action>
  std::string Location(Action action, std::string_view path, std::string_view host = "a.test",
                       std::string_view forwarded_proto = "http") {
    route_.action = action;
    Fill({{":scheme", "http"},
          {":authority", std::string(host)},
          {":path", std::string(path)},
          {"x-forwarded-proto", std::string(forwarded_proto)}});
    return LocationOf(route_, headers_);
  }
  Route route_;
};

TEST_F(RedirectTest, KeepsWhatItDoesNotReplace) {
  EXPECT_EQ(Location(Redirect{}, "/old/x?q"), "http://a.test/old/x?q");
  EXPECT_EQ(Location(Redirect{.scheme = "https", .host = "b.test"}, "/old/x?q"),
            "https://b.test/old/x?q");
  EXPECT_EQ(Location(Redirect{.host = "b.test", .port = 81}, "/old"), "http://b.test:81/old");
  EXPECT_EQ(Location(Redirect{}, "*"), "http://a.test/*");
}

TEST_F(RedirectTest, APortGoesWithItsSchemeOrForAnother) {
  EXPECT_EQ(Location(Redirect{}, "/", "a.test:80"), "http://a.test:80/");
  EXPECT_EQ(Location(Redirect{.scheme = "https"}, "/", "a.test:80"), "https://a.test/");
  EXPECT_EQ(Location(Redirect{.scheme = "https"}, "/", "a.test:81"), "https://a.test:81/");
  EXPECT_EQ(Location(Redirect{.scheme = "https"}, "/", "a.test:443", "https"),
            "https://a.test:443/");
  EXPECT_EQ(Location(Redirect{.scheme = "http"}, "/", "a.test:443", "https"), "http://a.test/");
  EXPECT_EQ(Location(Redirect{.port = 8080}, "/", "a.test:81"), "http://a.test:8080/");
  EXPECT_EQ(Location(Redirect{.scheme = "https"}, "/", "[::1]:80"), "https://[::1]/");
  EXPECT_EQ(Location(Redirect{.port = 81}, "/", "[::1]"), "http://[::1]:81/");
}

TEST_F(RedirectTest, ReplacesThePathAndKeepsTheQuery) {
  EXPECT_EQ(Location(Redirect{.path = "/new"}, "/old/x?q"), "http://a.test/new?q");
  EXPECT_EQ(Location(Redirect{.path = "/new", .strip_query = true}, "/old/x?q"),
            "http://a.test/new");
  EXPECT_EQ(Location(Redirect{.strip_query = true}, "/old/x?q"), "http://a.test/old/x");
  EXPECT_EQ(Location(Redirect{.path = "/new?own", .strip_query = true}, "/old/x?q"),
            "http://a.test/new?own");
  EXPECT_EQ(Location(Redirect{.path = "new"}, "/old"), "http://a.test/new");
}

TEST_F(RedirectTest, ReplacesThePrefixOrByAnExpression) {
  EXPECT_EQ(Location(Redirect{.prefix_rewrite = "/new"}, "/old/x?q"), "http://a.test/new/x?q");
  EXPECT_EQ(Location(Redirect{.prefix_rewrite = "/new", .strip_query = true}, "/old/x?q"),
            "http://a.test/new/x");
  EXPECT_EQ(Location(Redirect{.regex_rewrite = MakeRewrite("/old/(.)", "/\\1")}, "/old/x?q"),
            "http://a.test/x?q");
}

TEST_F(RedirectTest, ARewrittenPathIsTheRequestsToo) {
  Location(Redirect{.prefix_rewrite = "/new"}, "/old/x?q");
  EXPECT_EQ(headers_.Get(HeaderName::kPath), "/new/x?q");
  EXPECT_EQ(headers_.Get(HeaderName::kXEnvoyOriginalPath), "/old/x?q");
  Location(Redirect{.path = "/new"}, "/old/x?q");
  EXPECT_EQ(headers_.Get(HeaderName::kPath), "/old/x?q");
}

TEST_F(RedirectTest, SomeDirectResponsesNameTheRequest) {
  EXPECT_EQ(Location(DirectResponse{.status = 201}, "/old?q"), "http://a.test/old?q");
  EXPECT_EQ(Location(DirectResponse{.status = 304}, "/old"), "http://a.test/old");
  EXPECT_EQ(Location(DirectResponse{.status = 200}, "/old"), "");
  EXPECT_EQ(Location(DirectResponse{.status = 404}, "/old"), "");
  EXPECT_EQ(Location(ClusterRoute{}, "/old"), "");
}

}  // namespace
}  // namespace outrigger::proxy
