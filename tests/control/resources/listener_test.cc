#include "control/resources/listener.h"

#include <string>

#include "tests/control/resources/resource_test.h"

namespace outrigger::control {
namespace {

using proxy::Listener;

constexpr std::string_view kAddress = R"(
address: {socket_address: {address: 127.0.0.1, port_value: 10000}}
)";
constexpr std::string_view kFilter = R"(
  - name: hcm
    typed_config:
      "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
      stat_prefix: in
      route_config:
        virtual_hosts:
        - {name: v, domains: ["*"], routes: [{match: {prefix: /}, route: {cluster: app}}]}
      http_filters:
      - name: router
        typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
)";

class ListenerTest : public ResourceTest {
 protected:
  absl::StatusOr<std::shared_ptr<const Listener>> Parse(const std::string& yaml) {
    return ParseListener(FromYaml<envoy::config::listener::v3::Listener>(yaml), "in", inputs_);
  }

  static std::string Chain() { return "filter_chains:\n- filters:" + std::string(kFilter); }

  // Of a good listener with these fields more.
  std::string ErrorOf(const std::string& fields) {
    return Message(Parse(std::string(kAddress) + Chain() + fields).status());
  }
  // Of a listener with this one filter chain.
  std::string ChainErrorOf(const std::string& chain) {
    return Message(Parse(std::string(kAddress) + "filter_chains:\n" + chain).status());
  }
};

TEST_F(ListenerTest, DefaultsAreEnvoys) {
  const auto listener = Parse(std::string(kAddress) + Chain());
  ASSERT_TRUE(listener.ok()) << listener.status();
  EXPECT_EQ((*listener)->name, "in");
  EXPECT_EQ((*listener)->address.text, "127.0.0.1:10000");
  EXPECT_TRUE((*listener)->reuse_port);
  EXPECT_EQ((*listener)->per_connection_buffer_limit_bytes, 1024u * 1024);
  EXPECT_EQ((*listener)->direction, Listener::Direction::kUnspecified);
  EXPECT_EQ((*listener)->http.stat_prefix, "in");
  EXPECT_EQ((*listener)->http.routes->virtual_hosts.size(), 1u);
  EXPECT_EQ((*listener)->stats.downstream_cx_total.slot,
            proxy::ListenerStats::Make(stats_, "127.0.0.1:10000").downstream_cx_total.slot);
}

TEST_F(ListenerTest, ReadsEachField) {
  const auto listener = Parse(std::string(kAddress) + Chain() + R"(
stat_prefix: other
per_connection_buffer_limit_bytes: 5
traffic_direction: OUTBOUND
tcp_backlog_size: 6
enable_reuse_port: false
metadata: {filter_metadata: {a: {b: c}}}
)");
  ASSERT_TRUE(listener.ok()) << listener.status();
  EXPECT_EQ((*listener)->per_connection_buffer_limit_bytes, 5u);
  EXPECT_EQ((*listener)->direction, Listener::Direction::kOutbound);
  EXPECT_EQ((*listener)->tcp_backlog_size, 6u);
  EXPECT_FALSE((*listener)->reuse_port);
  EXPECT_EQ((*listener)->stats.downstream_cx_total.slot,
            proxy::ListenerStats::Make(stats_, "other").downstream_cx_total.slot);
}

TEST_F(ListenerTest, TakesAChainThatSaysPlainTcpAndMatchesAll) {
  EXPECT_EQ(ChainErrorOf(R"(
- name: chain
  filter_chain_match: {}
  transport_socket:
    name: raw
    typed_config: {"@type": type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer}
  filters:)" + std::string(kFilter)),
            "no error");
}

TEST_F(ListenerTest, RefusesWhatIsMissing) {
  EXPECT_EQ(Message(Parse(Chain()).status()), "listener \"in\": address: value is required");
  EXPECT_EQ(Message(Parse(std::string(kAddress)).status()),
            "listener \"in\": filter_chains: no filter chains specified");
  EXPECT_EQ(ChainErrorOf("- {}"),
            "listener \"in\": filter_chains[0].filters: at least one filter is required: "
            "envoy.filters.network.http_connection_manager");
  EXPECT_EQ(ErrorOf("tcp_backlog_size: 0"),
            "listener \"in\": tcp_backlog_size: value must be inside range [1, 2147483647]");
}

TEST_F(ListenerTest, TheConnectionManagerIsTheLastFilter) {
  EXPECT_EQ(ChainErrorOf("- filters:" + std::string(kFilter) + std::string(kFilter)),
            "listener \"in\": filter_chains[0].filters[0]: terminal filter named hcm must be the "
            "last filter in a network filter chain");
}

TEST_F(ListenerTest, ErrorsReachThroughTheWholeTree) {
  EXPECT_EQ(ChainErrorOf("- filters:" + Replace(std::string(kFilter), "[\"*\"]", "[a, a]")),
            "listener \"in\": filter_chains[0].filters[0].typed_config.route_config."
            "virtual_hosts[0].domains[1]: duplicate domain \"a\"");
}

TEST_F(ListenerTest, RefusesWhatIsNotThereYet) {
  const std::string place = "listener \"in\": ";
  EXPECT_EQ(ErrorOf("drain_type: MODIFY_ONLY"), place + "drain_type: not supported yet");
  EXPECT_EQ(ErrorOf("default_filter_chain: {}"), place + "default_filter_chain: not supported yet");
  EXPECT_EQ(ErrorOf("max_connections_to_accept_per_socket_event: 1"),
            place + "max_connections_to_accept_per_socket_event: not supported yet");
  EXPECT_EQ(ErrorOf("- {}"),
            place + "filter_chains[1]: a second filter chain is not supported yet");
  EXPECT_EQ(ChainErrorOf("- filter_chain_match: {destination_port: 1}"),
            place + "filter_chains[0].filter_chain_match.destination_port: not supported yet");
  EXPECT_EQ(ChainErrorOf("- transport_socket: {name: tls}"),
            place +
                "filter_chains[0].transport_socket: transport socket \"tls\" with type URL \"\" "
                "is not supported yet; use a DownstreamTlsContext, or leave it out for plain TCP");
  EXPECT_EQ(ChainErrorOf("- filters: [{name: tcp_proxy}]"),
            place +
                "filter_chains[0].filters[0]: filter \"tcp_proxy\" with type URL \"\" is not "
                "supported yet; envoy.filters.network.http_connection_manager is");
}

TEST_F(ListenerTest, ChecksItsRoutesForUnknownClusters) {
  const auto listener = Parse(std::string(kAddress) + Chain());
  ASSERT_TRUE(listener.ok()) << listener.status();
  EXPECT_TRUE(CheckListenerClusters(**listener, [](const std::string& name) {
                return name == "app";
              }).ok());
  EXPECT_EQ(Message(CheckListenerClusters(**listener, [](const std::string&) { return false; })),
            "listener \"in\": filter_chains[0].filters[0].typed_config.route_config."
            "virtual_hosts[0].routes[0].route.cluster: unknown cluster \"app\"");
}

}  // namespace
}  // namespace outrigger::control
