#include "control/resources/cluster.h"

#include <string>

#include "tests/control/resources/resource_test.h"

namespace outrigger::control {
namespace {

using proxy::Cluster;
using scheduler::kMillisecond;
using scheduler::kSecond;

class ClusterTest : public ResourceTest {
 protected:
  absl::StatusOr<std::shared_ptr<Cluster>> Parse(std::string_view yaml) {
    return ParseCluster(FromYaml<envoy::config::cluster::v3::Cluster>(yaml), inputs_);
  }

  // Of the cluster "app" with these fields more.
  std::string ErrorOf(const std::string& fields) {
    return Message(Parse("name: app\nhttp2_protocol_options: {}\n" + fields).status());
  }

  std::string TypedErrorOf(const std::string& options) {
    return Message(Parse(Replace(R"(
name: app
typed_extension_protocol_options:
  envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
    "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
    $options
)",
                                 "$options", options))
                       .status());
  }
};

TEST_F(ClusterTest, DefaultsAreEnvoys) {
  const auto cluster = Parse("{name: app, http2_protocol_options: {}}");
  ASSERT_TRUE(cluster.ok()) << cluster.status();
  const Cluster& c = **cluster;
  EXPECT_EQ(c.name, "app");
  EXPECT_EQ(c.type, Cluster::Type::kStatic);
  EXPECT_EQ(c.connect_timeout, 5 * kSecond);
  EXPECT_EQ(c.idle_timeout, 3600 * kSecond);
  EXPECT_EQ(c.max_requests_per_connection, 0u);
  EXPECT_EQ(c.per_connection_buffer_limit_bytes, 1024u * 1024);
  EXPECT_EQ(c.response_headers.max_bytes, 60u * 1024);
  EXPECT_EQ(c.circuit_breakers.max_connections, 1024u);
  EXPECT_EQ(c.circuit_breakers.max_retries, 3u);
  EXPECT_EQ(c.dns_refresh, 5 * kSecond);
  EXPECT_EQ(c.dns_family, Cluster::DnsFamily::kAuto);
  EXPECT_TRUE(c.http2);
  EXPECT_TRUE(c.wait_for_warm);
  EXPECT_TRUE(c.hosts->hosts.empty());
}

TEST_F(ClusterTest, ReadsEachField) {
  const auto cluster = Parse(R"(
name: app
alt_stat_name: other
type: STRICT_DNS
connect_timeout: 0.25s
per_connection_buffer_limit_bytes: 1000
lb_policy: RANDOM
load_assignment:
  cluster_name: app
  endpoints:
  - lb_endpoints:
    - endpoint: {address: {socket_address: {address: a.test, port_value: 1}}}
circuit_breakers:
  thresholds:
  - {max_connections: 1, max_pending_requests: 2, max_requests: 3, max_retries: 4}
  - {priority: HIGH, max_requests: 5, track_remaining: true}
dns_refresh_rate: 7s
dns_jitter: 0.5s
dns_failure_refresh_rate: {base_interval: 1s, max_interval: 60s}
respect_dns_ttl: true
dns_lookup_family: V4_PREFERRED
wait_for_warm_on_init: false
metadata: {filter_metadata: {a: {b: c}}}
typed_extension_protocol_options:
  envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
    "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
    common_http_protocol_options:
      idle_timeout: 9s
      max_headers_count: 11
      max_response_headers_kb: 12
      max_requests_per_connection: 13
    explicit_http_config: {http2_protocol_options: {max_concurrent_streams: 14}}
)");
  ASSERT_TRUE(cluster.ok()) << cluster.status();
  const Cluster& c = **cluster;
  EXPECT_EQ(c.type, Cluster::Type::kStrictDns);
  EXPECT_EQ(c.connect_timeout, 250 * kMillisecond);
  EXPECT_EQ(c.per_connection_buffer_limit_bytes, 1000u);
  ASSERT_EQ(c.dns_names.size(), 1u);
  EXPECT_EQ(c.dns_names[0].name, "a.test");
  EXPECT_EQ(c.circuit_breakers.max_connections, 1u);
  EXPECT_EQ(c.circuit_breakers.max_pending_requests, 2u);
  EXPECT_EQ(c.circuit_breakers.max_requests, 3u);
  EXPECT_EQ(c.circuit_breakers.max_retries, 4u);
  EXPECT_FALSE(c.circuit_breakers.track_remaining);
  EXPECT_EQ(c.high_circuit_breakers.max_requests, 5u);
  EXPECT_EQ(c.high_circuit_breakers.max_connections, 1024u);
  EXPECT_TRUE(c.high_circuit_breakers.track_remaining);
  EXPECT_EQ(c.lb.policy, proxy::LbOptions::Policy::kRandom);
  EXPECT_EQ(c.dns_refresh, 7 * kSecond);
  EXPECT_EQ(c.dns_jitter, 500 * kMillisecond);
  EXPECT_EQ(c.dns_failure_refresh, 1 * kSecond);
  EXPECT_EQ(c.dns_failure_refresh_max, 60 * kSecond);
  EXPECT_TRUE(c.respect_dns_ttl);
  EXPECT_EQ(c.dns_family, Cluster::DnsFamily::kV4Preferred);
  EXPECT_FALSE(c.wait_for_warm);
  EXPECT_TRUE(c.http2);
  EXPECT_EQ(c.http2_options.max_concurrent_streams, 14u);
  EXPECT_EQ(c.idle_timeout, 9 * kSecond);
  EXPECT_EQ(c.response_headers.max_count, 11u);
  EXPECT_EQ(c.response_headers.max_bytes, 12u * 1024);
  EXPECT_EQ(c.max_requests_per_connection, 13u);
  EXPECT_EQ(c.stats.upstream_rq_total.slot,
            proxy::ClusterStats::Make(stats_, "other").upstream_rq_total.slot);
}

TEST_F(ClusterTest, ReadsTheOlderFieldsOfHttp) {
  const auto cluster = Parse(R"(
name: app
max_requests_per_connection: 5
http2_protocol_options: {initial_stream_window_size: 70000}
common_http_protocol_options: {idle_timeout: 0s}
)");
  ASSERT_TRUE(cluster.ok()) << cluster.status();
  EXPECT_TRUE((*cluster)->http2);
  EXPECT_EQ((*cluster)->http2_options.initial_stream_window_size, 70000u);
  EXPECT_EQ((*cluster)->idle_timeout, 0);
  EXPECT_EQ((*cluster)->max_requests_per_connection, 5u);
}

TEST_F(ClusterTest, SpeaksHttp11UnlessToldOtherwise) {
  const auto silent = Parse("name: app");
  ASSERT_TRUE(silent.ok()) << silent.status();
  EXPECT_FALSE((*silent)->http2);
  EXPECT_FALSE((*silent)->http1_trailers);
  EXPECT_EQ((*silent)->response_headers.max_bytes, 80u * 1024);

  const auto older = Parse("{name: app, http_protocol_options: {enable_trailers: true}}");
  ASSERT_TRUE(older.ok()) << older.status();
  EXPECT_FALSE((*older)->http2);
  EXPECT_TRUE((*older)->http1_trailers);

  const auto typed = Parse(R"(
name: app
typed_extension_protocol_options:
  envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
    "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
    common_http_protocol_options: {idle_timeout: 9s, max_response_headers_kb: 3}
    explicit_http_config: {http_protocol_options: {enable_trailers: true}}
)");
  ASSERT_TRUE(typed.ok()) << typed.status();
  EXPECT_FALSE((*typed)->http2);
  EXPECT_TRUE((*typed)->http1_trailers);
  EXPECT_EQ((*typed)->idle_timeout, 9 * kSecond);
  EXPECT_EQ((*typed)->response_headers.max_bytes, 3u * 1024);
}

TEST_F(ClusterTest, MaySpeakAsTheClientSpeaks) {
  const auto cluster = Parse(R"(
name: app
typed_extension_protocol_options:
  envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
    "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
    use_downstream_protocol_config:
      http_protocol_options: {enable_trailers: true}
      http2_protocol_options: {max_concurrent_streams: 14}
)");
  ASSERT_TRUE(cluster.ok()) << cluster.status();
  EXPECT_TRUE((*cluster)->as_downstream);
  EXPECT_TRUE((*cluster)->http1_trailers);
  EXPECT_EQ((*cluster)->http2_options.max_concurrent_streams, 14u);
  EXPECT_TRUE((*cluster)->UsesHttp2(true));
  EXPECT_FALSE((*cluster)->UsesHttp2(false));
}

TEST_F(ClusterTest, RefusesHttpOptionsWithTheirPlace) {
  const std::string place =
      "cluster \"app\": typed_extension_protocol_options[\"envoy.extensions.upstreams.http.v3."
      "HttpProtocolOptions\"]";
  EXPECT_EQ(TypedErrorOf("common_http_protocol_options: {}"),
            place + ".explicit_http_config: value is required");
  EXPECT_EQ(TypedErrorOf("explicit_http_config: {}"),
            place + ".explicit_http_config.protocol_config: value is required");
  EXPECT_EQ(
      TypedErrorOf("explicit_http_config: {http2_protocol_options: {max_outbound_frames: 0}}"),
      place +
          ".explicit_http_config.http2_protocol_options.max_outbound_frames: value must "
          "be greater than or equal to 1");
  EXPECT_EQ(TypedErrorOf("explicit_http_config: {http2_protocol_options: {}}\n"
                         "    common_http_protocol_options: {max_connection_duration: 1s}"),
            place + ".common_http_protocol_options.max_connection_duration: not supported yet");
  EXPECT_THAT(TypedErrorOf("explicit_http_config: {http2_protocol_options: {}}\n"
                           "http2_protocol_options: {}"),
              ::testing::StartsWith(place + ": http_protocol_options, "));
  EXPECT_EQ(ErrorOf("typed_extension_protocol_options: {some.thing: {'@type': "
                    "type.googleapis.com/google.protobuf.Duration, value: 1s}}"),
            "cluster \"app\": typed_extension_protocol_options[\"some.thing\"]: not supported yet");
}

TEST_F(ClusterTest, RefusesValuesOutOfRange) {
  const std::string place = "cluster \"app\": ";
  EXPECT_EQ(ErrorOf("connect_timeout: 0s"),
            place + "connect_timeout: value must be greater than 0s");
  EXPECT_EQ(ErrorOf("connect_timeout: -1s"),
            place + "connect_timeout: value must be greater than or equal to 0s");
  EXPECT_EQ(ErrorOf("dns_refresh_rate: 0s"),
            place + "dns_refresh_rate: value must be greater than or equal to 0.001s");
  EXPECT_EQ(ErrorOf("dns_failure_refresh_rate: {max_interval: 1s}"),
            place + "dns_failure_refresh_rate.base_interval: value is required");
  EXPECT_EQ(ErrorOf("dns_failure_refresh_rate: {base_interval: 2s, max_interval: 1s}"),
            place +
                "dns_failure_refresh_rate: must have max_interval greater than or equal to the "
                "base_interval");
  EXPECT_EQ(ErrorOf("common_http_protocol_options: {max_response_headers_kb: 8193}"),
            place +
                "common_http_protocol_options.max_response_headers_kb: value must be inside "
                "range [1, 8192]");
  EXPECT_EQ(ErrorOf("circuit_breakers: {thresholds: [{}, {}]}"),
            place +
                "circuit_breakers.thresholds[1].priority: duplicate thresholds of priority "
                "DEFAULT");
  EXPECT_EQ(Message(Parse("http2_protocol_options: {}").status()),
            "cluster \"\": name: value length must be at least 1 characters");
}

TEST_F(ClusterTest, RefusesWhatIsNotThereYet) {
  const std::string place = "cluster \"app\": ";
  EXPECT_EQ(ErrorOf("type: EDS"),
            place + "type: EDS is not supported yet; STATIC, STRICT_DNS and LOGICAL_DNS are");
  EXPECT_EQ(ErrorOf("transport_socket: {name: tls}"),
            place +
                "transport_socket: transport socket \"tls\" with type URL \"\" is not supported "
                "yet; use a UpstreamTlsContext, or leave it out for plain TCP");
  EXPECT_EQ(ErrorOf("circuit_breakers: {per_host_thresholds: [{}]}"),
            place + "circuit_breakers.per_host_thresholds: not supported yet");
  EXPECT_EQ(ErrorOf("circuit_breakers: {thresholds: [{retry_budget: {}}]}"),
            place + "circuit_breakers.thresholds[0].retry_budget: not supported yet");
  for (const char* field : {"eds_cluster_config", "upstream_connection_options"}) {
    EXPECT_EQ(ErrorOf(std::string(field) + ": {}"), place + field + ": not supported yet");
  }
}

TEST_F(ClusterTest, ALogicalDnsClusterHasOneName) {
  EXPECT_EQ(ErrorOf("type: LOGICAL_DNS"),
            "cluster \"app\": load_assignment: LOGICAL_DNS clusters must have a single host");
  const auto cluster = Parse(R"(
name: app
type: LOGICAL_DNS
http2_protocol_options: {}
load_assignment:
  cluster_name: app
  endpoints:
  - lb_endpoints:
    - endpoint: {address: {socket_address: {address: a.test, port_value: 1}}}
)");
  ASSERT_TRUE(cluster.ok()) << cluster.status();
  EXPECT_EQ((*cluster)->type, Cluster::Type::kLogicalDns);
  EXPECT_EQ((*cluster)->hosts, nullptr);
}

TEST_F(ClusterTest, LimitsHoldOnceTheyAreTakenOver) {
  const auto cluster = Parse(
      "{name: app, http2_protocol_options: {}, circuit_breakers: {thresholds: "
      "[{max_requests: 5}, {priority: HIGH, max_requests: 6}]}}");
  ASSERT_TRUE(cluster.ok()) << cluster.status();
  const proxy::BreakerCells& cells = *(*cluster)->breaker_cells;
  EXPECT_EQ(cells.of_default.limit(proxy::Resource::kRequests), 0u);
  (*cluster)->TakeOverBreakers();
  EXPECT_EQ(cells.of_default.limit(proxy::Resource::kRequests), 5u);
  EXPECT_EQ(cells.of_default.limit(proxy::Resource::kRetries), 3u);
  EXPECT_EQ(cells.of_high.limit(proxy::Resource::kRequests), 6u);
}

TEST_F(ClusterTest, EndpointErrorsNameTheCluster) {
  EXPECT_EQ(ErrorOf("load_assignment: {cluster_name: app, endpoints: [{lb_endpoints: [{endpoint: "
                    "{address: {socket_address: {address: a.test, port_value: 1}}}}]}]}"),
            "cluster \"app\": load_assignment.endpoints[0].lb_endpoints[0].endpoint.address."
            "socket_address.address: malformed IP address: a.test; names are resolved for clusters "
            "of type STRICT_DNS");
}

}  // namespace
}  // namespace outrigger::control
