#include "control/service/http_server.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "scheduler/base/log.h"
#include "scheduler/scheduler.h"

namespace outrigger::control {
namespace {

constexpr int kBacklog = 128;
// How long to wait before accepting again when descriptors or memory are spent.
constexpr scheduler::Nanos kAcceptPause = 100 * scheduler::kMillisecond;

bool IsUnixPath(const proxy::Address& address) {
  return address.family() == AF_UNIX &&
         reinterpret_cast<const sockaddr_un*>(address.get())->sun_path[0] != '\0';
}

const char* UnixPath(const proxy::Address& address) {
  return reinterpret_cast<const sockaddr_un*>(address.get())->sun_path;
}

absl::Status Unavailable(const HttpServerOptions& options, const char* what) {
  return absl::UnavailableError(absl::StrCat(options.name, ": cannot ", what, " ",
                                             options.address.text, ": ", strerror(errno)));
}

// Takes a dead predecessor's socket file away. A living one answers, and bind() will then fail.
void RemoveStale(const proxy::Address& address) {
  struct stat status;
  if (lstat(UnixPath(address), &status) != 0 || !S_ISSOCK(status.st_mode)) return;
  const int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (probe < 0) return;
  if (connect(probe, address.get(), address.length) != 0 && errno == ECONNREFUSED) {
    unlink(UnixPath(address));
  }
  close(probe);
}

}  // namespace

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Listen(HttpServerOptions options) {
  proxy::Address& address = options.address;
  const int fd = socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return Unavailable(options, "make a socket for");
  absl::Cleanup closer = [fd] { close(fd); };
  if (IsUnixPath(address)) {
    RemoveStale(address);
    // Before bind(): the file never exists with more rights than asked for.
    fchmod(fd, options.socket_mode);
  } else if (address.is_ip()) {
    const int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  }
  if (bind(fd, address.get(), address.length) != 0) return Unavailable(options, "bind");
  if (IsUnixPath(address) && chmod(UnixPath(address), options.socket_mode) != 0) {
    return Unavailable(options, "set the mode of");
  }
  if (listen(fd, kBacklog) != 0) return Unavailable(options, "listen on");
  if (address.is_ip()) {
    sockaddr_storage bound{};
    socklen_t length = sizeof(bound);
    if (getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &length) == 0) {
      address = proxy::Address::From(bound, length);
    }
  }
  std::move(closer).Cancel();
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(options), fd));
}

HttpServer::~HttpServer() {
  close(fd_);
  if (IsUnixPath(options_.address)) unlink(UnixPath(options_.address));
}

void HttpServer::Start(scheduler::Pool& pool) {
  pool_ = &pool;
  acceptor_ = pool.Go("http accept", Accept());
}

scheduler::Task<> HttpServer::Accept() {
  scheduler::PollFd poll(scheduler::CurrentPool().netpoll(), fd_);
  for (;;) {
    const int fd = accept4(fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    scheduler::Wake wake = scheduler::Wake::kReady;
    if (fd >= 0) {
      Adopt(fd);
    } else if (errno == EAGAIN) {
      wake = co_await poll.Readable();
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      OUTRIGGER_LOG(kWarning, "http", "%s: cannot accept: %s", options_.name, strerror(errno));
      wake = co_await scheduler::Sleep(kAcceptPause);
    }
    // Anything else is the fault of one connection (accept(2)).
    if (wake == scheduler::Wake::kCancelled || scheduler::CurrentG()->cancelled()) co_return;
  }
}

void HttpServer::Adopt(int fd) {
  if (options_.address.is_ip()) {
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  }
  scheduler::MutexLock lock(mutex_);
  if (connections_.size() >= options_.max_connections) {
    close(fd);
    return;
  }
  const uint64_t id = next_id_++;
  // Under the lock: the new G takes it before it ends, so its entry is there by then.
  connections_.emplace(id, pool_->Go("http connection", Connection(fd, id)));
}

scheduler::Task<> HttpServer::Connection(int fd, uint64_t id) {
  {
    HttpConnection connection(options_.connection, fd);
    co_await connection.Serve();
  }
  scheduler::MutexLock lock(mutex_);
  connections_.erase(id);
}

scheduler::Task<> HttpServer::Stop() {
  if (!acceptor_) co_return;
  acceptor_.Cancel();
  co_await acceptor_.Join();
  std::vector<scheduler::JoinHandle> open;
  {
    scheduler::MutexLock lock(mutex_);
    for (const auto& [id, handle] : connections_) open.push_back(handle);
  }
  for (scheduler::JoinHandle& handle : open) handle.Cancel();
  for (scheduler::JoinHandle& handle : open) co_await handle.Join();
}

size_t HttpServer::connections() const {
  scheduler::MutexLock lock(mutex_);
  return connections_.size();
}

}  // namespace outrigger::control
