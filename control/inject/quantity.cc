#include "control/inject/quantity.h"

#include <array>
#include <charconv>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_format.h"
#include "scheduler/base/status_macros.h"

namespace outrigger::control {
namespace {

constexpr size_t kMaxDigits = 18;  // a mantissa that fits in 64 bits
constexpr int kMaxExponent = 18;
constexpr unsigned __int128 kNano = 1'000'000'000;
constexpr unsigned __int128 kMaxNano = ~static_cast<unsigned __int128>(0);

struct Suffix {
  std::string_view text;
  unsigned __int128 nano;  // the worth of one, in billionths
};

constexpr std::array kSuffixes = {
    Suffix{"", kNano},
    Suffix{"n", 1},
    Suffix{"u", 1'000},
    Suffix{"m", 1'000'000},
    Suffix{"k", kNano * 1'000},
    Suffix{"M", kNano * 1'000'000},
    Suffix{"G", kNano * 1'000'000'000},
    Suffix{"T", kNano * 1'000'000'000'000},
    Suffix{"P", kNano * 1'000'000'000'000'000},
    Suffix{"E", kNano * 1'000'000'000'000'000'000},
    Suffix{"Ki", kNano << 10},
    Suffix{"Mi", kNano << 20},
    Suffix{"Gi", kNano << 30},
    Suffix{"Ti", kNano << 40},
    Suffix{"Pi", kNano << 50},
    Suffix{"Ei", kNano << 60},
};

absl::Status NotAQuantity() {
  return absl::InvalidArgumentError(
      "not a quantity: write a number with one of the suffixes m, k, M, G, Ki, Mi, Gi or none");
}

unsigned __int128 PowerOfTen(int exponent) {
  unsigned __int128 power = 1;
  for (; exponent > 0; --exponent) power *= 10;
  return power;
}

// The worth of one for "Mi", "m", "e3", "E-3" and so on.
absl::StatusOr<unsigned __int128> SuffixWorth(std::string_view suffix) {
  for (const Suffix& known : kSuffixes) {
    if (suffix == known.text) return known.nano;
  }
  if (suffix[0] != 'e' && suffix[0] != 'E') return NotAQuantity();
  suffix.remove_prefix(1);
  // from_chars takes a '-' but no '+'.
  if (suffix.starts_with('+') && !suffix.starts_with("+-")) suffix.remove_prefix(1);
  int exponent = 0;
  const auto [end, error] = std::from_chars(suffix.begin(), suffix.end(), exponent);
  if (error != std::errc() || end != suffix.end()) return NotAQuantity();
  if (exponent < -9 || exponent > kMaxExponent) {
    return absl::InvalidArgumentError("the exponent is out of range");
  }
  return exponent < 0 ? kNano / PowerOfTen(-exponent) : kNano * PowerOfTen(exponent);
}

}  // namespace

absl::StatusOr<Quantity> ParseQuantity(std::string_view text) {
  if (text.starts_with('-')) return absl::InvalidArgumentError("must not be negative");
  uint64_t mantissa = 0;
  size_t digits = 0;
  int fraction_digits = 0;
  bool point = false;
  size_t end = 0;
  for (; end < text.size() && (absl::ascii_isdigit(text[end]) || text[end] == '.'); ++end) {
    if (text[end] == '.') {
      if (point) return NotAQuantity();
      point = true;
      continue;
    }
    if (++digits > kMaxDigits) return absl::InvalidArgumentError("too many digits");
    mantissa = mantissa * 10 + static_cast<uint64_t>(text[end] - '0');
    if (point) ++fraction_digits;
  }
  if (digits == 0) return NotAQuantity();
  OUTRIGGER_ASSIGN_OR_RETURN(const unsigned __int128 worth, SuffixWorth(text.substr(end)));
  if (static_cast<unsigned __int128>(mantissa) > kMaxNano / worth) {
    return absl::InvalidArgumentError("too large");
  }
  const unsigned __int128 scaled = static_cast<unsigned __int128>(mantissa) * worth;
  const unsigned __int128 divisor = PowerOfTen(fraction_digits);
  if (scaled % divisor != 0) return absl::InvalidArgumentError("finer than a billionth");
  return Quantity{scaled / divisor};
}

absl::StatusOr<Quantity> ParseCpu(std::string_view text) {
  OUTRIGGER_ASSIGN_OR_RETURN(const Quantity cpu, ParseQuantity(text));
  if (cpu.nano == 0) return absl::InvalidArgumentError("must be above zero");
  if (cpu.nano % (kNano / 1000) != 0) return absl::InvalidArgumentError("finer than 1m of a CPU");
  return cpu;
}

absl::StatusOr<Quantity> ParseMemory(std::string_view text) {
  OUTRIGGER_ASSIGN_OR_RETURN(const Quantity memory, ParseQuantity(text));
  if (memory.nano == 0) return absl::InvalidArgumentError("must be above zero");
  if (memory.nano % kNano != 0 && text.ends_with('m')) {
    return absl::InvalidArgumentError(absl::StrFormat("thousandths of a byte; did you mean %sMi?",
                                                      text.substr(0, text.size() - 1)));
  }
  return memory;
}

}  // namespace outrigger::control
