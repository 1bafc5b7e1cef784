// frame_guard.h: judges a peer by the heads of its frames (RFC 9113 4.1) before nghttp2 reads
// them: floods of frames that cost their sender nothing (CVE-2019-9511 and its kin), and what
// nghttp2 lets pass. Reads no payload but a padding's length and a PRIORITY's dependency.
#pragma once

#include <cstdint>

#include "proxy/snapshot/http_options.h"

namespace outrigger::proxy::http2 {

struct FrameHead {
  uint32_t length = 0;  // payload, without padding
  uint8_t type = 0;
  bool end_stream = false;
  uint32_t stream = 0;
  uint32_t depends_on = 0;  // PRIORITY
};

// Owner: Session. Thread-safety: confined.
class FrameGuard {
 public:
  FrameGuard(bool server, const Http2Options& options);

  // Walks on in [at, end) until it has read a whole head: then `at` is behind its last byte. False:
  // the bytes end before that.
  bool Next(const uint8_t*& at, const uint8_t* end);
  const FrameHead& head() const { return head_; }

  enum class Verdict : uint8_t {
    kPass,
    kCheckStream,  // pass, if the stream is open (see closed_streams.h)
    kEmptyFlood,
    kContinuationFlood,
    kPriorityFlood,
    kWindowUpdateFlood,
    kProtocolError,
  };
  // Counts the frame of head().
  Verdict Judge();

  void OnDataSent() { ++data_sent_; }
  // Client side: a request was sent.
  void OnStreamOpened() { ++streams_; }
  // The highest stream id that the client opened.
  uint32_t highest() const { return highest_; }
  // Header blocks begun.
  uint64_t heads() const { return heads_; }
  // The preface or a header block is not complete: nothing else can come before its end.
  bool in_head() const { return block_open_ || (block_type_ && skip_ > 0); }

 private:
  uint32_t HeadSize(const uint8_t* head) const;
  void Parse(const uint8_t* head, uint32_t size);
  Verdict JudgeData();
  Verdict JudgeHeaders();

  const bool server_;
  const uint32_t max_empty_, max_priorities_, max_window_updates_;
  FrameHead head_;
  uint64_t skip_;             // bytes of payload still to come
  uint8_t partial_[13] = {};  // the start of a head that is still to come
  uint32_t partial_size_ = 0;
  bool block_open_;          // more of a header block is to come
  bool block_type_ = false;  // the last frame is part of one
  uint32_t highest_ = 0;
  // A stream that was opened and not ended, whose DATA mostly come in a row; 0: none.
  uint32_t writing_ = 0;
  uint32_t empty_frames_ = 0;   // in a row
  uint32_t continuations_ = 0;  // of one header block
  uint64_t heads_ = 0;
  uint64_t streams_ = 0;    // that were opened
  uint64_t data_sent_ = 0;  // DATA frames
  uint64_t window_updates_ = 0;
  uint64_t priorities_ = 0;
};

}  // namespace outrigger::proxy::http2
