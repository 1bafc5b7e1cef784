#include "control/ctl/grpc_client.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "proxy/codec/http2/session.h"
#include "proxy/grpc/framing.h"
#include "proxy/grpc/status.h"
#include "proxy/snapshot/address.h"
#include "scheduler/base/status_macros.h"
#include "scheduler/base/text.h"

namespace outrigger::control {
namespace {

using proxy::HeaderName;
using scheduler::Nanos;

constexpr size_t kReadBytes = 16 * 1024;
constexpr size_t kWriteBytes = 64 * 1024;

absl::Status Lost(const char* what) {
  return absl::UnavailableError(absl::StrCat("the connection was lost: ", what));
}

// Runs on: the thread that calls Run(). Owner: CallUnary(). Thread-safety: confined.
class UnaryCall final : private proxy::ClientEvents {
 public:
  UnaryCall(proxy::Fd connection, Nanos timeout)
      : connection_(std::move(connection)),
        deadline_(scheduler::MonotonicNow() + timeout),
        session_(*this, proxy::Http2Options(), proxy::HeaderLimits()),
        stream_(session_.OpenStream()),
        headers_(stream_.arena) {}
  ~UnaryCall() { stream_.Release(); }

  absl::StatusOr<std::string> Run(std::string_view method, std::string_view request,
                                  Nanos timeout) {
    Send(method, request, timeout);
    while (!stream_.end_received && !stream_.error) {
      session_.Produce(out_, kWriteBytes);
      if (session_.finished()) return Lost("the server does not speak HTTP/2 as it should");
      OUTRIGGER_RETURN_IF_ERROR(MoveBytes());
      OUTRIGGER_RETURN_IF_ERROR(TakeMessages());
    }
    if (!stream_.end_received) return Lost("the server reset the call");
    OUTRIGGER_RETURN_IF_ERROR(proxy::grpc::ReadStatus(stream_.headers, stream_.trailers));
    if (!reply_) return absl::InternalError("the server sent no reply");
    return *std::move(reply_);
  }

 private:
  void OnWritable() override {}  // Run() looks anyway
  void OnCapacity() override {}

  void Send(std::string_view method, std::string_view request, Nanos timeout) {
    headers_.Add(HeaderName::kMethod, "POST");
    headers_.Add(HeaderName::kScheme, "http");
    headers_.Add(HeaderName::kPath, method);
    headers_.Add(HeaderName::kAuthority, "localhost");
    headers_.Add(HeaderName::kTe, "trailers");
    headers_.Add(HeaderName::kContentType, "application/grpc");
    headers_.Add(HeaderName::kGrpcTimeout, proxy::grpc::FormatTimeout(timeout));
    headers_.Add(HeaderName::kUserAgent, "outrigger-ctl");
    stream_.SendHeaders(headers_, /*end=*/false);
    proxy::SliceQueue body;
    body.Push(proxy::grpc::FrameMessage(request));
    stream_.SendData(body, /*end=*/true);
  }

  // Waits until one of both directions moves.
  absl::Status MoveBytes() {
    const Nanos left = deadline_ - scheduler::MonotonicNow();
    if (left <= 0) return absl::DeadlineExceededError("the server did not answer in time");
    pollfd poll = {connection_.get(), static_cast<short>(out_.empty() ? POLLIN : POLLIN | POLLOUT),
                   0};
    const Nanos wait = std::min<Nanos>(left / scheduler::kMillisecond + 1, 60'000);
    if (::poll(&poll, 1, static_cast<int>(wait)) < 0 && errno != EINTR) {
      return Lost(std::strerror(errno));
    }
    if (poll.revents & POLLOUT) OUTRIGGER_RETURN_IF_ERROR(Write());
    if (poll.revents & ~POLLOUT) OUTRIGGER_RETURN_IF_ERROR(Read());
    return absl::OkStatus();
  }

  absl::Status Write() {
    const std::string_view front = out_.front().view();
    const ssize_t n = send(connection_.get(), front.data(), front.size(), MSG_NOSIGNAL);
    if (n >= 0) {
      out_.Drain(static_cast<size_t>(n));
    } else if (errno != EAGAIN && errno != EINTR && errno != EPIPE) {
      return Lost(std::strerror(errno));
    } else if (errno == EPIPE) {
      out_.Clear();  // what the server said before it closed is still to be read
    }
    return absl::OkStatus();
  }

  absl::Status Read() {
    proxy::Block* block = proxy::Block::New(kReadBytes);
    const ssize_t n = recv(connection_.get(), block->data(), kReadBytes, 0);
    const int error = errno;
    bool good = true;
    if (n > 0) good = session_.Feed(proxy::Slice(block, block->data(), static_cast<size_t>(n)));
    block->Unref();
    if (n == 0) return Lost("the server closed it");
    if (n < 0 && error != EAGAIN && error != EINTR) return Lost(std::strerror(error));
    return good ? absl::OkStatus() : Lost("the server broke HTTP/2");
  }

  absl::Status TakeMessages() {
    const size_t before = stream_.body.bytes();
    while (true) {
      OUTRIGGER_ASSIGN_OR_RETURN(auto message, reader_.Read(stream_.body));
      if (!message) break;
      if (reply_) return absl::InternalError("the server sent more than one reply");
      reply_ = *std::move(message);
    }
    stream_.Consume(before - stream_.body.bytes());
    return absl::OkStatus();
  }

  const proxy::Fd connection_;
  const Nanos deadline_;
  proxy::http2::ClientSession session_;
  proxy::Stream& stream_;
  proxy::Headers headers_;
  proxy::grpc::MessageReader reader_;
  proxy::SliceQueue out_;
  std::optional<std::string> reply_;
};

}  // namespace

absl::StatusOr<proxy::Fd> ConnectControl(const std::string& socket_path) {
  OUTRIGGER_ASSIGN_OR_RETURN(const proxy::Address address, proxy::Address::Pipe(socket_path));
  proxy::Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return absl::UnavailableError(absl::StrCat("no socket: ", std::strerror(errno)));
  if (connect(fd.get(), address.get(), address.length) == 0) return fd;
  const int error = errno;
  std::string text = absl::StrCat("cannot connect to ", socket_path, ": ", std::strerror(error));
  if (error == ENOENT) {
    text += "; is outrigger running here? Another socket: --socket or OUTRIGGER_CONTROL_SOCKET";
  } else if (error == ECONNREFUSED) {
    text += "; the outrigger that made it has ended, start it again";
  } else if (error == EACCES || error == EPERM) {
    text += "; run this as the user or group of outrigger";
  } else if (error == EAGAIN) {
    text += "; outrigger does not accept connections, try again";
  }
  return absl::UnavailableError(text);
}

absl::StatusOr<std::string> CallUnary(proxy::Fd connection, std::string_view method,
                                      std::string_view request, Nanos timeout) {
  return UnaryCall(std::move(connection), timeout).Run(method, request, timeout);
}

}  // namespace outrigger::control
