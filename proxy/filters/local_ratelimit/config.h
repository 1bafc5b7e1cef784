// config.h: what the local rate limit is told, from
// extensions.filters.http.local_ratelimit.v3.LocalRateLimit, by its chain or by a route. The bucket
// is a part of it: settings that are used on keep their tokens, and a route has its own.
#pragma once

#include <cstdint>
#include <memory>

#include "proxy/filters/filter_kind.h"
#include "proxy/filters/local_ratelimit/stats.h"
#include "proxy/snapshot/header_mutation.h"
#include "proxy/snapshot/matcher.h"
#include "proxy/snapshot/shared_token_bucket.h"

namespace outrigger::proxy::local_ratelimit {

extern const FilterKind kKind;

// Thread-safety: immutable but for the bucket, which all workers share.
struct Settings final : FilterSettings {
  Settings() : FilterSettings(kKind) {}

  std::unique_ptr<SharedTokenBucket> bucket;  // null: nothing is limited
  Fraction enabled = {0};                     // of all requests
  Fraction enforced = {0};                    // of those that are enabled
  uint32_t status = 429;
  int grpc_status = -1;                             // -1: by the HTTP status
  bool tells_client = false;                        // x-ratelimit-limit, -remaining and -reset
  std::shared_ptr<const HeaderMutations> response;  // of what is refused; null: none
  std::shared_ptr<const HeaderMutations> request;   // of what is over the limit and let pass
  Stats stats;
};

}  // namespace outrigger::proxy::local_ratelimit
