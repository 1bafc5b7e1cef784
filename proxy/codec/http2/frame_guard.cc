#include "proxy/codec/http2/frame_guard.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <cstring>

namespace outrigger::proxy::http2 {
namespace {

constexpr uint32_t kHead = 9;
constexpr uint32_t kMaxHead = 13;      // with a PRIORITY's dependency
constexpr uint64_t kPrefaceSize = 24;  // RFC 9113 3.4; nghttp2 looks at its text

// Big-endian (RFC 9113 2.2).
uint32_t Read32(const uint8_t* at) {
  uint32_t value;
  std::memcpy(&value, at, sizeof(value));
  return __builtin_bswap32(value);
}
uint32_t Read24(const uint8_t* at) { return Read32(at) >> 8; }  // of a head: more follows

// More than fit any head that our limits let in, in frames of the usual size.
constexpr uint32_t kMaxContinuations = 8;

bool IsPartOfHead(uint8_t type) {
  return type == NGHTTP2_HEADERS || type == NGHTTP2_CONTINUATION || type == NGHTTP2_PUSH_PROMISE;
}

bool MayBePadded(uint8_t type) { return type == NGHTTP2_DATA || type == NGHTTP2_HEADERS; }

}  // namespace

FrameGuard::FrameGuard(bool server, const Http2Options& options)
    : server_(server),
      max_empty_(options.max_consecutive_inbound_frames_with_empty_payload),
      max_priorities_(options.max_inbound_priority_frames_per_stream),
      max_window_updates_(options.max_inbound_window_update_frames_per_data_frame_sent),
      skip_(server ? kPrefaceSize : 0),
      block_open_(server) {}

bool FrameGuard::Next(const uint8_t*& at, const uint8_t* end) {
  const uint64_t skipped = std::min(skip_, static_cast<uint64_t>(end - at));
  at += skipped;
  skip_ -= skipped;
  if (partial_size_ == 0 && end - at >= kMaxHead) {
    const uint32_t size = HeadSize(at);
    Parse(at, size);
    at += size;
    return true;
  }
  while (at < end) {
    partial_[partial_size_++] = *at++;
    if (partial_size_ < kHead || partial_size_ < HeadSize(partial_)) continue;
    Parse(partial_, partial_size_);
    partial_size_ = 0;
    return true;
  }
  return false;
}

uint32_t FrameGuard::HeadSize(const uint8_t* head) const {
  const uint32_t length = Read24(head);
  if (head[3] == NGHTTP2_PRIORITY && length >= 4) return kMaxHead;
  if (MayBePadded(head[3]) && (head[4] & NGHTTP2_FLAG_PADDED) && length > 0) return kHead + 1;
  return kHead;
}

void FrameGuard::Parse(const uint8_t* head, uint32_t size) {
  constexpr uint32_t kId = 0x7fffffff;
  head_.length = Read24(head);
  head_.type = head[3];
  head_.end_stream = MayBePadded(head_.type) && (head[4] & NGHTTP2_FLAG_END_STREAM);
  head_.stream = Read32(head + 5) & kId;
  skip_ = head_.length - (size - kHead);
  block_type_ = IsPartOfHead(head_.type);
  block_open_ = block_type_ && !(head[4] & NGHTTP2_FLAG_END_HEADERS);
  if (size == kMaxHead) {
    head_.depends_on = Read32(head + kHead) & kId;
  } else if (size > kHead) {
    head_.length -= std::min(head_.length, 1u + head[kHead]);
  }
}

FrameGuard::Verdict FrameGuard::Judge() {
  switch (head_.type) {
    case NGHTTP2_DATA:
    case NGHTTP2_HEADERS:
    case NGHTTP2_CONTINUATION:
      if (head_.length > 0 || head_.end_stream) {
        empty_frames_ = 0;
      } else if (++empty_frames_ > max_empty_) {
        return Verdict::kEmptyFlood;
      }
      if (head_.type == NGHTTP2_HEADERS) return JudgeHeaders();
      if (head_.type == NGHTTP2_DATA) return JudgeData();
      return ++continuations_ > kMaxContinuations ? Verdict::kContinuationFlood : Verdict::kPass;
    case NGHTTP2_PRIORITY:
      // nghttp2 does not look at what it ignores. RFC 9113 6.3, 5.3.1 of RFC 7540.
      if (head_.stream == 0 || head_.depends_on == head_.stream) return Verdict::kProtocolError;
      if (++priorities_ > max_priorities_ * (1 + streams_)) return Verdict::kPriorityFlood;
      return Verdict::kPass;
    case NGHTTP2_WINDOW_UPDATE:
      // Envoy's measure.
      if (++window_updates_ > 5 + 2 * (streams_ + max_window_updates_ * data_sent_)) {
        return Verdict::kWindowUpdateFlood;
      }
      return Verdict::kPass;
    case NGHTTP2_RST_STREAM:
      if (head_.stream == writing_) writing_ = 0;
      return Verdict::kPass;
    default:
      return Verdict::kPass;
  }
}

FrameGuard::Verdict FrameGuard::JudgeData() {
  const bool known = !server_ || head_.stream == writing_;
  writing_ = head_.end_stream ? 0 : head_.stream;
  return known ? Verdict::kPass : Verdict::kCheckStream;
}

FrameGuard::Verdict FrameGuard::JudgeHeaders() {
  continuations_ = 0;
  ++heads_;
  if (!server_) return Verdict::kPass;
  if (head_.stream > highest_) {
    ++streams_;
    highest_ = head_.stream;
    if (!head_.end_stream) writing_ = head_.stream;
    return Verdict::kPass;
  }
  if (head_.stream == writing_) writing_ = 0;
  return Verdict::kCheckStream;
}

}  // namespace outrigger::proxy::http2
