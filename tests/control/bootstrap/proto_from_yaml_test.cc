#include "control/bootstrap/proto_from_yaml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <string_view>

#include "envoy/config/bootstrap/v3/bootstrap.pb.h"
#include "envoy/config/core/v3/base.pb.h"
#include "envoy/config/core/v3/protocol.pb.h"
#include "envoy/config/listener/v3/listener.pb.h"
#include "envoy/config/route/v3/route.pb.h"
#include "envoy/extensions/filters/http/router/v3/router.pb.h"
#include "envoy/type/v3/percent.pb.h"
#include "google/protobuf/struct.pb.h"
#include "google/protobuf/wrappers.pb.h"

namespace outrigger::control {
namespace {

using envoy::config::core::v3::Address;
using envoy::config::core::v3::DataSource;
using envoy::config::core::v3::Http2ProtocolOptions;
using envoy::config::core::v3::HttpProtocolOptions;
using envoy::config::core::v3::Metadata;
using envoy::config::core::v3::SocketAddress;
using envoy::config::listener::v3::FilterChainMatch;
using envoy::config::listener::v3::Listener;
using envoy::config::route::v3::RedirectAction;
using envoy::config::route::v3::RouteAction;
using envoy::config::route::v3::RouteConfiguration;
using envoy::config::route::v3::RouteMatch;
using envoy::extensions::filters::http::router::v3::Router;
using google::protobuf::Any;
using google::protobuf::Value;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

absl::Status Read(std::string_view text, google::protobuf::Message& message) {
  const absl::StatusOr<YamlNode> node = ParseYaml(text, "f");
  if (!node.ok()) return node.status();
  return ProtoFromYaml(*node, "f", message);
}

template <typename T>
T Good(std::string_view text) {
  T message;
  const absl::Status status = Read(text, message);
  EXPECT_TRUE(status.ok()) << status << "\n" << text;
  return message;
}

template <typename T>
std::string Bad(std::string_view text) {
  T message;
  const absl::Status status = Read(text, message);
  return status.ok() ? "accepted as " + message.ShortDebugString() : std::string(status.message());
}

TEST(ProtoFromYamlTest, TakesSnakeAndCamelCaseNames) {
  EXPECT_EQ(Good<SocketAddress>("port_value: 80").port_value(), 80u);
  EXPECT_EQ(Good<SocketAddress>("portValue: 80").port_value(), 80u);
  EXPECT_EQ(Bad<SocketAddress>("{port_value: 80, portValue: 80}"),
            "f:1:18: portValue: given twice, also as port_value");
}

TEST(ProtoFromYamlTest, UnknownFieldSuggestsANearName) {
  EXPECT_EQ(Bad<Listener>("{name: a, adress: {}}"),
            "f:1:11: adress: unknown field (did you mean \"address\"?)");
  EXPECT_EQ(Bad<Listener>("{name: a, zzzzzzzzzz: {}}"), "f:1:11: zzzzzzzzzz: unknown field");
}

TEST(ProtoFromYamlTest, UnknownFieldsCanBeCollected) {
  const auto node = ParseYaml("name: a\nx: 1\naddress:\n  pipe: {path: /p, y: {z: 1}}\n", "f");
  ASSERT_TRUE(node.ok());
  Listener listener;
  std::vector<UnknownField> unknown;
  ASSERT_TRUE(ProtoFromYaml(*node, "f", listener, &unknown).ok());
  EXPECT_EQ(listener.address().pipe().path(), "/p");
  ASSERT_EQ(unknown.size(), 2u);
  EXPECT_EQ(unknown[0].path, "x");
  EXPECT_EQ(unknown[1].path, "address.pipe.y");
  EXPECT_EQ(unknown[1].mark.line, 4u);
  EXPECT_EQ(unknown[1].mark.column, 20u);
}

TEST(ProtoFromYamlTest, UnsignedIntegers) {
  for (std::string_view text : {"443", "\"443\"", "443.0", "4.43e2", "0x1bb"}) {
    EXPECT_EQ(Good<SocketAddress>("port_value: " + std::string(text)).port_value(), 443u) << text;
  }
  EXPECT_EQ(Bad<SocketAddress>("port_value: eighty"),
            "f:1:13: port_value: expected an unsigned 32-bit integer, got \"eighty\"");
  for (std::string_view text : {"-1", "1.5", "4294967296", "0443", "true", "[]", "{}", "\"\"",
                                "99999999999999999999999", "1e300", "\"80 \"", "NaN"}) {
    EXPECT_THAT(Bad<SocketAddress>("port_value: " + std::string(text)),
                HasSubstr("port_value: expected an unsigned 32-bit integer"))
        << text;
  }
}

TEST(ProtoFromYamlTest, SignedIntegersReachTheirLimits) {
  using google::protobuf::Int32Value;
  using google::protobuf::Int64Value;
  EXPECT_EQ(Good<Int64Value>("-9223372036854775808").value(), INT64_MIN);
  EXPECT_EQ(Good<Int64Value>("\"9223372036854775807\"").value(), INT64_MAX);
  EXPECT_THAT(Bad<Int64Value>("9223372036854775808"), HasSubstr("expected a 64-bit integer"));
  EXPECT_THAT(Bad<Int64Value>("-9223372036854775809"), HasSubstr("expected a 64-bit integer"));
  EXPECT_EQ(Good<Int32Value>("-2147483648").value(), INT32_MIN);
  EXPECT_THAT(Bad<Int32Value>("2147483648"), HasSubstr("expected a 32-bit integer"));
  EXPECT_EQ(Good<google::protobuf::UInt64Value>("18446744073709551615").value(), UINT64_MAX);
}

TEST(ProtoFromYamlTest, FloatingPoint) {
  using envoy::type::v3::Percent;
  EXPECT_EQ(Good<Percent>("value: 12.5").value(), 12.5);
  EXPECT_EQ(Good<Percent>("value: \"-1e-3\"").value(), -1e-3);
  EXPECT_EQ(Good<Percent>("value: 7").value(), 7);
  EXPECT_TRUE(std::isnan(Good<Percent>("value: \"NaN\"").value()));
  EXPECT_TRUE(std::isinf(Good<Percent>("value: -Infinity").value()));
  EXPECT_THAT(Bad<Percent>("value: 1e999"), HasSubstr("expected a number, got 1e999"));
  EXPECT_THAT(Bad<Percent>("value: half"), HasSubstr("value: expected a number, got \"half\""));
  EXPECT_THAT(Bad<google::protobuf::FloatValue>("1e39"), HasSubstr("single precision"));
}

TEST(ProtoFromYamlTest, Booleans) {
  EXPECT_TRUE(Good<SocketAddress>("ipv4_compat: true").ipv4_compat());
  EXPECT_TRUE(Good<SocketAddress>("ipv4_compat: yes").ipv4_compat());
  EXPECT_FALSE(Good<SocketAddress>("ipv4_compat: off").ipv4_compat());
  EXPECT_EQ(Bad<SocketAddress>("ipv4_compat: \"true\""),
            "f:1:14: ipv4_compat: expected true or false, got \"true\"");
  EXPECT_THAT(Bad<SocketAddress>("ipv4_compat: 1"), HasSubstr("expected true or false, got 1"));
}

TEST(ProtoFromYamlTest, Strings) {
  EXPECT_EQ(Good<Listener>("name: web").name(), "web");
  EXPECT_EQ(Good<Listener>("name: \"1\"").name(), "1");
  EXPECT_EQ(Good<Listener>("name: 1.20").name(), "1.20");
  EXPECT_EQ(Bad<Listener>("name: 12"), "f:1:7: name: expected a string (put it in quotes), got 12");
  EXPECT_THAT(Bad<Listener>("name: yes"), HasSubstr("a string (put it in quotes), got yes"));
  EXPECT_THAT(Bad<Listener>("name: [a]"), HasSubstr("name: expected a string, got a list"));
}

TEST(ProtoFromYamlTest, BytesAreBase64) {
  EXPECT_EQ(Good<DataSource>("inline_bytes: aGk/Pg==").inline_bytes(), "hi?>");
  EXPECT_EQ(Good<DataSource>("inline_bytes: aGk_Pg").inline_bytes(), "hi?>");
  EXPECT_THAT(Bad<DataSource>("inline_bytes: \"*\""), HasSubstr("expected base64 text"));
}

TEST(ProtoFromYamlTest, EnumsByNameOrNumber) {
  EXPECT_EQ(Good<SocketAddress>("protocol: UDP").protocol(), SocketAddress::UDP);
  EXPECT_EQ(Good<SocketAddress>("protocol: 1").protocol(), SocketAddress::UDP);
  EXPECT_EQ(Bad<SocketAddress>("protocol: UDPP"),
            "f:1:11: protocol: expected a value of Protocol (did you mean UDP?), got \"UDPP\"");
  EXPECT_THAT(Bad<SocketAddress>("protocol: 7"), HasSubstr("expected a value of Protocol, got 7"));
}

TEST(ProtoFromYamlTest, NullIsNotGiven) {
  const Listener listener = Good<Listener>("{name: null, address: ~, filter_chains: }");
  EXPECT_FALSE(listener.has_address());
  EXPECT_EQ(Bad<Listener>("filter_chains: [null]"),
            "f:1:17: filter_chains[0]: expected a value, got null");
  EXPECT_TRUE(Good<Address>("{pipe: {path: /p}, socket_address: null}").has_pipe());
}

TEST(ProtoFromYamlTest, OneofTakesOne) {
  EXPECT_EQ(Bad<Address>("{pipe: {path: /p}, socket_address: {address: x}}"),
            "f:1:20: socket_address: excludes pipe, which is given too: only one of them may be");
  // A zero value counts as given.
  EXPECT_THAT(Bad<RedirectAction>("{https_redirect: false, scheme_redirect: \"\"}"),
              HasSubstr("scheme_redirect: excludes https_redirect"));
}

TEST(ProtoFromYamlTest, ListsAndMapsMustBeThat) {
  EXPECT_THAT(Bad<Listener>("filter_chains: {}"), HasSubstr("expected a list, got a mapping"));
  EXPECT_THAT(Bad<Listener>("address: 80"), HasSubstr("address: expected a mapping, got 80"));
  EXPECT_THAT(Bad<Metadata>("filter_metadata: []"), HasSubstr("expected a mapping, got a list"));
  EXPECT_THAT(Good<FilterChainMatch>("source_ports: [1, \"2\"]").source_ports(), ElementsAre(1, 2));
  EXPECT_EQ(Bad<FilterChainMatch>("source_ports: [1, x]"),
            "f:1:19: source_ports[1]: expected an unsigned 32-bit integer, got \"x\"");
}

TEST(ProtoFromYamlTest, MapKeysAreInThePath) {
  EXPECT_EQ(Bad<Metadata>("filter_metadata:\n  envoy.lb: 1"),
            "f:2:13: filter_metadata[\"envoy.lb\"]: expected a mapping, got 1");
  EXPECT_EQ(Good<Metadata>("filter_metadata: {8080: {}}").filter_metadata().count("8080"), 1u);
}

TEST(ProtoFromYamlTest, Durations) {
  const auto read = [](std::string_view text) {
    return Good<RouteAction>("timeout: " + std::string(text)).timeout();
  };
  EXPECT_EQ(read("1.5s").seconds(), 1);
  EXPECT_EQ(read("1.5s").nanos(), 500'000'000);
  EXPECT_EQ(read("\"0.000000001s\"").nanos(), 1);
  EXPECT_EQ(read("-1.5s").seconds(), -1);
  EXPECT_EQ(read("-1.5s").nanos(), -500'000'000);
  EXPECT_EQ(read("315576000000s").seconds(), 315'576'000'000);
  EXPECT_TRUE(Good<RouteAction>("timeout: 0s").has_timeout());
  for (std::string_view text : {"5",
                                "1.5",
                                "s",
                                "1m",
                                "1.5 s",
                                "\" 1s\"",
                                "+1s",
                                "1e3s",
                                "1,5s",
                                "ss",
                                "-s",
                                ".s",
                                "1.s",
                                "1.2.3s",
                                "--1s",
                                "1-s",
                                "315576000001s",
                                "9999999999999999999999s",
                                "0.1234567890s",
                                "{seconds: 1}"}) {
    EXPECT_THAT(Bad<RouteAction>("timeout: " + std::string(text)),
                HasSubstr("timeout: expected a duration like \"1.5s\""))
        << text;
  }
}

TEST(ProtoFromYamlTest, WrappersAreBareValues) {
  const auto options = Good<Http2ProtocolOptions>("max_concurrent_streams: 0");
  EXPECT_TRUE(options.has_max_concurrent_streams());
  EXPECT_FALSE(
      Good<Http2ProtocolOptions>("max_concurrent_streams: null").has_max_concurrent_streams());
  EXPECT_EQ(Bad<Http2ProtocolOptions>("max_concurrent_streams: {value: 1}"),
            "f:1:25: max_concurrent_streams: expected an unsigned 32-bit integer, got a mapping");
}

TEST(ProtoFromYamlTest, StructKeepsTypes) {
  const auto metadata = Good<Metadata>(
      "filter_metadata: {n: {i: 1, f: 1.5, s: \"1\", t: text, b: yes, z: null, l: [{}, []]}}");
  const auto& fields = metadata.filter_metadata().at("n").fields();
  EXPECT_EQ(fields.at("i").number_value(), 1);
  EXPECT_EQ(fields.at("f").number_value(), 1.5);
  EXPECT_EQ(fields.at("s").string_value(), "1");
  EXPECT_EQ(fields.at("t").string_value(), "text");
  EXPECT_TRUE(fields.at("b").bool_value());
  EXPECT_EQ(fields.at("z").kind_case(), Value::kNullValue);
  EXPECT_TRUE(fields.at("l").list_value().values(0).has_struct_value());
  EXPECT_TRUE(fields.at("l").list_value().values(1).has_list_value());
  EXPECT_EQ(Bad<Metadata>("filter_metadata: {n: {a: [0, 010]}}"),
            "f:1:30: filter_metadata[\"n\"].a[1]: expected a number, or text in quotes, got 010");
}

TEST(ProtoFromYamlTest, AnyIsResolvedByItsType) {
  const auto any = Good<Any>(
      "{suppress_envoy_headers: true, \"@type\": "
      "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}");
  Router router;
  ASSERT_TRUE(any.UnpackTo(&router));
  EXPECT_TRUE(router.suppress_envoy_headers());
  EXPECT_THAT(
      Bad<Any>("{\"@type\": a/envoy.extensions.filters.http.router.v3.Router, dynamic_stat: 1}"),
      HasSubstr("dynamic_stat: unknown field (did you mean \"dynamic_stats\"?)"));
}

TEST(ProtoFromYamlTest, AnyOfAWellKnownTypeTakesValue) {
  const auto any =
      Good<Any>("{\"@type\": type.googleapis.com/google.protobuf.Duration, value: 2s}");
  google::protobuf::Duration duration;
  ASSERT_TRUE(any.UnpackTo(&duration));
  EXPECT_EQ(duration.seconds(), 2);
  EXPECT_THAT(Bad<Any>("{\"@type\": type.googleapis.com/google.protobuf.Duration, seconds: 2}"),
              HasSubstr("takes \"value\" beside \"@type\""));
}

TEST(ProtoFromYamlTest, AnyWithoutAUsableTypeIsAnError) {
  EXPECT_EQ(Bad<Any>("{a: 1}"), "f:1:1: \"@type\" is missing");
  EXPECT_EQ(Bad<Any>("{\"@type\": type.googleapis.com/no.such.Type}"),
            "f:1:11: type \"type.googleapis.com/no.such.Type\" is not supported");
  EXPECT_THAT(Bad<Any>("{\"@type\": google.protobuf.Duration, value: 1s}"),
              HasSubstr("is not supported"));
  EXPECT_THAT(Bad<Any>("{\"@type\": [a]}"), HasSubstr("expected a type URL"));
  EXPECT_TRUE(Good<Any>("{}").type_url().empty());
}

TEST(ProtoFromYamlTest, EqualTreesGiveEqualBytes) {
  const std::string head =
      "{\"@type\": type.googleapis.com/envoy.config.core.v3.Metadata, filter_metadata: ";
  std::string forward = head + "{";
  std::string backward = head + "{";
  for (int i = 0; i < 50; ++i) {
    forward += "k" + std::to_string(i) + ": {}, ";
    backward += "k" + std::to_string(49 - i) + ": {}, ";
  }
  EXPECT_EQ(Good<Any>(forward + "}}").value(), Good<Any>(backward + "}}").value());
}

TEST(ProtoFromYamlTest, MessageIsFilledNotReplaced) {
  HttpProtocolOptions options;
  options.mutable_max_headers_count()->set_value(7);
  ASSERT_TRUE(Read("idle_timeout: 1s", options).ok());
  EXPECT_EQ(options.max_headers_count().value(), 7u);
  EXPECT_EQ(options.idle_timeout().seconds(), 1);
}

TEST(ProtoFromYamlTest, LongTextInAnErrorIsCut) {
  const std::string message = Bad<SocketAddress>("port_value: " + std::string(10'000, 'x'));
  EXPECT_LT(message.size(), 300u);
  EXPECT_THAT(message, HasSubstr("xxx..."));
}

TEST(ProtoFromYamlTest, EscapesWhatATerminalWouldObey) {
  EXPECT_THAT(Bad<SocketAddress>("port_value: \"\\e[2J\""), HasSubstr("\\033[2J"));
}

}  // namespace
}  // namespace outrigger::control
