#include "proxy/connection/request_headers.h"

#include <ctime>

#include "scheduler/base/text.h"

namespace outrigger::proxy {
namespace {

// RFC 9110 7.6.1: fields of one hop. nghttp2 refuses most of them; HTTP/1 and handlers may bring them.
bool IsHopByHop(const Header& header) {
  switch (header.id) {
    case HeaderName::kConnection:
    case HeaderName::kKeepAlive:
    case HeaderName::kProxyConnection:
    case HeaderName::kTransferEncoding:
    case HeaderName::kUpgrade:
      return true;
    case HeaderName::kTe:
      return !scheduler::EqualsIgnoreCase(header.value, "trailers");
    default:
      return false;
  }
}

void RemoveHopByHop(Headers& headers) {
  headers.RemoveIf([](const Header& header) { return IsHopByHop(header); });
}

// Fields that only an internal caller may set (Envoy: cleanInternalHeaders).
void RemoveInternal(Headers& headers) {
  headers.RemoveIf([](const Header& header) {
    return header.id == HeaderName::kXEnvoyUpstreamRqTimeoutMs ||
           header.id == HeaderName::kXEnvoyExpectedRqTimeoutMs ||
           header.id == HeaderName::kXEnvoyOriginalPath ||
           header.id == HeaderName::kXEnvoyAttemptCount ||
           header.id == HeaderName::kXEnvoyInternal ||
           header.name == "x-envoy-retry-on" || header.name == "x-envoy-retry-grpc-on" ||
           header.name == "x-envoy-max-retries" || header.name == "x-envoy-upstream-alt-stat-name" ||
           header.name == "x-envoy-upstream-rq-per-try-timeout-ms" ||
           header.name == "x-envoy-upstream-rq-timeout-alt-response" ||
           header.name == "x-envoy-force-trace" || header.name == "x-envoy-ip-tags" ||
           header.name == "x-envoy-hedge-on-per-try-timeout" ||
           header.name == "x-envoy-decorator-operation";
  });
}

}  // namespace

void PrepareRequest(Headers& request, const HttpListenerOptions& options, const Address& peer,
                    Random& random) {
  RemoveHopByHop(request);
  if (options.use_remote_address) {
    if (!options.skip_xff_append) {
      const std::string_view before = request.Get(HeaderName::kXForwardedFor);
      const std::string ip = peer.is_ip() ? peer.ip() : "";
      if (!ip.empty()) {
        request.Set(HeaderName::kXForwardedFor,
                    before.empty() ? ip : scheduler::Concat(before, ",", ip));
      }
    }
    if (options.xff_num_trusted_hops == 0) request.Set(HeaderName::kXForwardedProto, "http");
  }
  if (!request.Find(HeaderName::kXForwardedProto)) {
    request.AddStatic(HeaderName::kXForwardedProto, "http");
  }
  RemoveInternal(request);
  const bool edge = options.use_remote_address;
  const Header* id = request.Find(HeaderName::kXRequestId);
  if (options.generate_request_id && (!id || (edge && !options.preserve_external_request_id))) {
    char* text = static_cast<char*>(request.arena().Alloc(36, 1));
    random.Uuid(text);
    request.Remove(HeaderName::kXRequestId);
    request.AddStatic(HeaderName::kXRequestId, {text, 36});
  }
  if (!options.via.empty()) {
    const std::string_view before = request.Get(HeaderName::kVia);
    request.Set(HeaderName::kVia,
                before.empty() ? options.via : scheduler::Concat(before, ", ", options.via));
  }
}

void PrepareUpstreamRequest(Headers& request, const Route& route, const ClusterRoute& action) {
  if (!action.prefix_rewrite.empty()) {
    const std::string_view path = request.Get(HeaderName::kPath);
    request.Set(HeaderName::kXEnvoyOriginalPath, path);
    request.Set(HeaderName::kPath,
                scheduler::Concat(action.prefix_rewrite, path.substr(route.path.size())));
  }
  if (!action.host_rewrite_literal.empty()) {
    request.Set(HeaderName::kAuthority, action.host_rewrite_literal);
  }
  if (action.timeout > 0) {
    request.Add(HeaderName::kXEnvoyExpectedRqTimeoutMs,
                scheduler::ToStd(absl::AlphaNum(action.timeout / scheduler::kMillisecond).Piece()));
  }
}

void PrepareResponse(Headers& response, const HttpListenerOptions& options, int64_t upstream_ms,
                     std::string_view date) {
  RemoveHopByHop(response);
  if (upstream_ms >= 0) {
    response.Remove(HeaderName::kXEnvoyUpstreamServiceTime);
    response.Add(HeaderName::kXEnvoyUpstreamServiceTime, scheduler::ToStd(absl::AlphaNum(upstream_ms).Piece()));
  }
  if (!response.Find(HeaderName::kDate)) response.AddStatic(HeaderName::kDate, date);
  switch (options.server_header) {
    case HttpListenerOptions::ServerHeader::kOverwrite:
      response.Remove(HeaderName::kServer);
      response.AddStatic(HeaderName::kServer, options.server_name);
      break;
    case HttpListenerOptions::ServerHeader::kAppendIfAbsent:
      if (!response.Find(HeaderName::kServer)) {
        response.AddStatic(HeaderName::kServer, options.server_name);
      }
      break;
    case HttpListenerOptions::ServerHeader::kPassThrough:
      break;
  }
  if (!options.via.empty()) {
    const std::string_view before = response.Get(HeaderName::kVia);
    response.Set(HeaderName::kVia,
                 before.empty() ? options.via : scheduler::Concat(before, ", ", options.via));
  }
}

std::string_view DateCache::Get(Arena& arena) {
  const int64_t now = time(nullptr);
  if (now != second_) {
    second_ = now;
    tm parts;
    gmtime_r(&now, &parts);
    strftime(text_, sizeof(text_), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  }
  return arena.Copy({text_, 29});
}

}  // namespace outrigger::proxy
