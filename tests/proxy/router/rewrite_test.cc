#include "proxy/router/rewrite.h"

#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

namespace outrigger::proxy {
namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

std::string Rewritten(const Fields& fields, const Route& route, const ClusterRoute& action) {
  Arena arena;
  Headers request(arena);
  for (const auto& [name, value] : fields) request.Add(name, value);
  RewriteRequest(request, route, action);
  std::string text;
  for (const Header& header : request) {
    text.append(header.name).append("=").append(header.value).append(";");
  }
  return text;
}

TEST(RewriteTest, SaysWhatItRewrote) {
  Route route;
  route.path = "/api";
  ClusterRoute action;
  action.timeout = 0;
  const Fields request = {{":path", "/api/v1?q=1"}, {":authority", "a"}};
  EXPECT_EQ(Rewritten(request, route, action), ":path=/api/v1?q=1;:authority=a;");
  action.timeout = 1500 * scheduler::kMillisecond;
  action.prefix_rewrite = "/";
  action.host_rewrite_literal = "b";
  EXPECT_EQ(Rewritten(request, route, action),
            ":path=//v1?q=1;:authority=b;x-envoy-original-path=/api/v1?q=1;x-envoy-original-host=a;"
            "x-envoy-expected-rq-timeout-ms=1500;");
}

}  // namespace
}  // namespace outrigger::proxy
