#include "proxy/filters/local_ratelimit/filter.h"

#include "tests/proxy/filters/filter_test.h"

namespace outrigger::proxy::local_ratelimit {
namespace {

using scheduler::kSecond;

constexpr Fraction kAll = {100};

class LocalRateLimitTest : public FilterTest {
 protected:
  // Two an hour: none comes while a test runs.
  std::shared_ptr<Settings> Two() {
    auto settings = std::make_shared<Settings>();
    settings->bucket = std::make_unique<SharedTokenBucket>(2, 2, 3600 * kSecond);
    settings->enabled = settings->enforced = kAll;
    settings->stats = stats_;
    return settings;
  }
  static FilterChain Of(std::shared_ptr<const Settings> settings) {
    return {Chained(std::make_shared<LocalRateLimitFilter>(std::move(settings)), 0, &kKind)};
  }
  FilterVerdict Ask(const FilterChain& chain) { return request_.Start(chain).OnRequest(); }
  static std::shared_ptr<const HeaderMutations> Adding(std::string name) {
    HeaderMutations mutations;
    mutations.add.push_back({.key = {.name = std::move(name)}, .value = "v"});
    return std::make_shared<HeaderMutations>(mutations);
  }

  const Stats stats_ = MakeStats(registry_, "p");
  FilterRequest request_{netpoll_, slab_};
};

TEST_F(LocalRateLimitTest, RefusesWithEnvoysWords) {
  const auto settings = Two();
  settings->response = Adding("x-limited");
  const FilterChain chain = Of(settings);
  EXPECT_EQ(Ask(chain), FilterVerdict::kContinue);
  EXPECT_EQ(Ask(chain), FilterVerdict::kContinue);
  ChainRun& run = request_.Start(chain);
  EXPECT_EQ(run.OnRequest(), FilterVerdict::kReply);
  EXPECT_EQ(run.reply.status, 429u);
  EXPECT_EQ(run.reply.body, "local_rate_limited");
  EXPECT_EQ(run.reply.details, "local_rate_limited");
  EXPECT_EQ(request_.flags(), "RL");
  EXPECT_EQ(TextOf(request_.reply_headers), "x-limited=v;");
  EXPECT_EQ(Get(stats_.enabled), 3u);
  EXPECT_EQ(Get(stats_.ok), 2u);
  EXPECT_EQ(Get(stats_.rate_limited), 1u);
  EXPECT_EQ(Get(stats_.enforced), 1u);
}

TEST_F(LocalRateLimitTest, LetsPassWhatIsNotEnforcedAndMarksIt) {
  const auto settings = Two();
  settings->enforced = {0};
  settings->request = Adding("x-over");
  const FilterChain chain = Of(settings);
  for (int i = 0; i < 2; ++i) Ask(chain);
  EXPECT_EQ(TextOf(request_.down.headers), "");
  EXPECT_EQ(Ask(chain), FilterVerdict::kContinue);
  EXPECT_EQ(TextOf(request_.down.headers), "x-over=v;");
  EXPECT_EQ(Get(stats_.rate_limited), 1u);
  EXPECT_EQ(Get(stats_.enforced), 0u);
  EXPECT_EQ(request_.flags(), "-");
}

TEST_F(LocalRateLimitTest, LooksAtNothingWhileItIsOff) {
  const auto settings = Two();
  settings->enabled = {0};
  const FilterChain chain = Of(settings);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(Ask(chain), FilterVerdict::kContinue);
  EXPECT_EQ(Get(stats_.enabled), 0u);
}

TEST_F(LocalRateLimitTest, WithoutABucketAllPass) {
  const auto settings = Two();
  settings->bucket = nullptr;
  const FilterChain chain = Of(settings);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(Ask(chain), FilterVerdict::kContinue);
  EXPECT_EQ(Get(stats_.ok), 5u);
}

TEST_F(LocalRateLimitTest, ARouteHasABucketOfItsOwn) {
  const FilterChain chain = Of(Two());
  for (int i = 0; i < 2; ++i) Ask(chain);
  EXPECT_EQ(Ask(chain), FilterVerdict::kReply);
  request_.Override({.settings = Two()});
  EXPECT_EQ(Ask(chain), FilterVerdict::kContinue);
}

TEST_F(LocalRateLimitTest, TellsTheClientIfAsked) {
  const auto settings = Two();
  settings->tells_client = true;
  const FilterChain chain = Of(settings);
  for (const char* told : {"x-ratelimit-limit=2;x-ratelimit-remaining=1;x-ratelimit-reset=0;",
                           "x-ratelimit-limit=2;x-ratelimit-remaining=0;x-ratelimit-reset=1800;",
                           "x-ratelimit-limit=2;x-ratelimit-remaining=0;x-ratelimit-reset=1800;"}) {
    ChainRun& run = request_.Start(chain);
    run.OnRequest();
    Headers response(request_.down.arena);
    run.OnResponse(response);
    EXPECT_EQ(TextOf(response), told);
  }
}

TEST_F(LocalRateLimitTest, SaysNothingOfARequestThatItDidNotSee) {
  const auto settings = Two();
  settings->tells_client = true;
  const FilterChain chain = Of(settings);
  Headers response(request_.down.arena);
  request_.Start(chain).OnResponse(response);
  EXPECT_EQ(TextOf(response), "");
}

}  // namespace
}  // namespace outrigger::proxy::local_ratelimit
