#include "proxy/router/rewrite.h"

#include "tests/proxy/router/router_test.h"

namespace outrigger::proxy {
namespace {

class RewriteTest : public HeadersTest {
 protected:
  RewriteTest() { route_.path = "/api"; }

  std::string Rewritten(std::string_view path, Fields fields = {}) {
    fields.insert(fields.begin(), {{":path", std::string(path)}, {":authority", "a"}});
    route_.action = action_;
    RewriteRequest({.route = &route_,
                    .action = std::get_if<ClusterRoute>(&route_.action),
                    .weighted = weighted_},
                   Fill(fields), AccessRecord{});
    return Text();
  }
  std::string Path(std::string_view path) {
    Rewritten(path);
    return std::string(headers_.Get(HeaderName::kPath));
  }
  std::string Host(const Fields& fields = {}) {
    Rewritten("/api/x?q", fields);
    return std::string(headers_.Get(HeaderName::kAuthority));
  }

  Route route_;
  ClusterRoute action_;
  const WeightedCluster* weighted_ = nullptr;
};

TEST_F(RewriteTest, LeavesARequestAlone) {
  EXPECT_EQ(Rewritten("/api/v1?q=1"), ":path=/api/v1?q=1;:authority=a;");
}

TEST_F(RewriteTest, SaysWhatItRewrote) {
  action_.prefix_rewrite = "/";
  action_.host_rewrite_literal = "b";
  EXPECT_EQ(Rewritten("/api/v1?q=1"),
            ":path=//v1?q=1;:authority=b;x-envoy-original-host=a;"
            "x-envoy-original-path=/api/v1?q=1;");
}

TEST_F(RewriteTest, APrefixRewriteReplacesWhatMatched) {
  action_.prefix_rewrite = "/new";
  EXPECT_EQ(Path("/api"), "/new");
  EXPECT_EQ(Path("/api?q"), "/new?q");
  EXPECT_EQ(Path("/apis"), "/news");
  route_.case_sensitive = false;
  EXPECT_EQ(Path("/API/x"), "/new/x");
  EXPECT_EQ(Path("/a"), "/new") << "changed since it matched";
  route_.match = Route::Match::kRegex;
  EXPECT_EQ(Path("/api/whole/path?q"), "/new?q");
}

TEST_F(RewriteTest, ARegexRewriteWorksOnThePathAlone) {
  action_.regex_rewrite = MakeRewrite("/api/([^/]+)", "/\\1/api");
  EXPECT_EQ(Path("/api/v1?x=/api/v2"), "/v1/api?x=/api/v2");
  EXPECT_EQ(Path("/other?q"), "/other?q");
  action_.regex_rewrite = MakeRewrite(".*", "");
  EXPECT_EQ(Path("/api?q"), "/api?q") << "a path is never empty";
}

TEST_F(RewriteTest, TheHostComesFromALiteralAHeaderOrThePath) {
  action_.host_rewrite_path_regex = MakeRewrite("^/(.+)/.+$", "\\1.test");
  EXPECT_EQ(Host(), "api.test");
  action_.host_rewrite_header = Key("x-host");
  EXPECT_EQ(Host({{"x-host", "h"}}), "h");
  EXPECT_EQ(Host({{"x-host", ""}}), "a");
  EXPECT_EQ(Host(), "a");
  action_.host_rewrite_literal = "l";
  EXPECT_EQ(Host({{"x-host", "h"}}), "l");
}

TEST_F(RewriteTest, XForwardedHostGetsTheOldOneOnce) {
  action_.append_x_forwarded_host = true;
  EXPECT_EQ(Rewritten("/"), ":path=/;:authority=a;") << "nothing was rewritten";
  action_.host_rewrite_literal = "b";
  Rewritten("/");
  EXPECT_EQ(headers_.Get(HeaderName::kXForwardedHost), "a");
  Rewritten("/", {{"x-forwarded-host", "x"}});
  EXPECT_EQ(headers_.Get(HeaderName::kXForwardedHost), "x,a");
  Rewritten("/", {{"x-forwarded-host", "x,a"}});
  EXPECT_EQ(headers_.Get(HeaderName::kXForwardedHost), "x,a");
}

TEST_F(RewriteTest, AnEndpointsNameBecomesTheHost) {
  Fill({{":authority", "a"}});
  RewriteHost(action_, "", headers_);
  EXPECT_EQ(Text(), ":authority=a;");
  RewriteHost(action_, "endpoint", headers_);
  EXPECT_EQ(Text(), ":authority=endpoint;x-envoy-original-host=a;");
}

TEST_F(RewriteTest, MutationsComeBeforeRewritesAndAWeightedClustersFirst) {
  const auto make = [](const std::string& value) {
    return std::make_shared<const HeaderMutations>(
        HeaderMutations{.add = {{.key = Key("x-host"), .value = value}}});
  };
  WeightedCluster weighted;
  weighted.request = make("weighted");
  weighted.host_rewrite_literal = "w";
  weighted_ = &weighted;
  route_.request_mutations = {make("route"), make("host")};
  EXPECT_EQ(Rewritten("/"), ":path=/;:authority=w;x-host=weighted;x-host=route;x-host=host;");
  action_.host_rewrite_header = Key("x-host");
  EXPECT_EQ(Host(), "weighted");
}

}  // namespace
}  // namespace outrigger::proxy
