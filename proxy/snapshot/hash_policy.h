// hash_policy.h: what of a request a consistent-hash load balancer goes by:
// config.route.v3.RouteAction.HashPolicy as the data plane reads it. proxy/router computes the
// hash.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "proxy/snapshot/matcher.h"

namespace outrigger::proxy {

struct HashPolicy {
  enum class Kind : uint8_t { kHeader, kCookie, kSourceIp, kQueryParameter };
  Kind kind = Kind::kHeader;
  bool terminal = false;  // the hash, if there is one by now, is not added to
  HeaderKey header;
  std::shared_ptr<const RegexRewrite> header_rewrite;  // null: none
  std::string name;                                    // of the cookie or the query parameter
  bool mint_cookie = false;       // a missing cookie is made: cookie.ttl is set
  std::string cookie_attributes;  // then: "; Max-Age=9; Path=/; SameSite=Lax; HttpOnly"
};

}  // namespace outrigger::proxy
