#include "proxy/filters/local_ratelimit/config.h"

#include "tests/control/resources/resource_test.h"

namespace outrigger::proxy::local_ratelimit {
namespace {

constexpr std::string_view kBucket = "token_bucket: {max_tokens: 2, fill_interval: 1s}\n";

class LocalRateLimitConfigTest : public control::ResourceTest {
 protected:
  // As a route says it.
  absl::StatusOr<std::shared_ptr<const Settings>> Parse(std::string_view fields) {
    const auto parsed = kKind.make_settings(Message(fields), path_, filter_inputs_);
    if (!parsed.ok()) return parsed.status();
    return std::static_pointer_cast<const Settings>(*parsed);
  }
  std::string ErrorOf(std::string_view fields) { return control::Message(Parse(fields).status()); }
  std::string ChainErrorOf(std::string_view fields) {
    return control::Message(kKind.make(Message(fields), path_, filter_inputs_).status());
  }
  static google::protobuf::Any Message(std::string_view fields) {
    return control::FromYaml<google::protobuf::Any>(
        scheduler::Concat("\"@type\": type.googleapis.com/"
                          "envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit\n",
                          fields));
  }

  const FieldPath path_{"x"};
  const FilterInputs filter_inputs_{stats_, warnings_, "in"};
};

TEST_F(LocalRateLimitConfigTest, LooksAtNothingUnlessAsked) {
  const auto settings = Parse(scheduler::Concat("stat_prefix: p\n", kBucket));
  ASSERT_TRUE(settings.ok()) << settings.status();
  const Settings& it = **settings;
  EXPECT_EQ(it.enabled.numerator, 0u);
  EXPECT_EQ(it.enforced.numerator, 0u);
  EXPECT_EQ(it.status, 429u);
  EXPECT_EQ(it.grpc_status, -1);
  EXPECT_FALSE(it.tells_client);
  EXPECT_EQ(it.request, nullptr);
  EXPECT_EQ(it.response, nullptr);
}

TEST_F(LocalRateLimitConfigTest, ReadsEachField) {
  const auto settings = Parse(R"(
stat_prefix: p
status: {code: 503}
token_bucket: {max_tokens: 7, tokens_per_fill: 3, fill_interval: 0.06s}
filter_enabled: {default_value: {numerator: 5, denominator: TEN_THOUSAND}}
filter_enforced: {default_value: {numerator: 6, denominator: MILLION}}
response_headers_to_add: [{header: {key: x-a, value: b}}]
request_headers_to_add_when_not_enforced: [{header: {key: x-c, value: d}}]
enable_x_ratelimit_headers: DRAFT_VERSION_03
rate_limited_as_resource_exhausted: true
)");
  ASSERT_TRUE(settings.ok()) << settings.status();
  const Settings& it = **settings;
  EXPECT_EQ(it.status, 503u);
  EXPECT_EQ(it.bucket->most(), 7u);
  for (int i = 0; i < 7; ++i) EXPECT_TRUE(it.bucket->TryTake(0));
  EXPECT_EQ(it.bucket->UntilNext(0), 20 * scheduler::kMillisecond);
  EXPECT_EQ(it.enabled.numerator, 5u);
  EXPECT_EQ(it.enabled.denominator, 10'000u);
  EXPECT_EQ(it.enforced.denominator, 1'000'000u);
  EXPECT_EQ(it.response->add.at(0).key.name, "x-a");
  EXPECT_EQ(it.request->add.at(0).key.name, "x-c");
  EXPECT_TRUE(it.tells_client);
  EXPECT_EQ(it.grpc_status, 8);
}

TEST_F(LocalRateLimitConfigTest, AStatusThatIsNoErrorIs429) {
  const auto settings = Parse(scheduler::Concat("stat_prefix: p\nstatus: {code: 201}\n", kBucket));
  ASSERT_TRUE(settings.ok()) << settings.status();
  EXPECT_EQ((*settings)->status, 429u);
}

TEST_F(LocalRateLimitConfigTest, AChainMayLeaveTheBucketToItsRoutes) {
  EXPECT_EQ(ChainErrorOf("stat_prefix: p"), "no error");
  EXPECT_EQ(ErrorOf("stat_prefix: p"),
            "x: token_bucket: local rate limit token bucket must be set for per filter configs");
}

TEST_F(LocalRateLimitConfigTest, RefusesWhatEnvoyRefuses) {
  EXPECT_EQ(ChainErrorOf(""), "x: stat_prefix: value length must be at least 1 characters");
  EXPECT_EQ(ErrorOf("stat_prefix: p\ntoken_bucket: {max_tokens: 1}"),
            "x: token_bucket.fill_interval: value is required");
  EXPECT_EQ(ErrorOf("stat_prefix: p\ntoken_bucket: {max_tokens: 1, fill_interval: 0.049s}"),
            "x: token_bucket.fill_interval: local rate limit token bucket fill timer must be >= "
            "50ms");
  EXPECT_EQ(ErrorOf("stat_prefix: p\n"
                    "token_bucket: {max_tokens: 1, tokens_per_fill: 0, fill_interval: 1s}"),
            "x: token_bucket.tokens_per_fill: value must be greater than or equal to 1");
  std::string many = "stat_prefix: p\nresponse_headers_to_add: [";
  for (int i = 0; i < 11; ++i) many += "{header: {key: a, value: b}},";
  EXPECT_EQ(ChainErrorOf(many + "]"),
            "x: response_headers_to_add: value must contain no more than 10 item(s)");
}

TEST_F(LocalRateLimitConfigTest, SaysWhatIsNotThere) {
  EXPECT_EQ(ChainErrorOf("stat_prefix: p\nlocal_rate_limit_per_downstream_connection: true"),
            "x: local_rate_limit_per_downstream_connection: not supported yet");
}

}  // namespace
}  // namespace outrigger::proxy::local_ratelimit
