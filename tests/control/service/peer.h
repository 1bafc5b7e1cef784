// peer.h: the other end of a socket in tests: blocking, on the test's thread, with a time limit so
// that a fault fails a test instead of hanging it.
#pragma once

#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <string>
#include <string_view>

#include "proxy/snapshot/address.h"

namespace outrigger::control {

class Peer {
 public:
  // Takes `fd` over.
  explicit Peer(int fd) : fd_(fd) {
    const timeval limit{10, 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
  }
  explicit Peer(const proxy::Address& address)
      : Peer(socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    connected_ = connect(fd_, address.get(), address.length) == 0;
  }
  ~Peer() { Close(); }

  bool connected() const { return connected_; }
  int fd() const { return fd_; }
  void Send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return;
      bytes.remove_prefix(static_cast<size_t>(n));
    }
  }
  void ShutdownWrite() { shutdown(fd_, SHUT_WR); }
  void Close() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }
  // One read; empty at the end, on an error and after the time limit.
  std::string Receive() {
    char buffer[65536];
    const ssize_t n = recv(fd_, buffer, sizeof(buffer), 0);
    return n > 0 ? std::string(buffer, static_cast<size_t>(n)) : std::string();
  }
  // Until what came ends in `end`.
  std::string ReceiveUntil(std::string_view end) {
    std::string all;
    while (all.size() < end.size() || all.compare(all.size() - end.size(), end.size(), end) != 0) {
      const std::string piece = Receive();
      if (piece.empty()) return all + "<end>";
      all += piece;
    }
    return all;
  }
  std::string ReceiveAll() {
    std::string all;
    for (std::string piece = Receive(); !piece.empty(); piece = Receive()) all += piece;
    return all;
  }

 private:
  int fd_;
  bool connected_ = true;
};

// `head` without the lines that name the time and the server.
inline std::string WithoutDate(std::string text) {
  for (const std::string_view name : {"date: ", "server: "}) {
    for (size_t at; (at = text.find(name)) != std::string::npos;) {
      text.erase(at, text.find("\r\n", at) + 2 - at);
    }
  }
  return text;
}

}  // namespace outrigger::control
