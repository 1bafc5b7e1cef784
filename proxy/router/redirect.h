// redirect.h: where a redirected client is sent: config.route.v3.RedirectAction.
// Flow: route -> [here] -> the "location" of a local reply. Pure.
#pragma once

#include <string>

#include "proxy/codec/http/headers.h"
#include "proxy/snapshot/route.h"

namespace outrigger::proxy {

// The "location" of the answer. `route` is the one whose action `redirect` is.
std::string RedirectLocation(const Redirect& redirect, const Route& route, const Headers& request);

}  // namespace outrigger::proxy
