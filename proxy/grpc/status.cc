#include "proxy/grpc/status.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "scheduler/base/text.h"

namespace outrigger::proxy::grpc {
namespace {

constexpr std::array<std::string_view, 17> kCodes = {
    "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16"};
constexpr size_t kMaxMessage = 1024;

constexpr Nanos kUnits[] = {1,
                            1'000,
                            scheduler::kMillisecond,
                            scheduler::kSecond,
                            60 * scheduler::kSecond,
                            3600 * scheduler::kSecond};
constexpr std::string_view kUnitNames = "numSMH";
constexpr Nanos kTimeoutLimit = 99'999'999;

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// gRPC's HTTP-to-status mapping.
absl::StatusCode CodeOfHttpStatus(std::string_view status) {
  if (status == "400") return absl::StatusCode::kInternal;
  if (status == "401") return absl::StatusCode::kUnauthenticated;
  if (status == "403") return absl::StatusCode::kPermissionDenied;
  if (status == "404") return absl::StatusCode::kUnimplemented;
  if (status == "429" || status == "502" || status == "503" || status == "504") {
    return absl::StatusCode::kUnavailable;
  }
  return absl::StatusCode::kUnknown;
}

}  // namespace

std::string_view StatusCodeText(absl::StatusCode code) {
  const size_t number = static_cast<size_t>(code);
  return number < kCodes.size() ? kCodes[number] : kCodes[2];
}

absl::StatusCode ParseStatusCode(std::string_view text) {
  const auto found = std::find(kCodes.begin(), kCodes.end(), text);
  if (found == kCodes.end()) return absl::StatusCode::kUnknown;
  return static_cast<absl::StatusCode>(found - kCodes.begin());
}

std::string EncodeMessage(std::string_view message) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  message = message.substr(0, kMaxMessage);
  std::string encoded;
  encoded.reserve(message.size());
  for (const char c : message) {
    const unsigned char byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte <= 0x7e && c != '%') {
      encoded += c;
    } else {
      encoded += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return encoded;
}

std::string DecodeMessage(std::string_view encoded) {
  std::string message;
  message.reserve(encoded.size());
  for (size_t i = 0; i < encoded.size(); ++i) {
    if (encoded[i] == '%' && encoded.size() - i > 2) {
      const int high = HexDigit(encoded[i + 1]), low = HexDigit(encoded[i + 2]);
      if (high >= 0 && low >= 0) {
        message += static_cast<char>(high * 16 + low);
        i += 2;
        continue;
      }
    }
    message += encoded[i];
  }
  return message;
}

std::optional<Nanos> ParseTimeout(std::string_view text) {
  if (text.size() < 2 || text.size() > 9) return std::nullopt;
  const size_t unit = kUnitNames.find(text.back());
  text.remove_suffix(1);
  if (unit == std::string_view::npos || !std::all_of(text.begin(), text.end(), IsDigit)) {
    return std::nullopt;
  }
  Nanos value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value > scheduler::kNever / kUnits[unit] ? scheduler::kNever : value * kUnits[unit];
}

std::string FormatTimeout(Nanos timeout) {
  timeout = std::max<Nanos>(timeout, 0);
  for (size_t unit = 0; unit < std::size(kUnits); ++unit) {
    const Nanos value = timeout / kUnits[unit] + (timeout % kUnits[unit] != 0);
    if (value <= kTimeoutLimit) return absl::StrCat(value, std::string(1, kUnitNames[unit]));
  }
  return "99999999H";  // kNever is 2.6 million hours: not reached
}

absl::Status ReadStatus(const Headers& headers, const Headers& trailers) {
  for (const Headers* list : {&trailers, &headers}) {
    const Header* code = list->Find(HeaderName::kGrpcStatus);
    if (!code) continue;
    return absl::Status(ParseStatusCode(code->value),
                        DecodeMessage(list->Get(HeaderName::kGrpcMessage)));
  }
  const std::string_view http = headers.Get(HeaderName::kStatus);
  return absl::Status(CodeOfHttpStatus(http),
                      scheduler::Concat("answer without grpc-status, HTTP status ",
                                        http.empty() ? "missing" : http));
}

}  // namespace outrigger::proxy::grpc
