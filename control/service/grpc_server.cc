#include "control/service/grpc_server.h"

#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <optional>

#include "proxy/codec/http2/session.h"
#include "proxy/grpc/status.h"
#include "scheduler/base/status_macros.h"
#include "scheduler/base/text.h"

namespace outrigger::control {
namespace {

using proxy::HeaderName;
using scheduler::Nanos;
using scheduler::Task;

// What a request that is no call may carry before it is answered.
constexpr size_t kMaxForeignBody = 4096;

bool IsGrpc(const ControlRequest& request) {
  constexpr std::string_view kType = "application/grpc";
  std::string_view type = request.headers->Get(HeaderName::kContentType);
  if (request.method != "POST" || type.substr(0, kType.size()) != kType) return false;
  type.remove_prefix(kType.size());
  return type.empty() || type[0] == '+' || type[0] == ';';  // not application/grpc-web
}

// One call: its messages, one by one, and its deadline.
//
// Runs on: the G of its connection. Owner: the frame of Serve(). Thread-safety: confined.
class GrpcCall {
 public:
  GrpcCall(const GrpcServerOptions& options, const GrpcMethod& method, ResponseWriter& writer,
           Nanos deadline)
      : options_(options),
        method_(method),
        writer_(writer),
        deadline_(deadline),
        reader_(options.max_message) {
    writer_.SetDeadline(deadline);
  }

  Task<absl::Status> Run() {
    if (method_.kind == GrpcMethod::Kind::kChat) co_return co_await Chat();
    // Exactly one request: gRPC's statuscodes.md gives UNIMPLEMENTED for any other number.
    auto request = co_await Next();
    if (!request.ok()) co_return request.status();
    if (!*request) co_return absl::UnimplementedError("the call ended without its request");
    auto second = co_await Next();
    if (!second.ok()) co_return second.status();
    if (*second) co_return absl::UnimplementedError("more than the one request of this method");
    if (method_.kind == GrpcMethod::Kind::kObserve) co_return co_await Observe(**request);
    co_return co_await Answer(*std::move(*request));
  }

 private:
  // The next request; nullopt after the last.
  Task<absl::StatusOr<std::optional<std::string>>> Next() {
    while (true) {
      auto message = reader_.Read(body_);
      if (!message.ok() || *message) co_return std::move(message);
      std::string bytes;
      const Nanos idle_until = scheduler::Now() + options_.idle_timeout;
      writer_.SetDeadline(std::min(deadline_, idle_until));
      const bool more = co_await writer_.Read(bytes);
      writer_.SetDeadline(deadline_);
      if (!more) co_return WhyNoMore(idle_until);
      body_.Push(proxy::Slice::Copy(bytes));
    }
  }

  // Read() gave nothing.
  absl::StatusOr<std::optional<std::string>> WhyNoMore(Nanos idle_until) const {
    OUTRIGGER_RETURN_IF_ERROR(Alive());
    if (scheduler::Now() >= idle_until) return absl::UnavailableError("no message for too long");
    if (!reader_.at_boundary()) return absl::InternalError("the call ended inside a message");
    return std::nullopt;
  }

  absl::Status Alive() const {
    if (!writer_.ok()) return absl::CancelledError("the client went away");
    if (scheduler::Now() >= deadline_) return absl::DeadlineExceededError("deadline exceeded");
    return absl::OkStatus();
  }

  Task<absl::Status> Reply(std::string_view message) {
    if (absl::Status alive = Alive(); !alive.ok()) co_return alive;
    const bool sent =
        co_await writer_.Write(std::string(proxy::grpc::FrameMessage(message).view()));
    if (sent) co_return absl::OkStatus();
    const absl::Status alive = Alive();
    co_return alive.ok() ? absl::CancelledError("the client reads nothing") : alive;
  }

  Task<absl::Status> Answer(std::string request) {
    auto reply = co_await method_.answer(std::move(request));
    if (!reply.ok()) co_return reply.status();
    co_return co_await Reply(*reply);
  }

  Task<absl::Status> Chat() {
    while (true) {
      auto request = co_await Next();
      if (!request.ok()) co_return request.status();
      if (!*request) co_return absl::OkStatus();
      absl::Status answered = co_await Answer(*std::move(*request));
      if (!answered.ok()) co_return answered;
    }
  }

  Task<absl::Status> Observe(std::string request) {
    std::optional<std::string> last;
    while (true) {
      auto reply = co_await method_.answer(request);
      if (!reply.ok()) co_return reply.status();
      if (last != *reply) {
        absl::Status sent = co_await Reply(*reply);
        if (!sent.ok()) co_return sent;
        last = *std::move(reply);
      }
      co_await writer_.Sleep(std::min(deadline_, scheduler::Now() + options_.observe_interval));
      if (absl::Status alive = Alive(); !alive.ok()) co_return alive;
    }
  }

  const GrpcServerOptions& options_;
  const GrpcMethod& method_;
  ResponseWriter& writer_;
  const Nanos deadline_;
  proxy::grpc::MessageReader reader_;
  proxy::SliceQueue body_;
};

// The methods of a server by path. Thread-safety: immutable.
class GrpcMethods {
 public:
  GrpcMethods(GrpcServerOptions options, std::vector<GrpcMethod> methods)
      : options_(std::move(options)) {
    for (GrpcMethod& method : methods) methods_[method.path] = std::move(method);
  }

  Task<> Serve(const ControlRequest& request, ResponseWriter& writer) const {
    if (!IsGrpc(request)) {
      co_await writer.Send(415, "text/plain", "this socket speaks gRPC: POST application/grpc\n");
      co_return;
    }
    writer.Begin(200, {{"content-type", "application/grpc"}});
    const absl::Status status = co_await Call(request, writer);
    HeaderList trailers = {
        {"grpc-status", std::string(proxy::grpc::StatusCodeText(status.code()))}};
    if (!status.message().empty()) {
      trailers.emplace_back("grpc-message",
                            proxy::grpc::EncodeMessage(scheduler::ToStd(status.message())));
    }
    writer.End(trailers);
  }

 private:
  Task<absl::Status> Call(const ControlRequest& request, ResponseWriter& writer) const {
    const auto method = methods_.find(request.path);
    if (method == methods_.end()) {
      co_return absl::UnimplementedError(
          scheduler::Concat("no method ", std::string_view(request.path).substr(0, 256)));
    }
    const proxy::Header* encoding = request.headers->Find("grpc-encoding");
    absl::Status readable = proxy::grpc::CheckEncoding(encoding ? encoding->value : "");
    if (!readable.ok()) co_return readable;
    Nanos deadline = scheduler::kNever;
    if (const proxy::Header* header = request.headers->Find(HeaderName::kGrpcTimeout)) {
      const std::optional<Nanos> timeout = proxy::grpc::ParseTimeout(header->value);
      if (!timeout) co_return absl::InternalError("malformed grpc-timeout");
      const Nanos now = scheduler::Now();
      deadline = *timeout < scheduler::kNever - now ? now + *timeout : scheduler::kNever;
    }
    GrpcCall call(options_, method->second, writer, deadline);
    co_return co_await call.Run();
  }

  const GrpcServerOptions options_;
  std::map<std::string, GrpcMethod> methods_;
};

// Only the last folder: a wrong path should fail, not grow a tree.
void MakeFolder(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash != std::string::npos && slash > 0) mkdir(path.substr(0, slash).c_str(), 0755);
}

}  // namespace

absl::StatusOr<std::unique_ptr<HttpServer>> ListenGrpc(GrpcServerOptions options,
                                                       std::vector<GrpcMethod> methods) {
  OUTRIGGER_ASSIGN_OR_RETURN(const proxy::Address address,
                             proxy::Address::Pipe(options.socket_path));
  MakeFolder(options.socket_path);
  proxy::Http2Options http2;
  http2.max_concurrent_streams = options.max_calls;
  HttpServerOptions http{
      .name = "control API",
      .address = address,
      .socket_mode = options.socket_mode,
      .max_connections = options.max_connections,
      .connection = {
          .http2 = [http2](proxy::ServerEvents& events) -> std::unique_ptr<proxy::Codec> {
            return std::make_unique<proxy::http2::ServerSession>(events, http2,
                                                                 proxy::HeaderLimits());
          },
          .server_name = "outrigger",
          .max_body = kMaxForeignBody,
          .streams_body = &IsGrpc,
          .idle_timeout = options.idle_timeout,
      }};
  auto table = std::make_shared<const GrpcMethods>(std::move(options), std::move(methods));
  http.connection.handler = [table](const ControlRequest& request, ResponseWriter& writer) {
    return table->Serve(request, writer);
  };
  return HttpServer::Listen(std::move(http));
}

}  // namespace outrigger::control
