// grpc_server.h: gRPC on the control pool: makes calls of the HTTP/2 requests of an HttpServer on a
// Unix socket. Knows no service: methods come as functions from bytes to bytes.
// Flow: http_connection -> here: message framing, deadline, status -> the method's function.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "control/service/http_server.h"
#include "proxy/grpc/framing.h"
#include "scheduler/scheduler.h"

namespace outrigger::control {

struct GrpcMethod {
  enum class Kind : uint8_t {
    kUnary,    // one request, one reply
    kChat,     // a reply to each request as it comes; the client ends it (bidirectional stream)
    kObserve,  // one request; its reply now, and again whenever it would be another (server stream)
  };
  // Serialised messages. A status other than OK ends the call with it. Runs on the connection's G:
  // while it waits, the connection's other calls wait with it.
  using Answer = std::function<scheduler::Task<absl::StatusOr<std::string>>(std::string request)>;

  std::string path;  // "/package.Service/Method"
  Kind kind = Kind::kUnary;
  Answer answer;
};

namespace internal {

template <typename Request, typename Reply>
scheduler::Task<absl::StatusOr<std::string>> CallTyped(
    const std::function<absl::StatusOr<Reply>(const Request&)>& answer, std::string bytes) {
  Request request;
  // The code that gRPC's own libraries give.
  if (!request.ParseFromString(bytes)) {
    co_return absl::InternalError("the request is no " + request.GetTypeName());
  }
  absl::StatusOr<Reply> reply = answer(request);
  if (!reply.ok()) co_return reply.status();
  co_return reply->SerializeAsString();
}

}  // namespace internal

// A method on protobuf messages, whose function does not wait.
template <typename Request, typename Reply>
GrpcMethod TypedMethod(std::string path, GrpcMethod::Kind kind,
                       std::function<absl::StatusOr<Reply>(const Request&)> answer) {
  return {std::move(path), kind, [answer = std::move(answer)](std::string request) {
            return internal::CallTyped<Request, Reply>(answer, std::move(request));
          }};
}

struct GrpcServerOptions {
  std::string socket_path;  // its folder is made if only that is missing
  mode_t socket_mode = 0660;
  size_t max_connections = 32;
  uint32_t max_calls = 32;  // at a time on one connection
  size_t max_message = proxy::grpc::kDefaultMaxMessage;
  // For a connection without a call, and for a call that waits for a message.
  scheduler::Nanos idle_timeout = 300 * scheduler::kSecond;
  scheduler::Nanos observe_interval = scheduler::kSecond;  // between two looks of kObserve
};

// A listening server with these methods, to Start() and Stop(). What else is called is
// UNIMPLEMENTED. Unavailable if the socket cannot be had; the message says what to do.
absl::StatusOr<std::unique_ptr<HttpServer>> ListenGrpc(GrpcServerOptions options,
                                                       std::vector<GrpcMethod> methods);

}  // namespace outrigger::control
