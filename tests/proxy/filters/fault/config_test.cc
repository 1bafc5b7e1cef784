#include "proxy/filters/fault/config.h"

#include "tests/control/resources/resource_test.h"

namespace outrigger::proxy::fault {
namespace {

using scheduler::kMillisecond;

class FaultConfigTest : public control::ResourceTest {
 protected:
  absl::StatusOr<std::shared_ptr<const FilterSettings>> Parse(const std::string& fields) {
    const auto any = control::FromYaml<google::protobuf::Any>(
        "\"@type\": type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault\n" +
        fields);
    const FieldPath path("x");
    const FilterInputs inputs{stats_, warnings_, "in"};
    EXPECT_EQ(kKind.make(any, path, inputs).status(),
              kKind.make_settings(any, path, inputs).status());
    return kKind.make_settings(any, path, inputs);
  }
  std::string ErrorOf(const std::string& fields) {
    return control::Message(Parse(fields).status());
  }
  Settings Of(const std::string& fields) {
    const auto settings = Parse(fields);
    EXPECT_TRUE(settings.ok()) << settings.status();
    return settings.ok() ? static_cast<const Settings&>(**settings) : Settings();
  }
};

TEST_F(FaultConfigTest, NothingIsInjectedUnlessAsked) {
  const Settings settings = Of("");
  EXPECT_FALSE(settings.delay || settings.abort || settings.max_active_faults);
  EXPECT_EQ(Of("abort: {http_status: 503}").abort->share.numerator, 0u) << "of no request";
}

TEST_F(FaultConfigTest, ReadsEachField) {
  const Settings settings = Of(R"(
delay: {fixed_delay: 0.25s, percentage: {numerator: 5, denominator: TEN_THOUSAND}}
abort: {http_status: 418, percentage: {numerator: 7, denominator: MILLION}}
upstream_cluster: c
downstream_nodes: [one, two]
headers: [{name: x-a}, {name: x-b, string_match: {exact: b}}]
max_active_faults: 3
response_rate_limit: {fixed_limit: {limit_kbps: 8}, percentage: {numerator: 9}}
)");
  EXPECT_EQ(settings.response_rate_limit->kib_per_second, 8u);
  EXPECT_EQ(settings.response_rate_limit->share.numerator, 9u);
  EXPECT_EQ(settings.delay->fixed, 250 * kMillisecond);
  EXPECT_EQ(settings.delay->share.numerator, 5u);
  EXPECT_EQ(settings.delay->share.denominator, 10'000u);
  EXPECT_EQ(settings.abort->by, Abort::By::kHttpStatus);
  EXPECT_EQ(settings.abort->status, 418u);
  EXPECT_EQ(settings.abort->share.denominator, 1'000'000u);
  EXPECT_EQ(settings.upstream_cluster, "c");
  EXPECT_EQ(settings.downstream_nodes, (std::vector<std::string>{"one", "two"}));
  EXPECT_EQ(settings.headers.size(), 2u);
  EXPECT_EQ(settings.max_active_faults, 3u);
}

TEST_F(FaultConfigTest, ReadsFaultsThatHeadersAskFor) {
  const Settings settings =
      Of("delay: {header_delay: {}}\nabort: {header_abort: {}}\n"
         "response_rate_limit: {header_limit: {}}");
  EXPECT_EQ(settings.response_rate_limit->kib_per_second, 0u);
  EXPECT_EQ(settings.delay->fixed, 0);
  EXPECT_EQ(settings.abort->by, Abort::By::kHeader);
  EXPECT_EQ(Of("abort: {grpc_status: 14}").abort->by, Abort::By::kGrpcStatus);
}

TEST_F(FaultConfigTest, RefusesWhatEnvoyRefuses) {
  EXPECT_EQ(ErrorOf("delay: {}"),
            "x: delay: fault_delay_secifier is required: fixed_delay or header_delay");
  EXPECT_EQ(ErrorOf("delay: {fixed_delay: 0s}"),
            "x: delay.fixed_delay: value must be greater than or equal to 1e-09s");
  EXPECT_EQ(ErrorOf("abort: {}"),
            "x: abort: error_type is required: http_status, grpc_status or header_abort");
  EXPECT_EQ(ErrorOf("response_rate_limit: {}"),
            "x: response_rate_limit: limit_type is required: fixed_limit or header_limit");
  EXPECT_EQ(ErrorOf("response_rate_limit: {fixed_limit: {}}"),
            "x: response_rate_limit.fixed_limit.limit_kbps: value must be greater than or equal to "
            "1");
  EXPECT_EQ(ErrorOf("abort: {http_status: 199}"),
            "x: abort.http_status: value must be inside range [200, 600)");
  EXPECT_EQ(ErrorOf("abort: {http_status: 600}"),
            "x: abort.http_status: value must be inside range [200, 600)");
  EXPECT_EQ(ErrorOf("headers: [{name: ''}]").substr(0, 19), "x: headers[0].name:");
  EXPECT_EQ(ErrorOf("abort_percent_runtime: x"), "x: abort_percent_runtime: not supported yet");
}

}  // namespace
}  // namespace outrigger::proxy::fault
