#include "proxy/router/rewrite.h"

#include "scheduler/base/text.h"

namespace outrigger::proxy {

void RewriteRequest(Headers& request, const Route& route, const ClusterRoute& action) {
  if (!action.prefix_rewrite.empty()) {
    const std::string_view path = request.Get(HeaderName::kPath);
    request.Set(HeaderName::kXEnvoyOriginalPath, path);
    request.Set(HeaderName::kPath,
                scheduler::Concat(action.prefix_rewrite, path.substr(route.path.size())));
  }
  if (!action.host_rewrite_literal.empty()) {
    request.Set("x-envoy-original-host", request.Get(HeaderName::kAuthority));
    request.Set(HeaderName::kAuthority, action.host_rewrite_literal);
  }
  if (action.timeout > 0) {
    request.Add(HeaderName::kXEnvoyExpectedRqTimeoutMs,
                scheduler::ToStd(absl::AlphaNum(action.timeout / scheduler::kMillisecond).Piece()));
  }
}

}  // namespace outrigger::proxy
