// client_address.h: who the client is, as far as it can be believed: the peer of the socket, or
// what proxies in front of this one wrote into x-forwarded-for (Envoy's "trusted client address").
#pragma once

#include <string_view>

#include "proxy/codec/http/headers.h"
#include "proxy/snapshot/listener.h"

namespace outrigger::proxy {

struct ClientAddress {
  std::string_view ip;    // of x-forwarded-for, a view into the request; empty: the peer's own
  bool internal = false;  // a single hop away, from a range of internal_address_config
};

// Before x-forwarded-for is appended to.
ClientAddress FindClientAddress(const Headers& request, const HttpListenerOptions& options,
                                const Address& peer);

}  // namespace outrigger::proxy
