#include "control/resources/core.h"

#include <cstdlib>
#include <fstream>

#include "absl/strings/str_format.h"

namespace outrigger::control {

namespace core = envoy::config::core::v3;
using scheduler::kMillisecond;

absl::StatusOr<NamedPort> ParseSocketAddress(const core::SocketAddress& proto,
                                             const FieldPath& path) {
  OUTRIGGER_RETURN_IF_ERROR(AllowOnly(proto, path, {"protocol", "address", "port_value"}));
  if (proto.protocol() != core::SocketAddress::TCP) return path["protocol"].NotSupported("UDP", "");
  OUTRIGGER_RETURN_IF_ERROR(CheckNotEmpty(proto.address(), path["address"]));
  if (!proto.has_port_value()) return path["port_value"].Error("value is required");
  if (proto.port_value() > 65535) {
    return path["port_value"].Error("value must be less than or equal to 65535");
  }
  return NamedPort{proto.address(), proto.port_value()};
}

absl::StatusOr<proxy::Address> ParseAddress(const core::Address& proto, const FieldPath& path) {
  absl::StatusOr<proxy::Address> address;
  if (proto.has_pipe()) {
    const FieldPath pipe = path["pipe"];
    OUTRIGGER_RETURN_IF_ERROR(AllowOnly(proto.pipe(), pipe, {"path"}));
    address = proxy::Address::Pipe(proto.pipe().path());
    return address.ok() ? address : pipe["path"].Error(std::string(address.status().message()));
  }
  if (!proto.has_socket_address()) return path.Error("socket_address or pipe is required");
  const FieldPath socket = path["socket_address"];
  OUTRIGGER_ASSIGN_OR_RETURN(const NamedPort named,
                             ParseSocketAddress(proto.socket_address(), socket));
  address = proxy::Address::Ip(named.name, named.port);
  if (address.ok()) return address;
  return socket["address"].Error(absl::StrFormat(
      "malformed IP address: %s; names are resolved for clusters of type STRICT_DNS", named.name));
}

namespace {

absl::StatusOr<std::string> ReadFile(const std::string& name, const FieldPath& path, size_t most) {
  std::ifstream file(name, std::ios::binary);
  if (!file) return path.Error(absl::StrFormat("file %s cannot be read", name));
  std::string text(most + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad()) return path.Error(absl::StrFormat("file %s cannot be read", name));
  text.resize(static_cast<size_t>(file.gcount()));
  return text;
}

}  // namespace

absl::StatusOr<std::string> ReadDataSource(const core::DataSource& proto, const FieldPath& path,
                                           size_t most) {
  std::string text;
  switch (proto.specifier_case()) {
    case core::DataSource::kFilename: {
      OUTRIGGER_ASSIGN_OR_RETURN(text, ReadFile(proto.filename(), path["filename"], most));
      break;
    }
    case core::DataSource::kInlineBytes:
      text = proto.inline_bytes();
      break;
    case core::DataSource::kInlineString:
      text = proto.inline_string();
      break;
    case core::DataSource::kEnvironmentVariable: {
      const char* value = std::getenv(proto.environment_variable().c_str());
      if (!value) {
        return path["environment_variable"].Error(
            absl::StrFormat("environment variable %s is not set", proto.environment_variable()));
      }
      text = value;
      break;
    }
    case core::DataSource::SPECIFIER_NOT_SET:
      return path.Error(
          "filename, inline_string, inline_bytes or environment_variable is required");
  }
  if (text.size() > most) {
    return path.Error(absl::StrFormat("size is above the maximum of %d bytes", most));
  }
  return text;
}

absl::Status ParseHttp2Options(const core::Http2ProtocolOptions& proto, const FieldPath& path,
                               proxy::Http2Options& to) {
  constexpr uint32_t kLeastWindow = 65535;  // RFC 9113 section 6.9.2: the initial window
  constexpr uint32_t kMost = 0x7fffffff;
  OUTRIGGER_RETURN_IF_ERROR(
      AllowOnly(proto, path,
                {"hpack_table_size", "max_concurrent_streams", "initial_stream_window_size",
                 "initial_connection_window_size", "max_outbound_frames",
                 "max_outbound_control_frames", "max_consecutive_inbound_frames_with_empty_payload",
                 "max_inbound_priority_frames_per_stream",
                 "max_inbound_window_update_frames_per_data_frame_sent",
                 "stream_error_on_invalid_http_messaging",
                 "override_stream_error_on_invalid_http_message", "connection_keepalive"}));
  OUTRIGGER_READ(proto, path, hpack_table_size, to.hpack_table_size);
  OUTRIGGER_READ(proto, path, max_concurrent_streams, to.max_concurrent_streams, 1, kMost);
  OUTRIGGER_READ(proto, path, initial_stream_window_size, to.initial_stream_window_size,
                 kLeastWindow, kMost);
  OUTRIGGER_READ(proto, path, initial_connection_window_size, to.initial_connection_window_size,
                 kLeastWindow, kMost);
  OUTRIGGER_READ(proto, path, max_outbound_frames, to.max_outbound_frames, 1);
  OUTRIGGER_READ(proto, path, max_outbound_control_frames, to.max_outbound_control_frames, 1);
  OUTRIGGER_READ(proto, path, max_consecutive_inbound_frames_with_empty_payload,
                 to.max_consecutive_inbound_frames_with_empty_payload);
  OUTRIGGER_READ(proto, path, max_inbound_priority_frames_per_stream,
                 to.max_inbound_priority_frames_per_stream);
  OUTRIGGER_READ(proto, path, max_inbound_window_update_frames_per_data_frame_sent,
                 to.max_inbound_window_update_frames_per_data_frame_sent, 1);
  OUTRIGGER_READ(proto, path, override_stream_error_on_invalid_http_message,
                 to.stream_error_on_invalid_http_message);
  if (!proto.has_connection_keepalive()) return absl::OkStatus();

  const core::KeepaliveSettings& keepalive = proto.connection_keepalive();
  const FieldPath keepalive_path = path["connection_keepalive"];
  OUTRIGGER_RETURN_IF_ERROR(
      AllowOnly(keepalive, keepalive_path,
                {"interval", "timeout", "interval_jitter", "connection_idle_interval"}));
  if (!keepalive.has_timeout()) return keepalive_path["timeout"].Error("value is required");
  OUTRIGGER_READ(keepalive, keepalive_path, interval, to.keepalive_interval, 1 * kMillisecond);
  OUTRIGGER_READ(keepalive, keepalive_path, timeout, to.keepalive_timeout, 1 * kMillisecond);
  OUTRIGGER_READ(keepalive, keepalive_path, connection_idle_interval, to.keepalive_idle_interval,
                 1 * kMillisecond);
  if (keepalive.has_interval_jitter()) {
    const double percent = keepalive.interval_jitter().value();
    if (!(percent >= 0 && percent <= 100)) {
      return keepalive_path["interval_jitter"].Error("value must be between 0 and 100");
    }
    to.keepalive_jitter = percent / 100;
  }
  return absl::OkStatus();
}

}  // namespace outrigger::control
