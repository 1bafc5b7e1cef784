// rewrite.h: what a route makes of a request on its way to a cluster: headers, host and path.
// Flow: selection -> [here] -> cluster. Pure.
#pragma once

#include "proxy/access_log/record.h"
#include "proxy/codec/http/headers.h"
#include "proxy/router/selection.h"

namespace outrigger::proxy {

// In place, once. The selection has an action. `record`: what operators in added headers read.
void RewriteRequest(const Selection& selection, Headers& request, const AccessRecord& record);

// auto_host_rewrite, once the endpoint is known: to its name, `host`. The old one goes into
// x-envoy-original-host and, if the route says so, x-forwarded-host.
void RewriteHost(const ClusterRoute& action, std::string_view host, Headers& request);

// The path that `route` matched, in place; the old one goes into x-envoy-original-path.
void RewritePath(const Route& route, std::string_view prefix_rewrite,
                 const RegexRewrite* regex_rewrite, Headers& request);

}  // namespace outrigger::proxy
