// request_headers.h: what the proxy adds, checks and strips on the way through (Envoy's
// ConnectionManagerUtility): hop-by-hop fields, x-forwarded-*, x-request-id, x-envoy-*, server,
// date.
#pragma once

#include <cstdint>
#include <string_view>

#include "proxy/codec/http/stream.h"
#include "proxy/connection/client_address.h"
#include "proxy/snapshot/listener.h"
#include "proxy/worker/random.h"

namespace outrigger::proxy {

struct RequestVerdict {
  bool bad_path = false;  // to be refused: the rest is not done
  ClientAddress client;
};

// In place, before routing. `peer` and `local`: the ends of the downstream connection; `tls`: it is
// by TLS.
RequestVerdict PrepareRequest(Headers& request, const HttpListenerOptions& options,
                              const Address& peer, const Address& local, Random& random,
                              bool tls = false);
// How long the upstream took, into its answer; routes may take it out again.
void SetServiceTime(Headers& response, int64_t upstream_ms);
// The upstream's answer (or a local reply) before it goes downstream. `date`: an IMF-fixdate that
// outlives the stream's headers.
void PrepareResponse(Headers& response, const HttpListenerOptions& options, std::string_view date);

// The worker's clock as an IMF-fixdate (RFC 9110 5.6.7), rendered once a second.
class DateCache {
 public:
  // Copied into `arena`: the cache moves on.
  std::string_view Get(Arena& arena);

 private:
  int64_t second_ = -1;
  char text_[30];
};

}  // namespace outrigger::proxy
