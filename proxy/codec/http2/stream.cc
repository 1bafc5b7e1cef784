#include "proxy/codec/http2/stream.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>
#include <vector>

#include "proxy/codec/http2/callbacks.h"

namespace outrigger::proxy::http2 {
namespace {

uint32_t ToHttp2(ErrorCode code) {
  switch (code) {
    case ErrorCode::kNone:
      return NGHTTP2_NO_ERROR;
    case ErrorCode::kRefused:
    case ErrorCode::kOverflow:
      return NGHTTP2_REFUSED_STREAM;
    case ErrorCode::kProtocol:
    case ErrorCode::kHeadersTooLarge:
      return NGHTTP2_PROTOCOL_ERROR;
    case ErrorCode::kReset:
    case ErrorCode::kTimeout:
    case ErrorCode::kIdleTimeout:
      return NGHTTP2_CANCEL;
    default:
      return NGHTTP2_INTERNAL_ERROR;
  }
}

// Bytes that the streams of a connection hold for the peer, above which none takes more.
constexpr size_t kMaxBacklog = 1024 * 1024;
// And above which a stream that its peer has stopped by itself is given up: so many are no pause.
constexpr size_t kMostStopped = 3 * kMaxBacklog;

// The list as nghttp2 wants it, on the stack for usual sizes. Names and values are not copied: they
// live in an arena that outlives the frame (see Stream::SendHeaders).
class NvList {
 public:
  explicit NvList(const Headers& headers) : size_(headers.size()) {
    if (size_ > inline_.size()) {
      heap_.resize(size_);
      nv_ = heap_.data();
    }
    size_t i = 0;
    for (const Header& header : headers) {
      // A request id is never seen again: indexing it would push useful entries out of both tables.
      const bool no_index = header.never_index || header.id == HeaderName::kXRequestId;
      const uint8_t flags = NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE |
                            (no_index ? NGHTTP2_NV_FLAG_NO_INDEX : 0);
      nv_[i++] = {reinterpret_cast<uint8_t*>(const_cast<char*>(header.name.data())),
                  reinterpret_cast<uint8_t*>(const_cast<char*>(header.value.data())),
                  header.name.size(), header.value.size(), flags};
    }
  }
  const nghttp2_nv* data() const { return nv_; }
  size_t size() const { return size_; }

 private:
  size_t size_;
  std::array<nghttp2_nv, 48> inline_;
  std::vector<nghttp2_nv> heap_;
  nghttp2_nv* nv_ = inline_.data();
};

}  // namespace

Http2Stream::Http2Stream(Session& session) : session_(&session), trailers_out_(arena) {
  next_ = session.streams_;
  if (next_) next_->prev_ = this;
  session.streams_ = this;
  ++session.open_streams_;
  session.AddGauge(&Http2Stats::streams_active, 1);
}

void Http2Stream::SendInformational(int status) {
  if (!open() || headers_sent_ || status < 100 || status > 199 || status == 101) return;
  char text[4] = {static_cast<char>('0' + status / 100), static_cast<char>('0' + status / 10 % 10),
                  static_cast<char>('0' + status % 10), 0};
  const nghttp2_nv nv = {reinterpret_cast<uint8_t*>(const_cast<char*>(":status")),
                         reinterpret_cast<uint8_t*>(text), 7, 3, NGHTTP2_NV_FLAG_NONE};
  nghttp2_submit_headers(session_->session_, NGHTTP2_FLAG_NONE, id_, nullptr, &nv, 1, nullptr);
  session_->MarkWritable();
}

void Http2Stream::SendHeaders(const Headers& headers, bool end) {
  if (!open() || headers_sent_) return;
  headers_sent_ = true;
  out_end_ = end;
  const NvList nv(headers);
  nghttp2_data_provider body;
  body.source.ptr = this;
  body.read_callback = &Callbacks::ReadBody;
  if (session_->server_) {
    nghttp2_submit_response(session_->session_, id_, nv.data(), nv.size(), end ? nullptr : &body);
  } else {
    const int32_t id = nghttp2_submit_request(session_->session_, nullptr, nv.data(), nv.size(),
                                              end ? nullptr : &body, this);
    if (id < 0) {  // stream ids are used up: the connection can open no more
      Close(ErrorCode::kRefused, Side::kUpstream, /*retry=*/true);
      return;
    }
    id_ = id;
    session_->guard_.OnStreamOpened();
  }
  session_->MarkWritable();
}

void Http2Stream::SendData(SliceQueue& data, bool end) {
  if (!open() || out_end_) {
    data.Clear();
    return;
  }
  session_->backlog_ += data.MoveTo(out_);
  out_end_ = end;
  if (session_->server_ && session_->backlog_ > kMostStopped &&
      nghttp2_session_get_stream_remote_window_size(session_->session_, id_) <= 0) {
    session_->Count(&Http2Stats::outbound_flood);
    return Reset(ErrorCode::kOverflow);
  }
  Resume();
}

void Http2Stream::SendTrailers(const Headers& trailers) {
  if (!open() || out_end_) return;
  if (session_->server_) {
    for (const Header& header : trailers) trailers_out_.AddRaw(header);
  } else {
    // The downstream stream keeps this one alive, and not the other way round: a window may hold
    // the trailers back until the arena they lie in has gone.
    trailers_out_.CopyFrom(trailers);
  }
  out_end_ = true;
  Resume();
}

void Http2Stream::Resume() {
  if (!headers_sent_) return;
  if (deferred_) {
    deferred_ = false;
    nghttp2_session_resume_data(session_->session_, id_);
  }
  session_->MarkWritable();
}

void Http2Stream::Reset(ErrorCode code) {
  if (session_ == nullptr || reset_) return;
  reset_ = true;
  if (id_ < 0) {  // never sent: nothing to tell the peer
    Close(code, Side::kLocal, false);
    return;
  }
  if (session_->server_ && headers_sent_) {
    // Behind what was sent before: nghttp2 would drop what it still has of the stream.
    session_->due_resets_.push_back({id_, ToHttp2(code)});
  } else {
    nghttp2_submit_rst_stream(session_->session_, NGHTTP2_FLAG_NONE, id_, ToHttp2(code));
  }
  session_->MarkWritable();
}

size_t Http2Stream::send_buffered() const {
  // Many streams of one connection share what one may hold: else a peer that shuts its windows has
  // us keep as many buffers as it has streams. One that holds nothing may always go on.
  const bool full = session_ != nullptr && session_->backlog_ > kMaxBacklog && !out_.empty();
  return full ? std::max(out_.bytes(), kMaxBacklog) : out_.bytes();
}

void Http2Stream::Consume(size_t bytes) {
  if (session_ == nullptr || id_ < 0 || bytes == 0) return;
  nghttp2_session_consume_stream(session_->session_, id_, bytes);
  session_->MarkWritable();
}

void Http2Stream::Release() {
  handler_gone_ = true;
  SetObserver(nullptr);
  if (session_ != nullptr) {
    if (id_ < 0) {
      Close(ErrorCode::kReset, Side::kLocal, false);
    } else if (!out_end_ || !headers_sent_) {
      Reset(ErrorCode::kReset);
    } else if (!session_->server_ && (!end_received || !end_sent_)) {
      Reset(ErrorCode::kReset);
    }
    body.Clear();
  }
  if (session_ != nullptr && lingers()) session_->OnStall(/*head=*/false);
  Unref();
}

void Http2Stream::Close(ErrorCode code, Side side, bool retry) {
  if (session_ == nullptr) return;
  (prev_ ? prev_->next_ : session_->streams_) = next_;
  if (next_) next_->prev_ = prev_;
  --session_->open_streams_;
  session_->AddGauge(&Http2Stats::streams_active, -1);
  session_->backlog_ -= out_.bytes();
  Session& session = *session_;
  if (session.heading_ == this) session.heading_ = nullptr;
  session_ = nullptr;
  out_.Clear();
  if (code != ErrorCode::kNone && !error) error = {code, side, retry};
  Notify();
  NotifyClosed();
  session.OnStreamClosed();
  if (session.last_goaway_due_) session.MarkWritable();
  Unref();
}

}  // namespace outrigger::proxy::http2
