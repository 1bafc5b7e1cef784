#include "proxy/snapshot/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <cstddef>
#include <cstring>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

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
  const size_t path = length > offsetof(sockaddr_un, sun_path)
                          ? length - offsetof(sockaddr_un, sun_path) : 0;
  std::string text(un.sun_path, path);
  while (text.size() > 1 && text.back() == '\0') text.pop_back();
  if (!text.empty() && text[0] == '\0') text[0] = '@';
  return text;
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
  if (port > 65535) return absl::InvalidArgumentError(absl::StrCat("port ", port, " is above 65535"));
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
  return absl::InvalidArgumentError(absl::StrCat("\"", ip, "\" is not an IP address"));
}

absl::StatusOr<Address> Address::Pipe(std::string_view path) {
  sockaddr_storage storage{};
  auto& un = reinterpret_cast<sockaddr_un&>(storage);
  if (path.empty() || path.size() >= sizeof(un.sun_path)) {
    return absl::InvalidArgumentError(absl::StrCat("socket path \"", path, "\" must have 1 to ",
                                                   sizeof(un.sun_path) - 1, " characters"));
  }
  un.sun_family = AF_UNIX;
  std::memcpy(un.sun_path, path.data(), path.size());
  const bool abstract = path[0] == '@';
  if (abstract) un.sun_path[0] = '\0';
  return From(storage, static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() +
                                              (abstract ? 0 : 1)));
}

absl::StatusOr<Address> Address::Parse(std::string_view text) {
  if (absl::ConsumePrefix(&text, "unix:")) return Pipe(text);
  const size_t colon = text.rfind(':');
  uint32_t port;
  if (colon == std::string_view::npos || !absl::SimpleAtoi(text.substr(colon + 1), &port)) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", text, "\" is not an address: want IP:PORT, [IPv6]:PORT or unix:PATH"));
  }
  std::string_view ip = text.substr(0, colon);
  if (absl::ConsumePrefix(&ip, "[")) absl::ConsumeSuffix(&ip, "]");
  return Ip(ip, port);
}

uint16_t Address::port() const {
  if (family() == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in&>(storage).sin_port);
  if (family() == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6&>(storage).sin6_port);
  return 0;
}

std::string Address::ip() const {
  if (!is_ip()) return text;
  std::string_view ip = std::string_view(text).substr(0, text.rfind(':'));
  if (absl::ConsumePrefix(&ip, "[")) absl::ConsumeSuffix(&ip, "]");
  return std::string(ip);
}

}  // namespace outrigger::proxy
