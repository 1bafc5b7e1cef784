// local_reply.h: the one table that turns an error into an answer: status, Envoy's body text,
// response flag, details. Also sends it, as HTTP or, to a gRPC client, as a gRPC status.
#pragma once

#include <cstdint>
#include <string_view>

#include "proxy/codec/http/response_flag.h"
#include "proxy/codec/http/stream.h"

namespace outrigger::proxy {

struct LocalReply {
  uint32_t status = 500;
  std::string_view body;  // static, or in the stream's arena
  ResponseFlags flags;
  std::string_view details;  // %RESPONSE_CODE_DETAILS%
  int grpc_status = -1;      // to a gRPC client; -1: by the HTTP status
  bool verbatim = false;     // the head is whole: no route adds to it, gRPC or not
};

// What an early end on the upstream side answers, `error.code` other than kNone. `detail` (may be
// empty) is what the transport said.
// `retried`: it was not the first attempt.
LocalReply ReplyFor(const StreamError& error, std::string_view detail, Arena& arena,
                    bool retried = false);

// gRPC status for an HTTP status (grpc/doc/http-grpc-status-mapping.md).
int GrpcStatus(uint32_t http_status);
bool IsGrpc(const Headers& request);

// Makes of `response` (the downstream stream's list) the head of the reply. What routes and filters
// put there stays, save what describes the body: of that, a content-type where there is a body.
void FillLocalReply(const LocalReply& reply, bool grpc, Headers& response);
// Sends it with the body and the end. `headers_only`: the request was HEAD.
void SendLocalReply(Stream& stream, const Headers& response, const LocalReply& reply, bool grpc,
                    bool headers_only);

}  // namespace outrigger::proxy
