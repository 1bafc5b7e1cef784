// frames.h: HTTP/2 frames as raw bytes (RFC 9113 4.1): to send what no library would, and to see
// what a session says.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace outrigger::proxy::http2 {

inline constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

enum FrameType : uint8_t {
  kData = 0,
  kHeaders = 1,
  kPriority = 2,
  kRstStream = 3,
  kSettings = 4,
  kPushPromise = 5,
  kPing = 6,
  kGoaway = 7,
  kWindowUpdate = 8,
};
enum FrameFlag : uint8_t { kEndStream = 1, kAck = 1, kEndHeaders = 4 };

// Big-endian.
inline std::string Number(uint64_t value, int bytes) {
  std::string text;
  while (bytes-- > 0) text += static_cast<char>(value >> (8 * bytes));
  return text;
}

inline uint32_t ReadNumber(std::string_view bytes) {
  uint32_t value = 0;
  for (const char c : bytes) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

inline std::string Frame(uint8_t type, uint8_t flags, uint32_t stream,
                         std::string_view payload = "") {
  std::string frame =
      Number(payload.size(), 3) + Number(type, 1) + Number(flags, 1) + Number(stream, 4);
  return frame.append(payload);
}

// HPACK without tables: literal, never indexed, plain (RFC 7541 6.2.3).
inline std::string Field(std::string_view name, std::string_view value) {
  const auto length = [](size_t size) {
    if (size < 127) return std::string(1, static_cast<char>(size));
    std::string text(1, 127);
    for (size -= 127; size >= 128; size /= 128) text += static_cast<char>(size % 128 + 128);
    return text + static_cast<char>(size);
  };
  std::string field(1, 0x10);
  field.append(length(name.size())).append(name);
  return field.append(length(value.size())).append(value);
}

inline std::string GetFields(std::string_view path = "/") {
  return Field(":method", "GET") + Field(":scheme", "http") + Field(":path", path) +
         Field(":authority", "a.test");
}

struct ParsedFrame {
  uint8_t type;
  uint8_t flags;
  uint32_t stream;
  std::string payload;

  // Of RST_STREAM and GOAWAY.
  uint32_t error() const {
    return ReadNumber(std::string_view(payload).substr(type == kGoaway ? 4 : 0, 4));
  }
  uint32_t last_stream() const { return ReadNumber(std::string_view(payload).substr(0, 4)); }
};

inline std::vector<ParsedFrame> ParseFrames(std::string_view bytes) {
  std::vector<ParsedFrame> frames;
  while (bytes.size() >= 9) {
    const size_t size = ReadNumber(bytes.substr(0, 3));
    frames.push_back({static_cast<uint8_t>(bytes[3]), static_cast<uint8_t>(bytes[4]),
                      ReadNumber(bytes.substr(5, 4)), std::string(bytes.substr(9, size))});
    bytes.remove_prefix(std::min(bytes.size(), 9 + size));
  }
  return frames;
}

inline std::vector<ParsedFrame> OfType(const std::vector<ParsedFrame>& frames, uint8_t type) {
  std::vector<ParsedFrame> found;
  for (const ParsedFrame& frame : frames) {
    if (frame.type == type) found.push_back(frame);
  }
  return found;
}

}  // namespace outrigger::proxy::http2
