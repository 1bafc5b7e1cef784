// rewrite.h: what a route makes of a request on its way to a cluster: path and host, and what the
// upstream is told of it.
// Flow: route -> [here] -> cluster. Pure.
#pragma once

#include "proxy/codec/http/headers.h"
#include "proxy/snapshot/route.h"

namespace outrigger::proxy {

// In place. `route` is the one whose action `action` is.
void RewriteRequest(Headers& request, const Route& route, const ClusterRoute& action);

}  // namespace outrigger::proxy
