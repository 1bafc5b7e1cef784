// hash_policy.h: the number by which a consistent-hash load balancer picks a host for a request
// (config.route.v3.RouteAction.HashPolicy), the same as Envoy's.
// Flow: selection -> [here] -> cluster. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "proxy/codec/http/headers.h"
#include "proxy/snapshot/address.h"
#include "proxy/snapshot/hash_policy.h"

namespace outrigger::proxy {

// The ends of the downstream connection. `client`: its IP address, perhaps from x-forwarded-for;
// empty: none.
struct HashPeer {
  const Address& remote;
  const Address& local;
  std::string_view client;
};

// Empty: no policy found what it goes by. Cookies that were minted are appended to `set_cookies`,
// as values of set-cookie, for the response.
std::optional<uint64_t> HashOf(const std::vector<HashPolicy>& policies, const Headers& request,
                               const HashPeer& peer, std::vector<std::string>& set_cookies);

// The value of the first cookie of that name, without quotes around it; empty: none.
std::string_view CookieValue(const Headers& request, std::string_view name);

}  // namespace outrigger::proxy
