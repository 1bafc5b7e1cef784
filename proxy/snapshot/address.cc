#include "proxy/snapshot/address.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <cstddef>
#include <cstring>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace outrigger::proxy {
namespace {

std::string Text(const sockaddr_storage& storage, socklen_t length) {
  char ip[INET6_ADDRSTRLEN];
  if (storage.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(storage);
    inet_ntop(AF_INET, &v4.sin_addr, ip, sizeof(ip));
    return absl::StrCat(ip, ":", ntohs(v4.sin_port));
  }
  if (storage.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(storage);
    inet_ntop(AF_INET6, &v6.sin6_addr, ip, sizeof(ip));
    return absl::StrCat("[", ip, "]:", ntohs(v6.sin6_port));
  }
  const auto& un = reinterpret_cast<const sockaddr_un&>(storage);
  const size_t path =
      length > offsetof(sockaddr_un, sun_path) ? length - offsetof(sockaddr_un, sun_path) : 0;
  std::string text(un.sun_path, path);
  while (text.size() > 1 && text.back() == '\0') text.pop_back();
  if (!text.empty() && text[0] == '\0') text[0] = '@';
  return text;
}

// "[::1]" or "10.0.0.1" before the last colon of "IP:PORT"; the brackets go.
std::string_view IpOf(std::string_view text) {
  std::string_view ip = text.substr(0, text.rfind(':'));
  if (ip.size() >= 2 && ip.front() == '[' && ip.back() == ']') ip = ip.substr(1, ip.size() - 2);
  return ip;
}

}  // namespace

Address Address::From(const sockaddr_storage& storage, socklen_t length) {
  Address address;
  address.storage = storage;
  address.length = length;
  address.text = Text(storage, length);
  return address;
}

absl::StatusOr<Address> Address::Ip(std::string_view ip, uint32_t port) {
  if (port > 65535) {
    return absl::InvalidArgumentError(absl::StrCat("port ", port, " is above 65535"));
  }
  sockaddr_storage storage{};
  const std::string text(ip);
  auto& v4 = reinterpret_cast<sockaddr_in&>(storage);
  if (inet_pton(AF_INET, text.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(static_cast<uint16_t>(port));
    return From(storage, sizeof(sockaddr_in));
  }
  auto& v6 = reinterpret_cast<sockaddr_in6&>(storage);
  if (inet_pton(AF_INET6, text.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(static_cast<uint16_t>(port));
    return From(storage, sizeof(sockaddr_in6));
  }
  return absl::InvalidArgumentError(absl::StrFormat("\"%s\" is not an IP address", ip));
}

absl::StatusOr<Address> Address::Pipe(std::string_view path) {
  sockaddr_storage storage{};
  auto& un = reinterpret_cast<sockaddr_un&>(storage);
  if (path.empty() || path.size() >= sizeof(un.sun_path)) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "socket path \"%s\" must have 1 to %d characters", path, sizeof(un.sun_path) - 1));
  }
  un.sun_family = AF_UNIX;
  std::memcpy(un.sun_path, path.data(), path.size());
  const bool abstract = path[0] == '@';
  if (abstract) un.sun_path[0] = '\0';
  return From(storage, static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() +
                                              (abstract ? 0 : 1)));
}

absl::StatusOr<Address> Address::Parse(std::string_view text) {
  constexpr std::string_view kUnix = "unix:";
  if (text.substr(0, kUnix.size()) == kUnix) return Pipe(text.substr(kUnix.size()));
  const size_t colon = text.rfind(':');
  uint32_t port;
  if (colon == std::string_view::npos ||
      !absl::SimpleAtoi(std::string(text.substr(colon + 1)), &port)) {
    return absl::InvalidArgumentError(
        absl::StrFormat("\"%s\" is not an address: want IP:PORT, [IPv6]:PORT or unix:PATH", text));
  }
  return Ip(IpOf(text), port);
}

uint16_t Address::port() const {
  if (family() == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in&>(storage).sin_port);
  if (family() == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6&>(storage).sin6_port);
  return 0;
}

std::string Address::ip() const { return is_ip() ? std::string(IpOf(text)) : text; }

bool Address::is_loopback() const {
  if (family() == AF_INET) {
    return ntohl(reinterpret_cast<const sockaddr_in&>(storage).sin_addr.s_addr) >> 24 == 127;
  }
  return family() == AF_INET6 &&
         IN6_IS_ADDR_LOOPBACK(&reinterpret_cast<const sockaddr_in6&>(storage).sin6_addr);
}

const std::string& LocalInterfaceIp() {
  static const std::string ip = [] {
    std::string found = "127.0.0.1";
    ifaddrs* interfaces = nullptr;
    if (getifaddrs(&interfaces) != 0) return found;
    for (const ifaddrs* at = interfaces; at; at = at->ifa_next) {
      if (!at->ifa_addr || at->ifa_addr->sa_family != AF_INET) continue;
      sockaddr_storage storage{};
      std::memcpy(&storage, at->ifa_addr, sizeof(sockaddr_in));
      const Address address = Address::From(storage, sizeof(sockaddr_in));
      if (address.is_loopback()) continue;
      found = address.ip();
      break;
    }
    freeifaddrs(interfaces);
    return found;
  }();
  return ip;
}

}  // namespace outrigger::proxy
