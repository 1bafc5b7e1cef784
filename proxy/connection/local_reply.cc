#include "proxy/connection/local_reply.h"

#include "proxy/grpc/status.h"
#include "scheduler/base/text.h"

namespace outrigger::proxy {
namespace {

constexpr int kDeadlineExceeded = 4;  // gRPC

struct Row {
  ErrorCode code;
  uint32_t status;
  ResponseFlag flag;
  std::string_view reason;  // Envoy's reset reason
  std::string_view details;
};

// One row a code. `reason` goes into Envoy's sentence about the reset.
constexpr Row kRows[] = {
    {ErrorCode::kReset, 503, ResponseFlag::kUpstreamRemoteReset, "remote reset",
     "upstream_reset_before_response_started{remote_reset}"},
    {ErrorCode::kRefused, 503, ResponseFlag::kUpstreamRemoteReset, "remote refused stream reset",
     "upstream_reset_before_response_started{remote_refused_stream_reset}"},
    {ErrorCode::kConnectionClosed, 503, ResponseFlag::kUpstreamConnectionTermination,
     "connection termination", "upstream_reset_before_response_started{connection_termination}"},
    {ErrorCode::kConnectFailure, 503, ResponseFlag::kUpstreamConnectionFailure,
     "remote connection failure",
     "upstream_reset_before_response_started{remote_connection_failure}"},
    {ErrorCode::kConnectTimeout, 503, ResponseFlag::kUpstreamConnectionFailure,
     "connection timeout", "upstream_reset_before_response_started{connection_timeout}"},
    {ErrorCode::kProtocol, 502, ResponseFlag::kUpstreamProtocolError, "protocol error",
     "upstream_reset_before_response_started{protocol_error}"},
    {ErrorCode::kHeadersTooLarge, 502, ResponseFlag::kUpstreamProtocolError, "protocol error",
     "upstream_reset_before_response_started{protocol_error}"},
    {ErrorCode::kOverflow, 503, ResponseFlag::kUpstreamOverflow, "overflow",
     "upstream_reset_before_response_started{overflow}"},
    {ErrorCode::kDrain, 503, ResponseFlag::kUpstreamConnectionTermination, "connection termination",
     "upstream_reset_before_response_started{connection_termination}"},
};

}  // namespace

LocalReply ReplyFor(const StreamError& error, std::string_view detail, Arena& arena, bool retried) {
  switch (error.code) {
    case ErrorCode::kNoRoute:
      return {404, "", ResponseFlag::kNoRouteFound, "route_not_found"};
    case ErrorCode::kNoCluster:
      return {503, "", ResponseFlag::kNoClusterFound, "cluster_not_found"};
    case ErrorCode::kNoHealthyHost:
      return {503, "no healthy upstream", ResponseFlag::kNoHealthyUpstream, "no_healthy_upstream"};
    case ErrorCode::kTimeout:
    case ErrorCode::kAttemptTimeout:
    case ErrorCode::kAttemptIdleTimeout:
      return {504, "upstream request timeout", ResponseFlag::kUpstreamRequestTimeout,
              "response_timeout"};
    case ErrorCode::kIdleTimeout:
      return {504, "stream timeout", ResponseFlag::kStreamIdleTimeout, "stream_idle_timeout"};
    case ErrorCode::kRequestTimeout:
      return {408, "request timeout", {}, "request_overall_timeout"};
    case ErrorCode::kMaxDuration:
      return {504, "downstream duration timeout", {}, "max_duration_timeout", kDeadlineExceeded};
    case ErrorCode::kUpstreamMaxDuration:
      return {504, "upstream max stream duration reached",
              ResponseFlag::kUpstreamMaxStreamDurationReached,
              "upstream_max_stream_duration_reached"};
    default:
      break;
  }
  for (const Row& row : kRows) {
    if (row.code != error.code) continue;
    std::string body = scheduler::Concat(
        "upstream connect error or disconnect/reset before headers. ",
        retried ? "retried and the latest reset reason: " : "reset reason: ", row.reason);
    if (!detail.empty()) scheduler::Append(body, ", transport failure reason: ", detail);
    return {row.status, arena.Copy(body), row.flag, row.details};
  }
  return {500, "", ResponseFlag::kLocalReset, "internal_error"};
}

int GrpcStatus(uint32_t http_status) {
  switch (http_status) {
    case 400:
      return 13;  // INTERNAL
    case 401:
      return 16;  // UNAUTHENTICATED
    case 403:
      return 7;  // PERMISSION_DENIED
    case 404:
      return 12;  // UNIMPLEMENTED
    case 429:
    case 502:
    case 503:
    case 504:
      return 14;  // UNAVAILABLE
    default:
      return 2;  // UNKNOWN
  }
}

bool IsGrpc(const Headers& request) {
  std::string_view type = request.Get(HeaderName::kContentType);
  return type.starts_with("application/grpc") &&
         (type.size() == 16 || type[16] == '+' || type[16] == ';');
}

void FillLocalReply(const LocalReply& reply, bool grpc, Headers& response) {
  if (grpc) {  // Trailers-Only (gRPC over HTTP/2, "Responses")
    response.Set(HeaderName::kStatus, "200");
    response.Remove(HeaderName::kContentLength);
    response.Set(HeaderName::kContentType, "application/grpc");
    if (!response.Find(HeaderName::kGrpcStatus)) {
      response.Set(
          HeaderName::kGrpcStatus,
          scheduler::Concat(reply.grpc_status >= 0 ? reply.grpc_status : GrpcStatus(reply.status)));
    }
    if (!reply.body.empty()) {
      response.Set(HeaderName::kGrpcMessage, grpc::EncodeMessage(reply.body));
    }
    return;
  }
  response.Set(HeaderName::kStatus, scheduler::Concat(reply.status));
  if (reply.body.empty()) {
    response.Remove(HeaderName::kContentLength);
    response.Remove(HeaderName::kContentType);
    return;
  }
  response.Set(HeaderName::kContentLength, scheduler::Concat(reply.body.size()));
  if (!response.Find(HeaderName::kContentType)) {
    response.AddStatic(HeaderName::kContentType, "text/plain");
  }
}

void SendLocalReply(Stream& stream, const Headers& response, const LocalReply& reply, bool grpc,
                    bool headers_only) {
  const bool send_body = !grpc && !headers_only && !reply.body.empty();
  stream.SendHeaders(response, !send_body);
  if (send_body) {
    SliceQueue body;
    body.Push(Slice::Copy(reply.body));
    stream.SendData(body, /*end=*/true);
  }
}

}  // namespace outrigger::proxy
