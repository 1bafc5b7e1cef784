// closed_streams.h: the streams that closed last, and how: what comes for them is an error or is to
// be ignored (RFC 9113 5.1), and nghttp2 has forgotten them. Bounded.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace outrigger::proxy::http2 {

// Owner: Session, server side. Thread-safety: confined.
class ClosedStreams {
 public:
  enum class How : uint8_t {
    kNever = 0,  // no such stream was opened
    kEnded = 1,  // the peer ended it
    kPeerReset = 2,
    kReset = 3,      // this side reset it: frames may still be on their way
    kForgotten = 4,  // it was opened, perhaps, too long ago
  };

  // `how` kEnded, kPeerReset or kReset; `id` is odd: a client's.
  void Add(uint32_t id, How how) {
    Entry& place = ring_[next_];
    forgotten_ = std::max(forgotten_, place.id());
    place = {id, how};
    next_ = (next_ + 1) % ring_.size();
  }
  // Of a stream that is not open, below the highest that was.
  How Find(uint32_t id) const {
    for (const Entry& entry : ring_) {
      if (entry.id() == id) return entry.how();
    }
    return id <= forgotten_ ? How::kForgotten : How::kNever;
  }

 private:
  // An odd id and a How in four bytes.
  struct Entry {
    Entry() = default;
    Entry(uint32_t id, How how) : bits((id >> 1) << 2 | static_cast<uint32_t>(how)) {}
    uint32_t id() const { return bits == 0 ? 0 : (bits >> 2) << 1 | 1; }
    How how() const { return static_cast<How>(bits & 3); }
    uint32_t bits = 0;
  };

  std::array<Entry, 64> ring_{};
  size_t next_ = 0;
  uint32_t forgotten_ = 0;  // the highest id that had to make room
};

}  // namespace outrigger::proxy::http2
