#include "proxy/snapshot/cidr.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

#include "absl/status/status.h"

namespace outrigger::proxy {
namespace {

constexpr uint32_t kMapped = 96;  // bits before an IPv4 address in its mapped form

bool IsV4(const IpBytes& ip) {
  static constexpr uint8_t kPrefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  return std::equal(std::begin(kPrefix), std::end(kPrefix), ip.begin());
}

}  // namespace

std::optional<IpBytes> ParseIp(std::string_view text) {
  char buffer[INET6_ADDRSTRLEN];
  if (text.empty() || text.size() >= sizeof(buffer) || text.find('\0') != text.npos) {
    return std::nullopt;
  }
  std::memcpy(buffer, text.data(), text.size());
  buffer[text.size()] = 0;
  IpBytes ip{};
  if (inet_pton(AF_INET6, buffer, ip.data()) == 1) return ip;
  ip[10] = ip[11] = 0xff;
  if (inet_pton(AF_INET, buffer, ip.data() + 12) == 1) return ip;
  return std::nullopt;
}

absl::StatusOr<CidrRange> CidrRange::Make(std::string_view address, uint32_t bits) {
  const std::optional<IpBytes> ip = ParseIp(address);
  if (!ip) return absl::InvalidArgumentError("malformed IP address in address_prefix");
  const bool v4 = IsV4(*ip);
  if (bits > (v4 ? 32u : 128u)) {
    return absl::InvalidArgumentError(v4 ? "prefix_len must be at most 32"
                                         : "prefix_len must be at most 128");
  }
  CidrRange range;
  range.prefix_ = *ip;
  range.bits_ = v4 ? kMapped + bits : bits;
  return range;
}

bool CidrRange::Contains(const IpBytes& ip) const {
  const uint32_t whole = bits_ / 8;
  if (!std::equal(prefix_.begin(), prefix_.begin() + whole, ip.begin())) return false;
  const uint32_t rest = bits_ % 8;
  if (rest == 0) return true;
  const uint8_t mask = static_cast<uint8_t>(0xff << (8 - rest));
  return (prefix_[whole] & mask) == (ip[whole] & mask);
}

}  // namespace outrigger::proxy
