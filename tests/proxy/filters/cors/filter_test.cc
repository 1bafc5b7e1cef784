#include "proxy/filters/cors/filter.h"

#include "tests/proxy/filters/filter_test.h"

namespace outrigger::proxy::cors {
namespace {

StringMatcher Exact(const std::string& text) { return {.text = text}; }

class CorsFilterTest : public FilterTest {
 protected:
  CorsFilterTest() {
    request_.selection.action = &action_;
    policy_.allow_origins = {Exact("good"), Exact("fine")};
    request_.down.headers.Add(HeaderName::kMethod, "GET");
    request_.up.headers.Add(HeaderName::kStatus, "200");
  }

  void Set(std::string_view name, std::string_view value) {
    request_.down.headers.Set(name, value);
  }
  FilterVerdict OnRequest() {
    request_.Override({.settings = std::make_shared<Policy>(policy_)});
    return request_.Start(chain_).OnRequest();
  }
  // The headers of the answer, of the upstream or of the filter itself.
  std::string Answer() {
    ChainRun* run = nullptr;
    request_.Override({.settings = std::make_shared<Policy>(policy_)});
    run = &request_.Start(chain_);
    const bool replies = run->OnRequest() == FilterVerdict::kReply;
    Headers& headers = replies ? request_.reply_headers : request_.up.headers;
    run->OnResponse(headers);
    return TextOf(headers);
  }
  std::string counts() const {
    return std::to_string(Get(stats_.origin_valid)) + " " +
           std::to_string(Get(stats_.origin_invalid));
  }

  const Stats stats_ = MakeStats(registry_, "in");
  const FilterChain chain_ = {Chained(std::make_shared<CorsFilter>(stats_), 0, &kKind)};
  FilterRequest request_{netpoll_, slab_};
  ClusterRoute action_;
  Policy policy_;
};

TEST_F(CorsFilterTest, OtherRequestsAreNotItsBusiness) {
  EXPECT_EQ(Answer(), ":status=200;");
  Set("origin", "");
  EXPECT_EQ(Answer(), ":status=200;");
  EXPECT_EQ(counts(), "0 0");
}

TEST_F(CorsFilterTest, AnAllowedOriginIsToldSo) {
  Set("origin", "fine");
  EXPECT_EQ(Answer(), ":status=200;access-control-allow-origin=fine;");
  EXPECT_EQ(counts(), "1 0");
}

TEST_F(CorsFilterTest, TheUpstreamsOwnWordsAreReplaced) {
  policy_.allow_credentials = true;
  policy_.expose_headers = "x-a";
  request_.up.headers.Add("access-control-allow-origin", "*");
  request_.up.headers.Add("access-control-expose-headers", "x-b");
  Set("origin", "good");
  EXPECT_EQ(Answer(),
            ":status=200;access-control-allow-origin=good;access-control-allow-credentials=true;"
            "access-control-expose-headers=x-a;");
}

TEST_F(CorsFilterTest, AnotherOriginIsCountedAndPasses) {
  policy_.allow_credentials = true;
  request_.up.headers.Add("access-control-allow-origin", "*");
  Set("origin", "bad");
  EXPECT_EQ(Answer(), ":status=200;access-control-allow-origin=*;");
  EXPECT_EQ(counts(), "0 1");
}

TEST_F(CorsFilterTest, AStarAllowsAll) {
  policy_.allow_origins = {Exact("*")};
  Set("origin", "any");
  EXPECT_EQ(Answer(), ":status=200;access-control-allow-origin=any;");
}

TEST_F(CorsFilterTest, AnswersPreflights) {
  policy_.allow_methods = "GET,PUT";
  policy_.allow_headers = "x-a";
  policy_.expose_headers = "x-b";
  policy_.max_age = "99";
  policy_.allow_credentials = true;
  policy_.allow_private_network_access = true;
  Set(":method", "OPTIONS");
  Set("origin", "good");
  Set("access-control-request-method", "PUT");
  Set("access-control-request-private-network", "true");
  EXPECT_EQ(Answer(),
            "access-control-allow-methods=GET,PUT;access-control-allow-headers=x-a;"
            "access-control-max-age=99;access-control-allow-private-network=true;"
            "access-control-allow-origin=good;access-control-allow-credentials=true;"
            "access-control-expose-headers=x-b;");
}

TEST_F(CorsFilterTest, AStarInAPreflightIsWhatIsAskedFor) {
  policy_.allow_methods = policy_.allow_headers = "*";
  Set(":method", "OPTIONS");
  Set("origin", "good");
  Set("access-control-request-method", "PUT");
  Set("access-control-request-headers", "x-c,x-d");
  EXPECT_EQ(Answer(),
            "access-control-allow-methods=PUT;access-control-allow-headers=x-c,x-d;"
            "access-control-allow-origin=good;");
}

TEST_F(CorsFilterTest, SaysHowItAnswered) {
  Set(":method", "OPTIONS");
  Set("origin", "good");
  EXPECT_EQ(OnRequest(), FilterVerdict::kContinue) << "OPTIONS without a method to ask for";
  Set("access-control-request-method", "PUT");
  request_.Override({.settings = std::make_shared<Policy>(policy_)});
  ChainRun& run = request_.Start(chain_);
  EXPECT_EQ(run.OnRequest(), FilterVerdict::kReply);
  EXPECT_EQ(run.reply.status, 200u);
  EXPECT_TRUE(run.reply.verbatim);
  EXPECT_EQ(run.reply.details, "cors_response");
  EXPECT_EQ(request_.flags(), "-");
}

TEST_F(CorsFilterTest, PreflightsOfOtherOriginsGoOnOrGetNothing) {
  policy_.allow_methods = "GET";
  policy_.allow_credentials = true;
  Set(":method", "OPTIONS");
  Set("origin", "bad");
  Set("access-control-request-method", "PUT");
  EXPECT_EQ(OnRequest(), FilterVerdict::kContinue);
  policy_.forward_not_matching_preflights = false;
  EXPECT_EQ(Answer(), "access-control-allow-methods=GET;access-control-allow-credentials=true;");
}

TEST_F(CorsFilterTest, InTheShadowItOnlyCounts) {
  policy_.enabled = {0, 100};
  Set("origin", "good");
  EXPECT_EQ(Answer(), ":status=200;");
  EXPECT_EQ(counts(), "0 0");
  policy_.shadow = {100, 100};
  EXPECT_EQ(Answer(), ":status=200;");
  EXPECT_EQ(counts(), "1 0");
}

TEST_F(CorsFilterTest, ARouteThatAnswersByItselfHasNoPolicy) {
  request_.selection.action = nullptr;
  Set("origin", "good");
  EXPECT_EQ(Answer(), ":status=200;");
  EXPECT_EQ(counts(), "0 0");
}

TEST_F(CorsFilterTest, ARouteWithoutAPolicyHasNoCors) {
  Set("origin", "good");
  EXPECT_EQ(request_.Start(chain_).OnRequest(), FilterVerdict::kContinue);
  EXPECT_EQ(counts(), "0 0");
}

}  // namespace
}  // namespace outrigger::proxy::cors
