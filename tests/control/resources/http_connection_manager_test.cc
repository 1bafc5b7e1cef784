#include "control/resources/http_connection_manager.h"

#include <string>

#include "tests/control/resources/resource_test.h"

namespace outrigger::control {
namespace {

using envoy::extensions::filters::network::http_connection_manager::v3::HttpConnectionManager;
using proxy::HttpListenerOptions;
using scheduler::kSecond;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const FieldPath kPath("x");

constexpr std::string_view kRouter = R"(
- name: router
  typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
)";

class HttpConnectionManagerTest : public ResourceTest {
 protected:
  absl::StatusOr<HttpListenerOptions> ParseAll(const std::string& yaml) {
    HttpListenerOptions to;
    const absl::Status status =
        ParseHttpConnectionManager(FromYaml<HttpConnectionManager>(yaml), kPath, inputs_, to);
    if (!status.ok()) return status;
    return to;
  }

  // With what is required, and these fields.
  absl::StatusOr<HttpListenerOptions> Parse(const std::string& fields) {
    return ParseAll(absl::StrFormat("stat_prefix: in\nroute_config: {}\nhttp_filters: %s\n%s",
                                    kRouter, fields));
  }
  std::string ErrorOf(const std::string& fields) { return Message(Parse(fields).status()); }
};

TEST_F(HttpConnectionManagerTest, DefaultsAreEnvoys) {
  const auto http = Parse("");
  ASSERT_TRUE(http.ok()) << http.status();
  EXPECT_EQ(http->stat_prefix, "in");
  EXPECT_EQ(http->codec, HttpListenerOptions::CodecType::kAuto);
  EXPECT_EQ(http->server_name, "envoy");
  EXPECT_EQ(http->server_header, HttpListenerOptions::ServerHeader::kOverwrite);
  EXPECT_EQ(http->stream_idle_timeout, 300 * kSecond);
  EXPECT_EQ(http->idle_timeout, 3600 * kSecond);
  EXPECT_EQ(http->request_timeout, 0);
  EXPECT_EQ(http->drain_timeout, 5 * kSecond);
  EXPECT_EQ(http->request_headers.max_bytes, 60u * 1024);
  EXPECT_EQ(http->request_headers.max_count, 100u);
  EXPECT_TRUE(http->generate_request_id);
  EXPECT_FALSE(http->use_remote_address);
  EXPECT_THAT(http->access_logs, IsEmpty());
  EXPECT_THAT(warnings_, IsEmpty());
}

TEST_F(HttpConnectionManagerTest, ReadsEachField) {
  const auto http = Parse(R"(
codec_type: HTTP2
server_name: outrigger
server_header_transformation: PASS_THROUGH
via: v
use_remote_address: true
xff_num_trusted_hops: 2
skip_xff_append: true
generate_request_id: false
preserve_external_request_id: true
max_request_headers_kb: 96
stream_idle_timeout: 0s
request_timeout: 1s
request_headers_timeout: 2s
drain_timeout: 3s
normalize_path: false
common_http_protocol_options: {idle_timeout: 4s, max_connection_duration: 5s, max_headers_count: 6}
http2_protocol_options: {max_concurrent_streams: 7}
access_log:
- name: out
  typed_config:
    "@type": type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog
)");
  ASSERT_TRUE(http.ok()) << http.status();
  EXPECT_EQ(http->codec, HttpListenerOptions::CodecType::kHttp2);
  EXPECT_EQ(http->server_name, "outrigger");
  EXPECT_EQ(http->server_header, HttpListenerOptions::ServerHeader::kPassThrough);
  EXPECT_EQ(http->via, "v");
  EXPECT_TRUE(http->use_remote_address);
  EXPECT_EQ(http->xff_num_trusted_hops, 2u);
  EXPECT_TRUE(http->skip_xff_append);
  EXPECT_FALSE(http->generate_request_id);
  EXPECT_TRUE(http->preserve_external_request_id);
  EXPECT_EQ(http->request_headers.max_bytes, 96u * 1024);
  EXPECT_EQ(http->stream_idle_timeout, 0);
  EXPECT_EQ(http->request_timeout, 1 * kSecond);
  EXPECT_EQ(http->request_headers_timeout, 2 * kSecond);
  EXPECT_EQ(http->drain_timeout, 3 * kSecond);
  EXPECT_EQ(http->idle_timeout, 4 * kSecond);
  EXPECT_EQ(http->max_connection_duration, 5 * kSecond);
  EXPECT_EQ(http->request_headers.max_count, 6u);
  EXPECT_EQ(http->http2.max_concurrent_streams, 7u);
  ASSERT_EQ(http->access_logs.size(), 1u);
  EXPECT_NE(http->access_logs[0].sink, nullptr);
  EXPECT_EQ(http->stats.downstream_rq_total.slot,
            proxy::HttpStats::Make(stats_, "in").downstream_rq_total.slot);
}

TEST_F(HttpConnectionManagerTest, RefusesWhatIsMissing) {
  EXPECT_EQ(Message(ParseAll("route_config: {}").status()),
            "x: stat_prefix: value length must be at least 1 characters");
  EXPECT_EQ(Message(ParseAll("stat_prefix: in").status()),
            "x: route_specifier is required: route_config");
  EXPECT_EQ(Message(ParseAll("{stat_prefix: in, route_config: {}}").status()),
            "x: http_filters: the last filter in a http filter chain must be the router, "
            "envoy.filters.http.router");
}

TEST_F(HttpConnectionManagerTest, RefusesValuesOutOfRange) {
  EXPECT_EQ(ErrorOf("max_request_headers_kb: 0"),
            "x: max_request_headers_kb: value must be inside range [1, 8192]");
  EXPECT_EQ(ErrorOf("stream_idle_timeout: -1s"),
            "x: stream_idle_timeout: value must be greater than or equal to 0s");
  EXPECT_EQ(ErrorOf("server_name: \"a\\r\\nb\""),
            "x: server_name: value does not go into a header: it has a NUL, CR or LF");
  EXPECT_EQ(ErrorOf("common_http_protocol_options: {max_headers_count: 0}"),
            "x: common_http_protocol_options.max_headers_count: value must be greater than or "
            "equal to 1");
}

TEST_F(HttpConnectionManagerTest, RefusesWhatIsNotThereYet) {
  EXPECT_EQ(ErrorOf("codec_type: HTTP1"),
            "x: codec_type: HTTP1 is not supported yet; AUTO and HTTP2 are");
  EXPECT_EQ(Message(ParseAll("{stat_prefix: in, rds: {}}").status()),
            "x: rds: RDS is not supported yet; use route_config");
  for (const char* field :
       {"normalize_path: true", "merge_slashes: true", "delayed_close_timeout: 1s"}) {
    const std::string name(field, std::string_view(field).find(':'));
    EXPECT_EQ(ErrorOf(field), "x: " + name + ": not supported yet");
  }
}

TEST_F(HttpConnectionManagerTest, ReadsWhatIsToldOfTheCertificate) {
  using Forward = HttpListenerOptions::ForwardClientCert;
  const auto unset = Parse("");
  ASSERT_TRUE(unset.ok()) << unset.status();
  EXPECT_EQ(unset->forward_client_cert, Forward::kSanitize);
  EXPECT_FALSE(unset->client_cert_details.subject);
  const auto parsed = Parse(
      "forward_client_cert_details: APPEND_FORWARD\n"
      "set_current_client_cert_details: {subject: true, uri: true}");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->forward_client_cert, Forward::kAppendForward);
  EXPECT_TRUE(parsed->client_cert_details.subject && parsed->client_cert_details.uri);
  EXPECT_FALSE(parsed->client_cert_details.cert || parsed->client_cert_details.dns);
}

TEST_F(HttpConnectionManagerTest, ReadsWhatIsToldOfTheClient) {
  const auto parsed = Parse(
      "internal_address_config: {unix_sockets: true, cidr_ranges: [{address_prefix: 10.0.0.0, "
      "prefix_len: 8}]}\n"
      "common_http_protocol_options: {max_stream_duration: 1s}\n"
      "always_set_request_id_in_response: true\nstrip_any_host_port: true\n"
      "append_x_forwarded_port: true\nproxy_100_continue: true");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->internal_ranges.size(), 1u);
  EXPECT_TRUE(parsed->internal_unix_sockets);
  EXPECT_EQ(parsed->max_stream_duration, proxy::kSecond);
  EXPECT_TRUE(parsed->always_set_request_id_in_response);
  EXPECT_TRUE(parsed->strip_any_host_port);
  EXPECT_TRUE(parsed->append_x_forwarded_port);
  EXPECT_TRUE(parsed->proxy_100_continue);
  EXPECT_EQ(ErrorOf("internal_address_config: {cidr_ranges: [{address_prefix: ten}]}"),
            "x: internal_address_config.cidr_ranges[0]: malformed IP address in address_prefix");
}

TEST_F(HttpConnectionManagerTest, WarnsOfUpgradesThatCannotHappenYet) {
  EXPECT_TRUE(Parse("upgrade_configs: [{upgrade_type: websocket}]").ok());
  EXPECT_THAT(warnings_, ElementsAre("x: upgrade_configs: has no effect until HTTP/1.1 is there"));
}

TEST_F(HttpConnectionManagerTest, HasFiltersAndRoutesThatSpeakOfThem) {
  const auto http = ParseAll(R"(
stat_prefix: in
route_config:
  virtual_hosts:
  - {name: v, domains: ['*'], routes: [{match: {prefix: /}, direct_response: {status: 200},
      typed_per_filter_config: {fault: {"@type": type.googleapis.com/envoy.config.route.v3.FilterConfig,
                                        disabled: true}}}]}
http_filters:
- name: fault
  typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault}
)" + std::string(kRouter));
  ASSERT_TRUE(http.ok()) << http.status();
  ASSERT_EQ(http->filters.size(), 1u);
  const auto& overrides = http->routes->virtual_hosts[0].routes[0].filters;
  ASSERT_NE(overrides, nullptr);
  EXPECT_EQ(overrides->at(0).name, http->filters[0].name);
}

}  // namespace
}  // namespace outrigger::control
