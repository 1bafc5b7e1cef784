// route_table.h: which virtual host and which route a request takes.
// Flow: connection -> [router] -> cluster. Pure look-ups in the snapshot; keeps nothing.
#pragma once

#include <cstdint>
#include <string_view>

#include "proxy/codec/http/headers.h"
#include "proxy/snapshot/route.h"

namespace outrigger::proxy {

// What a request has beside its headers.
struct RequestTraits {
  uint64_t random = 0;  // the same for all that is left to chance about the request
  bool grpc = false;
};

// Control side: `domain` in lower case, by its form exact or a wildcard. False: it is taken.
bool AddDomain(RouteConfig& routes, std::string_view domain, uint32_t virtual_host);

// By Host: exact, the longest suffix wildcard, the longest prefix wildcard, "*". Null: none.
const VirtualHost* FindVirtualHost(const RouteConfig& routes, std::string_view authority);

// The first route of the virtual host that matches. Null: none.
const Route* FindRoute(const RouteConfig& routes, const VirtualHost& host, const Headers& request,
                       const RequestTraits& traits);

}  // namespace outrigger::proxy
