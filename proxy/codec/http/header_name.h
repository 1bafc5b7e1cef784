// header_name.h: the header names that the proxy itself reads or writes, as an enum, so that a
// look-up on the request path compares one byte. Names are lower case, as on the HTTP/2 wire (RFC
// 9113 8.2).
#pragma once

#include <cstdint>
#include <string_view>

namespace outrigger::proxy {

// X(enumerator, text)
#define OUTRIGGER_HEADER_NAMES(X)                                               \
  X(kMethod, ":method")                                                         \
  X(kPath, ":path")                                                             \
  X(kAuthority, ":authority")                                                   \
  X(kScheme, ":scheme")                                                         \
  X(kStatus, ":status")                                                         \
  X(kProtocol, ":protocol")                                                     \
  X(kHost, "host")                                                              \
  X(kConnection, "connection")                                                  \
  X(kKeepAlive, "keep-alive")                                                   \
  X(kProxyConnection, "proxy-connection")                                       \
  X(kTransferEncoding, "transfer-encoding")                                     \
  X(kUpgrade, "upgrade")                                                        \
  X(kTe, "te")                                                                  \
  X(kTrailer, "trailer")                                                        \
  X(kExpect, "expect")                                                          \
  X(kContentLength, "content-length")                                           \
  X(kContentType, "content-type")                                               \
  X(kDate, "date")                                                              \
  X(kServer, "server")                                                          \
  X(kVia, "via")                                                                \
  X(kLocation, "location")                                                      \
  X(kCookie, "cookie")                                                          \
  X(kUserAgent, "user-agent")                                                   \
  X(kOrigin, "origin")                                                          \
  X(kGrpcStatus, "grpc-status")                                                 \
  X(kGrpcMessage, "grpc-message")                                               \
  X(kGrpcTimeout, "grpc-timeout")                                               \
  X(kXForwardedFor, "x-forwarded-for")                                          \
  X(kXForwardedProto, "x-forwarded-proto")                                      \
  X(kXForwardedHost, "x-forwarded-host")                                        \
  X(kXForwardedPort, "x-forwarded-port")                                        \
  X(kXForwardedClientCert, "x-forwarded-client-cert")                           \
  X(kXRequestId, "x-request-id")                                                \
  X(kXEnvoyAttemptCount, "x-envoy-attempt-count")                               \
  X(kXEnvoyExpectedRqTimeoutMs, "x-envoy-expected-rq-timeout-ms")               \
  X(kXEnvoyUpstreamRqTimeoutMs, "x-envoy-upstream-rq-timeout-ms")               \
  X(kXEnvoyUpstreamRqPerTryTimeoutMs, "x-envoy-upstream-rq-per-try-timeout-ms") \
  X(kXEnvoyUpstreamServiceTime, "x-envoy-upstream-service-time")                \
  X(kXEnvoyOriginalPath, "x-envoy-original-path")                               \
  X(kXEnvoyInternal, "x-envoy-internal")                                        \
  X(kXEnvoyExternalAddress, "x-envoy-external-address")                         \
  X(kXEnvoyOverloaded, "x-envoy-overloaded")                                    \
  X(kXEnvoyImmediateHealthCheckFail, "x-envoy-immediate-health-check-fail")

enum class HeaderName : uint8_t {
  kOther,
#define X(name, text) name,
  OUTRIGGER_HEADER_NAMES(X)
#undef X
};
// A set of them is a word of 64 bits (Headers::MayHold).
#define X(name, text) +1
static_assert(1 OUTRIGGER_HEADER_NAMES(X) <= 64);
#undef X

// The text of a known name; empty for kOther.
std::string_view HeaderText(HeaderName name);
// kOther if the text is none of the list. `text` in lower case.
HeaderName LookupHeader(std::string_view text);

}  // namespace outrigger::proxy
