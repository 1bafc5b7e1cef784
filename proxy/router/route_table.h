// route_table.h: which virtual host and which route a request takes.
// Flow: connection -> [router] -> cluster. Pure look-ups in the snapshot; keeps nothing.
#pragma once

#include <string_view>

#include "proxy/codec/http/headers.h"
#include "proxy/snapshot/route.h"

namespace outrigger::proxy {

// By Host: exact, the longest suffix wildcard, the longest prefix wildcard, "*". Null: none.
const VirtualHost* FindVirtualHost(const RouteConfig& routes, std::string_view authority);

// The first route of the virtual host that matches. Null: none.
const Route* FindRoute(const VirtualHost& host, const Headers& request);

// ":path" without query and fragment.
std::string_view PathOnly(std::string_view path);

}  // namespace outrigger::proxy
