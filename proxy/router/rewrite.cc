#include "proxy/router/rewrite.h"

#include <algorithm>

#include "proxy/codec/http/path.h"
#include "proxy/router/header_mutation.h"
#include "proxy/router/matcher.h"
#include "scheduler/base/text.h"

namespace outrigger::proxy {
namespace {

// The part of a path that the route matched: what a prefix_rewrite replaces.
size_t MatchedSize(const Route& route, std::string_view path_only) {
  return route.match == Route::Match::kRegex ? path_only.size() : route.path.size();
}

void AppendForwardedHost(Headers& request, std::string_view host) {
  static const HeaderKey key{"x-forwarded-host", HeaderName::kXForwardedHost, /*list=*/true};
  const Header* last = nullptr;
  for (const Header& header : request) {
    if (Is(header, key)) last = &header;
  }
  // The last one to be appended once, though a request may come by here again.
  if (last && last->value.substr(last->value.rfind(',') + 1) == host) return;
  AppendField(request, key, request.arena().Copy(host));
}

// By the one or the other; empty: it stays.
std::string RewrittenPath(const Route& route, std::string_view path,
                          std::string_view prefix_rewrite, const RegexRewrite* regex_rewrite) {
  const std::string_view path_only = PathOnly(path);
  if (!prefix_rewrite.empty()) {
    // A filter may have changed the path since it matched.
    const size_t matched = std::min(MatchedSize(route, path_only), path.size());
    return scheduler::Concat(prefix_rewrite, path.substr(matched));
  }
  std::string rewritten = Rewritten(*regex_rewrite, path_only);
  if (!rewritten.empty()) rewritten.append(path.substr(path_only.size()));
  return rewritten;
}

void RewriteHost(const ClusterRoute& action, Headers& request) {
  if (!action.host_rewrite_literal.empty()) {
    RewriteHost(action, action.host_rewrite_literal, request);
  } else if (!action.host_rewrite_header.empty()) {
    if (const Header* header = Find(request, action.host_rewrite_header)) {
      RewriteHost(action, header->value, request);
    }
  } else if (action.host_rewrite_path_regex) {
    const std::string_view path = PathOnly(request.Get(HeaderName::kPath));
    RewriteHost(action, Rewritten(*action.host_rewrite_path_regex, path), request);
  }
}

}  // namespace

void RewritePath(const Route& route, std::string_view prefix_rewrite,
                 const RegexRewrite* regex_rewrite, Headers& request) {
  if (prefix_rewrite.empty() && !regex_rewrite) return;
  const std::string_view path = request.Get(HeaderName::kPath);
  const std::string rewritten = RewrittenPath(route, path, prefix_rewrite, regex_rewrite);
  if (rewritten.empty()) return;
  request.Set(HeaderName::kXEnvoyOriginalPath, path);
  request.Set(HeaderName::kPath, rewritten);
}

void RewriteHost(const ClusterRoute& action, std::string_view host, Headers& request) {
  if (host.empty()) return;
  const std::string_view old = request.Get(HeaderName::kAuthority);
  if (action.append_x_forwarded_host && !old.empty()) AppendForwardedHost(request, old);
  request.Set("x-envoy-original-host", old);
  request.Set(HeaderName::kAuthority, host);
}

void RewriteRequest(const Selection& selection, Headers& request, const AccessRecord& record) {
  if (const WeightedCluster* weighted = selection.weighted) {
    if (weighted->request) Mutate(*weighted->request, request, record);
    if (!weighted->host_rewrite_literal.empty()) {
      request.Set(HeaderName::kAuthority, weighted->host_rewrite_literal);
    }
  }
  for (const auto& mutations : selection.route->request_mutations) {
    Mutate(*mutations, request, record);
  }
  const ClusterRoute& action = *selection.action;
  RewriteHost(action, request);
  RewritePath(*selection.route, action.prefix_rewrite, action.regex_rewrite.get(), request);
}

}  // namespace outrigger::proxy
