#include "control/bootstrap/bootstrap.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>

#include "envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.pb.h"

namespace outrigger::control {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Hcm = envoy::extensions::filters::network::http_connection_manager::v3::HttpConnectionManager;

constexpr char kSidecar[] = R"(node:
  id: sidecar~10.0.0.1~web.shop~shop.svc.cluster.local
  cluster: web
  metadata:
    NAME: web
    PORTS: [8080, 9090]
    INTERCEPTION_MODE: REDIRECT
admin:
  address:
    socket_address: { address: 127.0.0.1, port_value: 15000 }
outrigger:
  cpu: { concurrency: 2, control_procs: 1, cpus: "0-3" }
  control_api: { unix_socket: /run/outrigger/control.sock }
static_resources:
  listeners:
  - name: inbound
    address:
      socket_address: { address: 0.0.0.0, port_value: 15006 }
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": "type.googleapis.com/envoy.extensions.filters.network.\
            http_connection_manager.v3.HttpConnectionManager"
          stat_prefix: inbound
          codec_type: HTTP2
          access_log:
          - name: envoy.access_loggers.file
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog
              path: /dev/stdout
          http_filters:
          - name: envoy.filters.http.fault
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault
          - name: envoy.filters.http.router
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
          route_config:
            name: local
            virtual_hosts:
            - name: web
              domains: ["*"]
              routes:
              - match: { prefix: / }
                route: { cluster: app, timeout: 0s }
  clusters:
  - name: app
    type: STATIC
    connect_timeout: 0.25s
    lb_policy: ROUND_ROBIN
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: { http2_protocol_options: {} }
    load_assignment:
      cluster_name: app
      endpoints:
      - lb_endpoints:
        - endpoint:
            address: { socket_address: { address: 127.0.0.1, port_value: 8080 } }
)";

// A file of its own for each test; bazel empties TEST_TMPDIR.
std::string WriteFile(std::string_view text) {
  const char* directory = std::getenv("TEST_TMPDIR");
  const std::string path = std::string(directory == nullptr ? testing::TempDir() : directory) +
                           "/" + testing::UnitTest::GetInstance()->current_test_info()->name() +
                           ".yaml";
  std::ofstream(path) << text;
  return path;
}

std::string Replaced(std::string text, std::string_view from, std::string_view to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, text.npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(LoadBootstrapTest, ReadsASidecarsFile) {
  const auto loaded = LoadBootstrap({.path = WriteFile(kSidecar)});
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  const auto& proto = loaded->proto;
  EXPECT_EQ(proto.node().cluster(), "web");
  const auto& ports = proto.node().metadata().fields().at("PORTS").list_value();
  EXPECT_EQ(ports.values(1).number_value(), 9090);
  EXPECT_EQ(proto.admin().address().socket_address().port_value(), 15000u);
  EXPECT_EQ(proto.outrigger().cpu().concurrency(), 2u);
  EXPECT_EQ(proto.outrigger().cpu().cpus(), "0-3");
  EXPECT_EQ(proto.outrigger().control_api().unix_socket(), "/run/outrigger/control.sock");
  Hcm hcm;
  ASSERT_TRUE(
      proto.static_resources().listeners(0).filter_chains(0).filters(0).typed_config().UnpackTo(
          &hcm));
  EXPECT_EQ(hcm.codec_type(), Hcm::HTTP2);
  EXPECT_EQ(hcm.http_filters_size(), 2);
  EXPECT_EQ(hcm.route_config().virtual_hosts(0).routes(0).route().cluster(), "app");
  const auto& cluster = proto.static_resources().clusters(0);
  EXPECT_EQ(cluster.connect_timeout().nanos(), 250'000'000);
  EXPECT_EQ(cluster.typed_extension_protocol_options().size(), 1u);
  EXPECT_TRUE(loaded->unknown_fields.empty());
  EXPECT_TRUE(loaded->warnings.empty());
}

TEST(LoadBootstrapTest, ReadsJson) {
  const auto loaded = LoadBootstrap(
      {.path = WriteFile(
           R"({"admin": {"address": {"socketAddress": {"address": "::1", "portValue": "9901"}}}})")});
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->proto.admin().address().socket_address().port_value(), 9901u);
}

TEST(LoadBootstrapTest, UnknownFieldNamesFilePlacePathAndTheLikelyName) {
  const std::string path = WriteFile(Replaced(kSidecar, "    - filters:", "    - filtersx:"));
  const auto loaded = LoadBootstrap({.path = path});
  EXPECT_EQ(loaded.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(loaded.status().message(),
            path +
                ":20:7: static_resources.listeners[0].filter_chains[0].filtersx: unknown field"
                " (did you mean \"filters\"?)");
}

TEST(LoadBootstrapTest, PathsReachThroughTypedConfig) {
  const std::string path =
      WriteFile(Replaced(kSidecar, "cluster: app, timeout: 0s", "cluster: app, timeout: soon"));
  EXPECT_THAT(std::string(LoadBootstrap({.path = path}).status().message()),
              HasSubstr("static_resources.listeners[0].filter_chains[0].filters[0].typed_config."
                        "route_config.virtual_hosts[0].routes[0].route.timeout: expected a "
                        "duration like \"1.5s\", got \"soon\""));
}

TEST(LoadBootstrapTest, UnknownTypeIsNamed) {
  const std::string path = WriteFile(Replaced(kSidecar, "fault.v3.HTTPFault", "lua.v3.Lua"));
  EXPECT_THAT(std::string(LoadBootstrap({.path = path}).status().message()),
              HasSubstr("http_filters[0].typed_config: type \"type.googleapis.com/"
                        "envoy.extensions.filters.http.lua.v3.Lua\" is not supported"));
}

TEST(LoadBootstrapTest, UnknownFieldsAreListedWhereAllowed) {
  std::string text = Replaced(kSidecar, "    lb_policy: ROUND_ROBIN", "    lb_subset: {a: [1]}");
  text += "watchdog: { megamiss_timeout: 1s }\n";
  const std::string path = WriteFile(text);
  const auto loaded = LoadBootstrap({.path = path, .allow_unknown_static_fields = true});
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_THAT(loaded->unknown_fields,
              ElementsAre("static_resources.clusters[0].lb_subset", "watchdog"));
  EXPECT_THAT(loaded->warnings,
              ElementsAre(HasSubstr("static_resources.clusters[0].lb_subset: unknown field"),
                          HasSubstr("watchdog: unknown field, ignored")));
  EXPECT_EQ(loaded->proto.static_resources().clusters(0).name(), "app");
}

TEST(LoadBootstrapTest, ConfigYamlIsMergedOverTheFile) {
  const auto loaded = LoadBootstrap(
      {.path = WriteFile(kSidecar),
       .config_yaml = "{node: {cluster: other}, static_resources: {clusters: [{name: second}]}}"});
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->proto.node().cluster(), "other");
  EXPECT_EQ(loaded->proto.node().id(), "sidecar~10.0.0.1~web.shop~shop.svc.cluster.local");
  ASSERT_EQ(loaded->proto.static_resources().clusters_size(), 2);
  EXPECT_EQ(loaded->proto.static_resources().clusters(1).name(), "second");
}

TEST(LoadBootstrapTest, ConfigYamlAloneIsEnough) {
  EXPECT_TRUE(LoadBootstrap({.config_yaml = "node: {id: x}"}).ok());
  EXPECT_EQ(LoadBootstrap({.config_yaml = "nod: {}"}).status().message(),
            "--config-yaml:1:1: nod: unknown field (did you mean \"node\"?)");
}

TEST(LoadBootstrapTest, NothingGivenIsAnError) {
  EXPECT_EQ(LoadBootstrap({}).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(LoadBootstrapTest, MissingFileIsNotABadOne) {
  const absl::Status status = LoadBootstrap({.path = "/nonexistent/envoy.yaml"}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("/nonexistent/envoy.yaml"));
  EXPECT_FALSE(LoadBootstrap({.path = "/"}).ok());
}

TEST(LoadBootstrapTest, RuntimeKeysAreSaidToBeIgnored) {
  const auto loaded = LoadBootstrap(
      {.config_yaml = "layered_runtime: {layers: [{name: a, static_layer: {b.c: 1, a: 2}}]}"});
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_THAT(loaded->warnings,
              ElementsAre("layered_runtime: static layers are not supported yet, ignored: a, b.c"));
}

TEST(LoadBootstrapTest, EmptyFileWarns) {
  const auto loaded = LoadBootstrap({.path = WriteFile("")});
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_THAT(loaded->warnings, ElementsAre(HasSubstr("empty")));
}

TEST(LoadBootstrapTest, AFileMustBeAMapping) {
  const std::string path = WriteFile("- a\n");
  EXPECT_EQ(LoadBootstrap({.path = path}).status().message(),
            path + ":1:1: expected a mapping, got a list");
}

}  // namespace
}  // namespace outrigger::control
