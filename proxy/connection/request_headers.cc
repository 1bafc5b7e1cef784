#include "proxy/connection/request_headers.h"

#include <algorithm>
#include <ctime>
#include <iterator>

#include "scheduler/base/text.h"

namespace outrigger::proxy {
namespace {

// RFC 9110 7.6.1: fields of one hop. nghttp2 refuses most of them; HTTP/1 and handlers may bring
// them.
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

constexpr uint64_t kHopByHop =
    Headers::Bit(HeaderName::kConnection) | Headers::Bit(HeaderName::kKeepAlive) |
    Headers::Bit(HeaderName::kProxyConnection) | Headers::Bit(HeaderName::kTransferEncoding) |
    Headers::Bit(HeaderName::kUpgrade) | Headers::Bit(HeaderName::kTe);

void RemoveHopByHop(Headers& headers) {
  if (!headers.MayHold(kHopByHop)) return;
  headers.RemoveIf([](const Header& header) { return IsHopByHop(header); });
}

// What x-envoy-<rest> an external caller may not set (Envoy: cleanInternalHeaders).
constexpr std::string_view kInternal[] = {
    "expected-rq-timeout-ms",
    "force-trace",
    "hedge-on-per-try-timeout",
    "internal",
    "ip-tags",
    "max-retries",
    "original-url",
    "retriable-header-names",
    "retriable-status-codes",
    "retry-grpc-on",
    "retry-on",
    "upstream-alt-stat-name",
    "upstream-rq-per-try-timeout-ms",
    "upstream-rq-timeout-alt-response",
    "upstream-rq-timeout-ms",
};
// And these only another proxy of the mesh, not a client at its edge.
constexpr std::string_view kInternalAtEdge[] = {
    "decorator-operation",
    "downstream-service-cluster",
    "downstream-service-node",
    "original-path",
};

void RemoveInternal(Headers& headers, bool edge) {
  headers.RemoveIf([edge](const Header& header) {
    constexpr std::string_view kPrefix = "x-envoy-";
    if (!header.name.starts_with(kPrefix)) return false;
    const std::string_view rest = header.name.substr(kPrefix.size());
    const auto is_rest = [rest](std::string_view name) { return name == rest; };
    return std::any_of(std::begin(kInternal), std::end(kInternal), is_rest) ||
           (edge && std::any_of(std::begin(kInternalAtEdge), std::end(kInternalAtEdge), is_rest));
  });
}

// Several fields of one name are one list (RFC 9110 5.3): none of them is lost.
void AppendTo(Headers& headers, HeaderName id, std::string_view separator, std::string_view value) {
  std::string list;
  for (const Header& header : headers) {
    if (header.id != id || header.value.empty()) continue;
    scheduler::Append(list, list.empty() ? std::string_view() : separator, header.value);
  }
  scheduler::Append(list, list.empty() ? std::string_view() : separator, value);
  headers.Set(id, list);
}

// RFC 9113 8.2.3: crumbs of a cookie become one field again for who reads fields one by one.
void JoinCookies(Headers& request) {
  const Header* first = request.Find(HeaderName::kCookie);
  if (!first) return;
  const bool single = std::none_of(first + 1, request.end(), [](const Header& header) {
    return header.id == HeaderName::kCookie;
  });
  if (single) return;
  std::string joined;
  for (const Header& header : request) {
    if (header.id != HeaderName::kCookie) continue;
    scheduler::Append(joined, joined.empty() ? "" : "; ", header.value);
  }
  request.Set(HeaderName::kCookie, joined);
}

// strip_{matching,any}_host_port and strip_trailing_host_dot.
void StripHost(Headers& request, const HttpListenerOptions& options, const Address& local) {
  if (!options.strip_any_host_port && !options.strip_matching_host_port &&
      !options.strip_trailing_host_dot) {
    return;
  }
  const std::string_view authority = request.Get(HeaderName::kAuthority);
  const size_t colon = authority.rfind(':');
  const bool has_port = colon != authority.npos && authority.find(']', colon) == authority.npos;
  std::string_view host = has_port ? authority.substr(0, colon) : authority;
  std::string_view port = has_port ? authority.substr(colon + 1) : std::string_view();
  if (options.strip_any_host_port ||
      (options.strip_matching_host_port && port == scheduler::Concat(local.port()))) {
    port = {};
  }
  if (options.strip_trailing_host_dot && host.ends_with('.')) host.remove_suffix(1);
  if (host.size() + (port.empty() ? 0 : port.size() + 1) == authority.size()) return;
  request.Set(HeaderName::kAuthority,
              port.empty() ? std::string(host) : scheduler::Concat(host, ":", port));
}

}  // namespace

RequestVerdict PrepareRequest(Headers& request, const HttpListenerOptions& options,
                              const Address& peer, const Address& local, Random& random, bool tls) {
  const std::string_view proto = tls ? "https" : "http";
  RemoveHopByHop(request);
  const std::string_view path = request.Get(HeaderName::kPath);
  // RFC 9112 3.2: a fragment is never sent; two readers could take it for two paths.
  if (path.find('#') != path.npos) return {.bad_path = true};
  StripHost(request, options, local);
  JoinCookies(request);
  RequestVerdict verdict{.client = FindClientAddress(request, options, peer)};
  const bool edge = options.use_remote_address && !verdict.client.internal;
  if (options.use_remote_address) {
    const std::string ip = peer.is_ip() ? peer.ip() : "";
    // A peer on this host is told by the host's own address: 127.0.0.1 says nothing further on.
    if (!options.skip_xff_append && !ip.empty()) {
      AppendTo(request, HeaderName::kXForwardedFor, ",",
               peer.is_loopback() ? LocalInterfaceIp() : ip);
    }
    if (options.xff_num_trusted_hops == 0) request.Set(HeaderName::kXForwardedProto, proto);
  }
  if (!request.Find(HeaderName::kXForwardedProto)) {
    request.AddStatic(HeaderName::kXForwardedProto, proto);
  }
  if (options.append_x_forwarded_port &&
      (!request.Find(HeaderName::kXForwardedPort) ||
       (options.use_remote_address && options.xff_num_trusted_hops == 0))) {
    request.Set(HeaderName::kXForwardedPort, scheduler::Concat(local.port()));
  }
  if (verdict.client.internal) {
    request.Set(HeaderName::kXEnvoyInternal, "true");
  } else {
    RemoveInternal(request, edge);
  }
  if (edge && !verdict.client.ip.empty()) {
    request.Set(HeaderName::kXEnvoyExternalAddress, verdict.client.ip);
  } else if (edge && peer.is_ip()) {
    request.Set(HeaderName::kXEnvoyExternalAddress, peer.ip());
  }
  const Header* id = request.Find(HeaderName::kXRequestId);
  if (options.generate_request_id && (!id || (edge && !options.preserve_external_request_id))) {
    char* text = static_cast<char*>(request.arena().Alloc(36, 1));
    random.Uuid(text);
    request.Remove(HeaderName::kXRequestId);
    request.AddStatic(HeaderName::kXRequestId, {text, 36});
  }
  if (!options.via.empty()) AppendTo(request, HeaderName::kVia, ", ", options.via);
  return verdict;
}

void SetServiceTime(Headers& response, int64_t upstream_ms) {
  response.Remove(HeaderName::kXEnvoyUpstreamServiceTime);
  response.Add(HeaderName::kXEnvoyUpstreamServiceTime,
               scheduler::ToStd(absl::AlphaNum(upstream_ms).Piece()));
}

void PrepareResponse(Headers& response, const HttpListenerOptions& options, std::string_view date) {
  RemoveHopByHop(response);
  if (!response.Find(HeaderName::kDate)) response.AddStatic(HeaderName::kDate, date);
  switch (options.server_header) {
    case HttpListenerOptions::ServerHeader::kOverwrite:
      response.Remove(HeaderName::kServer);
      // Copied: the listener's configuration may be replaced before the frame is written.
      response.Add(HeaderName::kServer, options.server_name);
      break;
    case HttpListenerOptions::ServerHeader::kAppendIfAbsent:
      if (!response.Find(HeaderName::kServer)) {
        response.Add(HeaderName::kServer, options.server_name);
      }
      break;
    case HttpListenerOptions::ServerHeader::kPassThrough:
      break;
  }
  if (!options.via.empty()) AppendTo(response, HeaderName::kVia, ", ", options.via);
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
