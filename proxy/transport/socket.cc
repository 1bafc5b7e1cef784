#include "proxy/transport/socket.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace outrigger::proxy {
namespace {

constexpr size_t kMaxIovecs = 64;

IoResult FromErrno() {
  if (errno == EAGAIN || errno == EWOULDBLOCK) return {IoResult::Kind::kAgain};
  return {IoResult::Kind::kError, 0, errno};
}

Address NameOf(int fd, int (*get)(int, sockaddr*, socklen_t*)) {
  sockaddr_storage storage{};
  socklen_t length = sizeof(storage);
  if (get(fd, reinterpret_cast<sockaddr*>(&storage), &length) != 0) return {};
  return Address::From(storage, length);
}

absl::Status SocketError(const char* what, const Address& address) {
  const int error = errno;
  return absl::UnavailableError(
      absl::StrCat("cannot ", what, " ", address.text, ": ", std::strerror(error)));
}

// A socket file that nobody listens on is a leftover of a process that died.
void RemoveStaleSocket(const Address& address) {
  struct stat found;
  if (address.text.empty() || address.text[0] == '@') return;
  if (stat(address.text.c_str(), &found) != 0 || !S_ISSOCK(found.st_mode)) return;
  Fd probe(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (connect(probe.get(), address.get(), address.length) != 0 && errno == ECONNREFUSED) {
    unlink(address.text.c_str());
  }
}

}  // namespace

IoResult ReadFrom(int fd, char* buffer, size_t size) {
  ssize_t n;
  do {
    n = recv(fd, buffer, size, 0);
  } while (n < 0 && errno == EINTR);  // no edge would follow
  if (n > 0) return {IoResult::Kind::kBytes, static_cast<size_t>(n)};
  if (n == 0) return {IoResult::Kind::kEof};
  return FromErrno();
}

IoResult Socket::Write(SliceQueue& out) {
  std::array<iovec, kMaxIovecs> iov;
  size_t count = 0;
  for (const Slice& slice : out) {
    if (count == iov.size()) break;
    iov[count++] = {const_cast<char*>(slice.data()), slice.size()};
  }
  msghdr message{};
  message.msg_iov = iov.data();
  message.msg_iovlen = count;
  ssize_t n;
  do {
    n = count == 1 ? send(fd_.get(), iov[0].iov_base, iov[0].iov_len, MSG_NOSIGNAL)
                   : sendmsg(fd_.get(), &message, MSG_NOSIGNAL);
  } while (n < 0 && errno == EINTR);
  if (n < 0) return FromErrno();
  out.Drain(static_cast<size_t>(n));
  return {IoResult::Kind::kBytes, static_cast<size_t>(n)};
}

void Socket::Shutdown() { shutdown(fd_.get(), SHUT_RDWR); }
void Socket::EndWriting() { shutdown(fd_.get(), SHUT_WR); }

Address Socket::LocalAddress() const { return NameOf(fd_.get(), &getsockname); }
Address Socket::PeerAddress() const { return NameOf(fd_.get(), &getpeername); }

void SetNoDelay(int fd) {
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

absl::StatusOr<Fd> StartConnect(const Address& address) {
  Fd fd(socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return SocketError("open a socket for", address);
  if (address.is_ip()) SetNoDelay(fd.get());
  if (connect(fd.get(), address.get(), address.length) != 0 && errno != EINPROGRESS) {
    return SocketError("connect to", address);
  }
  return fd;
}

int ConnectError(int fd) {
  int error = 0;
  socklen_t length = sizeof(error);
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0) return errno;
  return error;
}

absl::StatusOr<Fd> Listen(const Address& address, int backlog, bool reuse_port) {
  Fd fd(socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return SocketError("open a socket for", address);
  const int on = 1;
  if (address.is_ip()) {
    setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (reuse_port) setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
    if (address.family() == AF_INET6) {
      setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    }
  } else {
    RemoveStaleSocket(address);
  }
  if (bind(fd.get(), address.get(), address.length) != 0) return SocketError("bind", address);
  if (listen(fd.get(), backlog) != 0) return SocketError("listen on", address);
  return fd;
}

}  // namespace outrigger::proxy
