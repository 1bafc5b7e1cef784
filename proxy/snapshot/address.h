// address.h: an IP address with a port, or a Unix socket path, ready for bind() and connect().
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace outrigger::proxy {

// Value.
struct Address {
  sockaddr_storage storage{};
  socklen_t length = 0;
  std::string text;  // "10.0.0.1:80", "[::1]:80" or the socket's path

  // A literal IPv4 or IPv6 address; no name look-up. "@name" paths are abstract sockets.
  static absl::StatusOr<Address> Ip(std::string_view ip, uint32_t port);
  static absl::StatusOr<Address> Pipe(std::string_view path);
  // "127.0.0.1:80", "[::1]:80" or "unix:/path".
  static absl::StatusOr<Address> Parse(std::string_view text);
  // From accept(), getsockname(), getpeername().
  static Address From(const sockaddr_storage& storage, socklen_t length);

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  int family() const { return storage.ss_family; }
  bool is_ip() const { return family() == AF_INET || family() == AF_INET6; }
  uint16_t port() const;   // 0 for a path
  std::string ip() const;  // without port and brackets; the path of a Unix socket
  bool is_loopback() const;
  bool operator==(const Address& other) const { return text == other.text; }
};

// The IPv4 address of the first interface that is not loopback; 127.0.0.1 if there is none. Read
// once.
const std::string& LocalInterfaceIp();

}  // namespace outrigger::proxy
