#include "proxy/router/redirect.h"

#include "gtest/gtest.h"

namespace outrigger::proxy {
namespace {

std::string Location(const Redirect& redirect, std::string_view path) {
  Arena arena;
  Headers request(arena);
  request.Add(HeaderName::kScheme, "http");
  request.Add(HeaderName::kAuthority, "a.test:80");
  request.Add(HeaderName::kPath, path);
  Route route;
  route.path = "/old";
  return RedirectLocation(redirect, route, request);
}

TEST(RedirectTest, KeepsWhatItDoesNotReplace) {
  EXPECT_EQ(Location({}, "/old/x?q"), "http://a.test:80/old/x?q");
  EXPECT_EQ(Location({.https = true, .host = "b.test"}, "/old/x?q"), "https://b.test/old/x?q");
  EXPECT_EQ(Location({.host = "b.test", .port = 81}, "/old"), "http://b.test:81/old");
}

TEST(RedirectTest, ReplacesThePathAndKeepsTheQuery) {
  EXPECT_EQ(Location({.path = "/new"}, "/old/x?q"), "http://a.test:80/new?q");
  EXPECT_EQ(Location({.path = "/new", .strip_query = true}, "/old/x?q"), "http://a.test:80/new");
  EXPECT_EQ(Location({.strip_query = true}, "/old/x?q"), "http://a.test:80/old/x");
}

TEST(RedirectTest, ReplacesThePrefix) {
  EXPECT_EQ(Location({.prefix_rewrite = "/new"}, "/old/x?q"), "http://a.test:80/new/x?q");
}

}  // namespace
}  // namespace outrigger::proxy
