// http_filters.h: the filters of an HTTP connection manager, and what routes say about them.
// In the flow: ParseHttpConnectionManager, ParseRouteConfig -> here -> a filter's config.cc, found
// by the type of its message in ResourceInputs::filters. Knows no filter but the router.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "control/resources/core.h"
#include "envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.pb.h"

namespace outrigger::control {

// Of HttpConnectionManager.http_filters; `path` is the manager's. The last one is the router.
// Filters that are not there are refused, or skipped with a warning if they are optional.
absl::Status ParseHttpFilters(
    const envoy::extensions::filters::network::http_connection_manager::v3::HttpConnectionManager&
        proto,
    const FieldPath& path, ResourceInputs& inputs, proxy::HttpListenerOptions& to);

using SharedOverrides = std::shared_ptr<const proxy::FilterOverrides>;
using PerFilterConfig = google::protobuf::Map<std::string, google::protobuf::Any>;

// One level's typed_per_filter_config, whose message is at `path`, over what the levels around it
// say (`around`, perhaps null). Null: nobody says anything.
absl::StatusOr<SharedOverrides> ParseFilterOverrides(const PerFilterConfig& proto,
                                                     const FieldPath& path,
                                                     const SharedOverrides& around,
                                                     ResourceInputs& inputs);

}  // namespace outrigger::control
