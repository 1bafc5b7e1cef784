// framing.h: gRPC's messages in a body: a flag byte, a length of four bytes (big endian), the
// message. Flow: codec's body bytes -> MessageReader -> protobuf; and back by FrameMessage().
// Compression is not spoken: what declares it is refused, with the code that the gRPC spec names.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "proxy/codec/buffer/slice.h"

namespace outrigger::proxy::grpc {

inline constexpr size_t kPrefixBytes = 5;
inline constexpr size_t kDefaultMaxMessage = 4 * 1024 * 1024;

// `message` with its prefix.
Slice FrameMessage(std::string_view message);

// OK if a message under this grpc-encoding ("" if there is no such header) can be read here.
absl::Status CheckEncoding(std::string_view encoding);

// Cuts a body into messages as its bytes come.
//
// Owner: the call. Thread-safety: confined.
class MessageReader {
 public:
  explicit MessageReader(size_t max_message = kDefaultMaxMessage) : max_message_(max_message) {}

  // Takes from the front of `body` what belongs to the next message. That message, or nullopt if
  // more bytes are needed. After an error (kResourceExhausted: longer than the maximum; kInternal:
  // no such frame) the body makes no sense any more.
  // Memory grows with the bytes that came, not with the length that was announced.
  absl::StatusOr<std::optional<std::string>> Read(SliceQueue& body);

  // True between two messages: only here may a body end.
  bool at_boundary() const { return prefix_size_ == 0; }
  // Bytes held of a message that is not complete.
  size_t buffered() const { return message_.size(); }

 private:
  absl::Status CheckPrefix();

  const size_t max_message_;
  uint8_t prefix_[kPrefixBytes];
  size_t prefix_size_ = 0;
  size_t length_ = 0;  // once the prefix is complete
  std::string message_;
};

}  // namespace outrigger::proxy::grpc
