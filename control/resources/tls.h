// tls.h: transport_sockets.tls.v3 becomes a proxy::TlsConfig: files are read, keys compared with
// their certificates and matchers compiled here, so that what is wrong is told at load.
// In the flow: listener.cc and cluster.cc -> here -> Snapshot. No SDS, no ticket keys of one's own.
#pragma once

#include <memory>
#include <string_view>

#include "absl/status/statusor.h"
#include "control/resources/core.h"
#include "proxy/transport/tls/tls_config.h"

namespace outrigger::control {

// Null: plain TCP (raw_buffer). `address` and `cluster` name the stats. `protocol`: what is
// offered by ALPN unless it says otherwise.
absl::StatusOr<std::shared_ptr<const proxy::TlsConfig>> ParseDownstreamTransport(
    const envoy::config::core::v3::TransportSocket& proto, const FieldPath& path,
    std::string_view address, ResourceInputs& inputs);
absl::StatusOr<std::shared_ptr<const proxy::TlsConfig>> ParseUpstreamTransport(
    const envoy::config::core::v3::TransportSocket& proto, const FieldPath& path,
    std::string_view cluster, std::string_view protocol, ResourceInputs& inputs);

}  // namespace outrigger::control
