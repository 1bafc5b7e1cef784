#include "proxy/router/redirect.h"

#include <algorithm>

#include "proxy/router/route_table.h"
#include "scheduler/base/text.h"

namespace outrigger::proxy {

std::string RedirectLocation(const Redirect& redirect, const Route& route, const Headers& request) {
  std::string_view path = request.Get(HeaderName::kPath);
  std::string location = redirect.https ? "https" : std::string(request.Get(HeaderName::kScheme));
  scheduler::Append(location, "://",
                    redirect.host.empty() ? request.Get(HeaderName::kAuthority)
                                          : std::string_view(redirect.host));
  if (redirect.port) scheduler::Append(location, ":", *redirect.port);
  const std::string_view query = path.substr(PathOnly(path).size());
  if (!redirect.path.empty()) {
    scheduler::Append(location, redirect.path, redirect.strip_query ? std::string_view() : query);
    return location;
  }
  if (redirect.strip_query) path = PathOnly(path);
  if (!redirect.prefix_rewrite.empty()) {
    path.remove_prefix(std::min(path.size(), route.path.size()));
    scheduler::Append(location, redirect.prefix_rewrite);
  }
  scheduler::Append(location, path);
  return location;
}

}  // namespace outrigger::proxy
