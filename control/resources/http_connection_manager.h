// http_connection_manager.h: the filter HttpConnectionManager becomes proxy::HttpListenerOptions.
// In the flow: ParseListener -> here -> ParseRouteConfig, ParseAccessLog. Inline routes and the
// router filter alone so far.
#pragma once

#include "absl/status/status.h"
#include "control/resources/core.h"
#include "envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.pb.h"

namespace outrigger::control {

absl::Status ParseHttpConnectionManager(
    const envoy::extensions::filters::network::http_connection_manager::v3::HttpConnectionManager&
        proto,
    const FieldPath& path, ResourceInputs& inputs, proxy::HttpListenerOptions& to);

}  // namespace outrigger::control
