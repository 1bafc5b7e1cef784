// cidr.h: a range of IP addresses (config.core.v3.CidrRange).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "absl/status/statusor.h"

namespace outrigger::proxy {

// An address as 16 bytes; IPv4 as its IPv4-mapped form (RFC 4291 2.5.5.2). Value.
using IpBytes = std::array<uint8_t, 16>;
// Null: not a literal address.
std::optional<IpBytes> ParseIp(std::string_view text);

// Value. Thread-safety: immutable.
class CidrRange {
 public:
  // `bits` counts from the front: 0..32 for IPv4, 0..128 for IPv6. The error says what is wrong
  // with which of the two.
  static absl::StatusOr<CidrRange> Make(std::string_view address, uint32_t bits);
  bool Contains(const IpBytes& ip) const;

 private:
  IpBytes prefix_{};
  uint32_t bits_ = 0;  // of the 128
};

}  // namespace outrigger::proxy
