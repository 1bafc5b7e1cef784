#include "proxy/router/redirect.h"

#include <algorithm>

#include "proxy/router/rewrite.h"
#include "scheduler/base/text.h"

namespace outrigger::proxy {
namespace {

// The request's host. Its port goes if the redirect says another, or if it is the default of a
// scheme that is left.
std::string_view HostOf(const Headers& request, std::string_view new_scheme, bool new_port) {
  const std::string_view host = request.Get(HeaderName::kAuthority);
  size_t end = host.rfind(':');
  if (host.starts_with('[')) {
    end = host.rfind("]:");
    if (end != std::string_view::npos) ++end;
  }
  if (end == std::string_view::npos) return host;
  const std::string_view port = host.substr(end);
  const std::string_view old_scheme = request.Get(HeaderName::kXForwardedProto);
  const bool leaves_default =
      new_scheme != old_scheme &&
      ((old_scheme == "https" && port == ":443") || (old_scheme == "http" && port == ":80"));
  return new_port || leaves_default ? host.substr(0, end) : host;
}

std::string PathOf(const Redirect& redirect, std::string_view path) {
  std::string result(path);
  if (!redirect.path.empty()) {
    // A query of its own stays, whatever strip_query says.
    if (redirect.path.find('?') != std::string::npos) return redirect.path;
    result = scheduler::Concat(redirect.path, path.substr(std::min(path.find('?'), path.size())));
  }
  if (redirect.strip_query) result.resize(std::min(result.find('?'), result.size()));
  return result;
}

std::string RedirectLocation(const Redirect& redirect, const Headers& request) {
  const std::string_view scheme =
      redirect.scheme.empty() ? request.Get(HeaderName::kScheme) : redirect.scheme;
  std::string location = scheduler::Concat(
      scheme, "://",
      redirect.host.empty() ? HostOf(request, scheme, redirect.port.has_value()) : redirect.host);
  if (redirect.port) scheduler::Append(location, ":", *redirect.port);
  const std::string path = PathOf(redirect, request.Get(HeaderName::kPath));
  if (!path.starts_with('/')) location.push_back('/');
  return location.append(path);
}

}  // namespace

std::string LocationOf(const Route& route, Headers& request) {
  if (const auto* redirect = std::get_if<Redirect>(&route.action)) {
    RewritePath(route, redirect->prefix_rewrite, redirect->regex_rewrite.get(), request);
    return RedirectLocation(*redirect, request);
  }
  // RFC 9110 10.2.2: where the created or moved thing is. Envoy names the request's own URI.
  const auto* direct = std::get_if<DirectResponse>(&route.action);
  if (!direct || (direct->status != 201 && direct->status / 100 != 3)) return {};
  return RedirectLocation({}, request);
}

}  // namespace outrigger::proxy
