#include "proxy/grpc/framing.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "scheduler/base/check.h"
#include "scheduler/base/status_macros.h"
#include "scheduler/base/text.h"

namespace outrigger::proxy::grpc {

Slice FrameMessage(std::string_view message) {
  OUTRIGGER_CHECK(message.size() <= INT32_MAX);  // protobuf's own limit
  Block* block = Block::New(kPrefixBytes + message.size());
  const uint32_t length = static_cast<uint32_t>(message.size());
  const char prefix[kPrefixBytes] = {0, static_cast<char>(length >> 24),
                                     static_cast<char>(length >> 16),
                                     static_cast<char>(length >> 8), static_cast<char>(length)};
  std::memcpy(block->data(), prefix, kPrefixBytes);
  std::copy(message.begin(), message.end(), block->data() + kPrefixBytes);
  Slice slice(block, block->data(), kPrefixBytes + message.size());
  block->Unref();
  return slice;
}

absl::Status CheckEncoding(std::string_view encoding) {
  if (encoding.empty() || encoding == "identity") return absl::OkStatus();
  return absl::UnimplementedError(scheduler::Concat("grpc-encoding \"", encoding.substr(0, 64),
                                                    "\" is not supported: send identity"));
}

absl::Status MessageReader::CheckPrefix() {
  if (prefix_[0] == 1) {
    return absl::InternalError("message with the compressed flag, without a grpc-encoding");
  }
  if (prefix_[0] != 0) {
    return absl::InternalError(absl::StrCat("message with unknown flags ", prefix_[0]));
  }
  length_ = size_t{prefix_[1]} << 24 | size_t{prefix_[2]} << 16 | size_t{prefix_[3]} << 8 |
            size_t{prefix_[4]};
  if (length_ > max_message_) {
    return absl::ResourceExhaustedError(
        absl::StrCat("message of ", length_, " bytes, the limit is ", max_message_));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<std::string>> MessageReader::Read(SliceQueue& body) {
  while (true) {
    if (prefix_size_ == kPrefixBytes && message_.size() == length_) {
      prefix_size_ = 0;
      return std::exchange(message_, {});
    }
    if (body.empty()) return std::nullopt;
    const std::string_view front = body.front().view();
    size_t taken;
    if (prefix_size_ < kPrefixBytes) {
      taken = std::min(front.size(), kPrefixBytes - prefix_size_);
      std::memcpy(prefix_ + prefix_size_, front.data(), taken);
      prefix_size_ += taken;
      if (prefix_size_ == kPrefixBytes) OUTRIGGER_RETURN_IF_ERROR(CheckPrefix());
    } else {
      taken = std::min(front.size(), length_ - message_.size());
      message_.append(front.data(), taken);
    }
    body.Drain(taken);
  }
}

}  // namespace outrigger::proxy::grpc
