#include "control/resources/core.h"

#include <stdlib.h>

#include <fstream>
#include <string>

#include "tests/control/resources/resource_test.h"

namespace outrigger::control {
namespace {

namespace core = envoy::config::core::v3;

const FieldPath kPath("x");

std::string AddressOf(std::string_view yaml) {
  const auto address = ParseAddress(FromYaml<core::Address>(yaml), kPath);
  return address.ok() ? address->text : Message(address.status());
}

std::string SourceOf(std::string_view yaml, size_t most = 10) {
  const auto text = ReadDataSource(FromYaml<core::DataSource>(yaml), kPath, most);
  return text.ok() ? *text : Message(text.status());
}

TEST(CoreTest, ReadsSocketAddressesAndPipes) {
  EXPECT_EQ(AddressOf("socket_address: {address: 10.0.0.1, port_value: 80}"), "10.0.0.1:80");
  EXPECT_EQ(AddressOf("socket_address: {address: '::', port_value: 0}"), "[::]:0");
  EXPECT_EQ(AddressOf("pipe: {path: '@abstract'}"), "@abstract");
}

TEST(CoreTest, RefusesAddressesWithTheirPlace) {
  EXPECT_EQ(AddressOf("{}"), "x: socket_address or pipe is required");
  EXPECT_EQ(AddressOf("socket_address: {address: app.test, port_value: 80}"),
            "x: socket_address.address: malformed IP address: app.test; names are resolved for "
            "clusters of type STRICT_DNS");
  EXPECT_EQ(AddressOf("socket_address: {port_value: 80}"),
            "x: socket_address.address: value length must be at least 1 characters");
  EXPECT_EQ(AddressOf("socket_address: {address: 10.0.0.1}"),
            "x: socket_address.port_value: value is required");
  EXPECT_EQ(AddressOf("socket_address: {address: 10.0.0.1, port_value: 65536}"),
            "x: socket_address.port_value: value must be less than or equal to 65535");
  EXPECT_EQ(AddressOf("socket_address: {address: 10.0.0.1, named_port: http}"),
            "x: socket_address.named_port: not supported yet");
  EXPECT_EQ(AddressOf("socket_address: {protocol: UDP, address: 10.0.0.1, port_value: 80}"),
            "x: socket_address.protocol: UDP is not supported yet");
  EXPECT_EQ(AddressOf("pipe: {path: /x, mode: 420}"), "x: pipe.mode: not supported yet");
  EXPECT_EQ(AddressOf("pipe: {path: ''}"),
            "x: pipe.path: socket path \"\" must have 1 to 107 characters");
}

TEST(CoreTest, ReadsDataSourcesUpToTheLimit) {
  const std::string file = ::testing::TempDir() + "/data_source";
  std::ofstream(file) << "from file";
  setenv("OUTRIGGER_CORE_TEST", "from env", 1);
  EXPECT_EQ(SourceOf("inline_string: '0123456789'"), "0123456789");
  EXPECT_EQ(SourceOf("inline_bytes: aGk="), "hi");
  EXPECT_EQ(SourceOf("filename: " + file), "from file");
  EXPECT_EQ(SourceOf("environment_variable: OUTRIGGER_CORE_TEST"), "from env");
  EXPECT_EQ(SourceOf("inline_string: '0123456789'", 9), "x: size is above the maximum of 9 bytes");
  EXPECT_EQ(SourceOf("filename: " + file, 8), "x: size is above the maximum of 8 bytes");
}

TEST(CoreTest, RefusesDataSourcesThatAreNotThere) {
  EXPECT_EQ(SourceOf("{}"),
            "x: filename, inline_string, inline_bytes or environment_variable is required");
  EXPECT_EQ(SourceOf("filename: /no/such/file"), "x: filename: file /no/such/file cannot be read");
  EXPECT_EQ(SourceOf("filename: /"), "x: filename: file / cannot be read");
  EXPECT_EQ(SourceOf("environment_variable: OUTRIGGER_NOT_SET"),
            "x: environment_variable: environment variable OUTRIGGER_NOT_SET is not set");
}

std::string Http2Error(std::string_view yaml) {
  proxy::Http2Options to;
  return Message(ParseHttp2Options(FromYaml<core::Http2ProtocolOptions>(yaml), kPath, to));
}

TEST(CoreTest, ReadsHttp2OptionsAndKeepsTheDefaultsOfTheRest) {
  proxy::Http2Options to;
  ASSERT_TRUE(ParseHttp2Options(FromYaml<core::Http2ProtocolOptions>(R"(
      hpack_table_size: 0
      max_concurrent_streams: 2147483647
      initial_stream_window_size: 65535
      initial_connection_window_size: 70000
      max_outbound_frames: 1
      max_outbound_control_frames: 2
      max_consecutive_inbound_frames_with_empty_payload: 0
      max_inbound_priority_frames_per_stream: 3
      max_inbound_window_update_frames_per_data_frame_sent: 4
      stream_error_on_invalid_http_messaging: true
      connection_keepalive:
        interval: 30s
        timeout: 5s
        interval_jitter: {value: 50}
        connection_idle_interval: 10s
      )"),
                                kPath, to)
                  .ok());
  EXPECT_EQ(to.hpack_table_size, 0u);
  EXPECT_EQ(to.max_concurrent_streams, 2147483647u);
  EXPECT_EQ(to.initial_stream_window_size, 65535u);
  EXPECT_EQ(to.initial_connection_window_size, 70000u);
  EXPECT_EQ(to.max_outbound_frames, 1u);
  EXPECT_EQ(to.max_outbound_control_frames, 2u);
  EXPECT_EQ(to.max_consecutive_inbound_frames_with_empty_payload, 0u);
  EXPECT_EQ(to.max_inbound_priority_frames_per_stream, 3u);
  EXPECT_EQ(to.max_inbound_window_update_frames_per_data_frame_sent, 4u);
  EXPECT_EQ(to.keepalive_interval, 30 * scheduler::kSecond);
  EXPECT_EQ(to.keepalive_timeout, 5 * scheduler::kSecond);
  EXPECT_EQ(to.keepalive_jitter, 0.5);
  EXPECT_EQ(to.keepalive_idle_interval, 10 * scheduler::kSecond);
  EXPECT_TRUE(to.stream_error_on_invalid_http_message);

  proxy::Http2Options untouched;
  ASSERT_TRUE(ParseHttp2Options({}, kPath, untouched).ok());
  EXPECT_EQ(untouched.max_concurrent_streams, proxy::Http2Options().max_concurrent_streams);
}

TEST(CoreTest, RefusesHttp2OptionsOutOfRange) {
  EXPECT_EQ(Http2Error("max_concurrent_streams: 0"),
            "x: max_concurrent_streams: value must be inside range [1, 2147483647]");
  EXPECT_EQ(Http2Error("max_concurrent_streams: 2147483648"),
            "x: max_concurrent_streams: value must be inside range [1, 2147483647]");
  EXPECT_EQ(Http2Error("initial_stream_window_size: 65534"),
            "x: initial_stream_window_size: value must be inside range [65535, 2147483647]");
  EXPECT_EQ(Http2Error("initial_connection_window_size: 2147483648"),
            "x: initial_connection_window_size: value must be inside range [65535, 2147483647]");
  EXPECT_EQ(Http2Error("max_outbound_frames: 0"),
            "x: max_outbound_frames: value must be greater than or equal to 1");
  EXPECT_EQ(Http2Error("connection_keepalive: {interval: 30s}"),
            "x: connection_keepalive.timeout: value is required");
  EXPECT_EQ(Http2Error("connection_keepalive: {interval: 0s, timeout: 1s}"),
            "x: connection_keepalive.interval: value must be greater than or equal to 0.001s");
  EXPECT_EQ(Http2Error("connection_keepalive: {timeout: 1s, interval_jitter: {value: 101}}"),
            "x: connection_keepalive.interval_jitter: value must be between 0 and 100");
}

}  // namespace
}  // namespace outrigger::control
