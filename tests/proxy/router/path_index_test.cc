#include "proxy/router/path_index.h"

#include <random>

#include "tests/proxy/router/router_test.h"

namespace outrigger::proxy {
namespace {

bool Allows(const Route& route, std::string_view path) {
  switch (route.match) {
    case Route::Match::kPath:
      return path == route.path;
    case Route::Match::kRegex:
      return path == "/regex" || path == "/a/b";
    default:
      return path.starts_with(route.path);
  }
}

size_t Scan(const std::vector<Route>& routes, std::string_view path) {
  size_t i = 0;
  while (i < routes.size() && !Allows(routes[i], path)) ++i;
  return i;
}

Route Make(Route::Match match, const std::string& path) {
  Route route;
  route.match = match;
  route.path = path;
  return route;
}

TEST(PathIndexTest, IsLeftOutForAFew) {
  EXPECT_EQ(PathIndex::Build({}), nullptr);
  EXPECT_EQ(PathIndex::Build(std::vector<Route>(3)), nullptr);
  EXPECT_NE(PathIndex::Build(std::vector<Route>(100)), nullptr);
}

TEST(PathIndexTest, FindsTheFirstInTheListsOrder) {
  std::vector<Route> routes(20, Make(Route::Match::kPrefix, "/none"));
  routes[3] = Make(Route::Match::kPrefix, "/a/b");
  routes[5] = Make(Route::Match::kPath, "/a");
  routes[7] = Make(Route::Match::kRegex, "");
  routes[9] = Make(Route::Match::kPrefix, "/a");
  routes[10] = Make(Route::Match::kPrefix, "/a/b/c");
  const auto index = PathIndex::Build(routes);
  const auto first = [&](std::string_view path) {
    return index->First(routes, path, [path](const Route& route) { return Allows(route, path); });
  };
  EXPECT_EQ(first("/a/b/c/d"), 3u) << "not the longest, the first";
  EXPECT_EQ(first("/a"), 5u);
  EXPECT_EQ(first("/ab"), 9u);
  EXPECT_EQ(first("/regex"), 7u);
  EXPECT_EQ(first("/"), 20u);
  EXPECT_EQ(first(""), 20u);
  EXPECT_EQ(first("/none"), 0u);
  EXPECT_EQ(first("\xff"), 20u);
}

// Few letters make texts that begin with one another, in every order.
TEST(PathIndexTest, FindsWhatALookAtEachFinds) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    std::vector<Route> routes;
    const auto text = [&random] {
      std::string text = "/";
      for (size_t size = random() % 5; size > 0; --size) text += "ab/"[random() % 3];
      return text;
    };
    for (size_t size = 12 + random() % 30; size > 0; --size) {
      const auto match = static_cast<Route::Match>(random() % 4);
      routes.push_back(Make(match, random() % 20 == 0 ? "" : text()));
      routes.back().case_sensitive = random() % 8 != 0;
    }
    const auto index = PathIndex::Build(routes);
    ASSERT_NE(index, nullptr);
    for (int i = 0; i < 50; ++i) {
      const std::string path = text();
      EXPECT_EQ(
          index->First(routes, path, [&path](const Route& route) { return Allows(route, path); }),
          Scan(routes, path))
          << path;
    }
  }
}

TEST(PathIndexTest, LooksAtThoseAloneThatThePathAllows) {
  std::vector<Route> routes;
  for (int i = 0; i < 1000; ++i) {
    routes.push_back(Make(Route::Match::kPrefix, "/service/" + std::to_string(i) + "/"));
  }
  const auto index = PathIndex::Build(routes);
  int looks = 0;
  EXPECT_EQ(index->First(routes, "/service/777/x",
                         [&looks](const Route&) {
                           ++looks;
                           return true;
                         }),
            777u);
  EXPECT_EQ(looks, 1);
}

}  // namespace
}  // namespace outrigger::proxy
