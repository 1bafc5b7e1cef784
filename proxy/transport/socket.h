// socket.h: a non-blocking stream socket and its place in the netpoll: the raw transport.
// Flow: listener or upstream connect -> [transport] -> connection driver -> codec.
#pragma once

#include <unistd.h>

#include <cstddef>
#include <optional>
#include <utility>

#include "absl/status/statusor.h"
#include "proxy/codec/buffer/slice.h"
#include "proxy/snapshot/address.h"
#include "scheduler/scheduler.h"

namespace outrigger::proxy {

// Owns a descriptor. Value, move only.
class Fd {
 public:
  explicit Fd(int fd = -1) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd() {
    if (fd_ >= 0) close(fd_);
  }
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_;
};

// The result of one attempt to read or write.
struct IoResult {
  enum class Kind : uint8_t { kBytes, kAgain, kEof, kError };
  Kind kind;
  size_t bytes = 0;
  int error = 0;  // errno for kError
};

// One attempt to read at most `size` bytes of a non-blocking socket.
IoResult ReadFrom(int fd, char* buffer, size_t size);

// Owner: the connection. Thread-safety: confined.
class Socket {
 public:
  Socket(scheduler::Netpoll& netpoll, Fd fd) : fd_(std::move(fd)), poll_(netpoll, fd_.get()) {}

  // At most `size` bytes into `buffer`.
  IoResult Read(char* buffer, size_t size) { return ReadFrom(fd(), buffer, size); }
  // Writes from the front of `out` and drains what was written.
  IoResult Write(SliceQueue& out);
  // Both directions: wakes the reader with an end of stream.
  void Shutdown();

  // This side's direction alone: the peer sees the end, and may still be read.
  void EndWriting();

  scheduler::PollFd& poll() { return poll_; }
  int fd() const { return fd_.get(); }
  Address LocalAddress() const;
  Address PeerAddress() const;

 private:
  Fd fd_;
  scheduler::PollFd poll_;
};

// Sets what every proxied TCP connection wants: no delay. No-op on Unix sockets.
void SetNoDelay(int fd);

// Starts a non-blocking connect; the descriptor becomes writable when it is done (see
// ConnectError).
absl::StatusOr<Fd> StartConnect(const Address& address);
// SO_ERROR after a connect: 0 when it succeeded.
int ConnectError(int fd);

// A bound, listening, non-blocking socket. The error names the address and the reason.
absl::StatusOr<Fd> Listen(const Address& address, int backlog, bool reuse_port);

}  // namespace outrigger::proxy
