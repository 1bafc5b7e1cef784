// redirect.h: where a client is sent by an answer of the proxy's own:
// config.route.v3.RedirectAction, and the location of a direct response.
// Flow: selection -> [here] -> a local reply.
#pragma once

#include <string>

#include "proxy/codec/http/headers.h"
#include "proxy/snapshot/route.h"

namespace outrigger::proxy {

// The "location" that a redirect gives, or a direct response whose status asks for one; empty:
// none. `route` is the one with that action. As in Envoy, a path that is rewritten for it is so in
// the request too: the access log shows it.
std::string LocationOf(const Route& route, Headers& request);

}  // namespace outrigger::proxy
