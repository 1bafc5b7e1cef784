// time_format.h: a moment as %START_TIME(...)% prints it, always in UTC. Compiled once.
// Not strftime: that takes the C library's time zone lock, and access logs are written per request.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace outrigger::proxy {

// Thread-safety: immutable.
class TimeFormat {
 public:
  // 2024-01-01T00:00:00.000Z
  TimeFormat();
  // strftime's %Y %m %d %e %y %j %H %I %M %S %p %a %b %h %F %T %D %R %z %Z %n %t %%, Envoy's %s
  // (seconds since 1970), %f (nanoseconds) and %1f to %9f (digits of the second's fraction).
  static absl::StatusOr<TimeFormat> Make(std::string_view format);

  // Nanoseconds since 1970.
  void Append(std::string& out, int64_t unix_ns) const;

 private:
  struct Piece {
    char directive;      // 0: literal
    uint8_t digits = 0;  // of 'f'
    std::string literal;
  };
  struct Moment;
  explicit TimeFormat(std::vector<Piece> pieces) : pieces_(std::move(pieces)) {}
  static Moment Split(int64_t unix_ns);
  static void AppendPiece(std::string& out, const Piece& piece, const Moment& at);

  std::vector<Piece> pieces_;
};

}  // namespace outrigger::proxy
