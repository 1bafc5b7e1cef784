#include "proxy/codec/http2/callbacks.h"

#include <algorithm>
#include <utility>

#include "proxy/codec/http2/session.h"
#include "proxy/codec/http2/stream.h"

namespace outrigger::proxy::http2 {
namespace {

// Below this a copy costs less than a counted reference, an iovec and a 9-byte frame head of its
// own; it also keeps a small body from pinning a large read block.
constexpr size_t kCopyBelow = 2048;
constexpr uint32_t kMaxCookieCrumbs = 256;
// Heads over the limits that one connection may send.
constexpr uint32_t kMaxOversizeHeads = 3;

Session& Self(void* self) { return *static_cast<Session*>(self); }

Http2Stream* Find(nghttp2_session* session, int32_t id) {
  return static_cast<Http2Stream*>(nghttp2_session_get_stream_user_data(session, id));
}

bool IsInformational(const Headers& headers) {
  const std::string_view status = headers.Get(HeaderName::kStatus);
  return status.size() == 3 && status[0] == '1';
}

}  // namespace

nghttp2_session_callbacks* Callbacks::Table() {
  static nghttp2_session_callbacks* const table = [] {
    nghttp2_session_callbacks* made;
    nghttp2_session_callbacks_new(&made);
    nghttp2_session_callbacks_set_on_begin_headers_callback(made, &OnBeginHeaders);
    nghttp2_session_callbacks_set_on_header_callback(made, &OnHeader);
    nghttp2_session_callbacks_set_on_frame_recv_callback(made, &OnFrame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(made, &OnData);
    nghttp2_session_callbacks_set_on_stream_close_callback(made, &OnClose);
    nghttp2_session_callbacks_set_on_invalid_header_callback(made, &OnInvalidHeader);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(made, &OnInvalidFrame);
    nghttp2_session_callbacks_set_send_data_callback(made, &SendData);
    nghttp2_session_callbacks_set_on_frame_send_callback(made, &OnFrameSent);
    return made;
  }();
  return table;
}

int Callbacks::OnBeginHeaders(nghttp2_session* session, const nghttp2_frame* frame, void* self) {
  // A push that was sent before our SETTINGS (which forbid it) arrived: reset.
  if (frame->hd.type != NGHTTP2_HEADERS) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  Session& codec = Self(self);
  if (frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
    Http2Stream* stream = new Http2Stream(codec);
    stream->id_ = frame->hd.stream_id;
    nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, stream);
    codec.heading_ = stream;
    return 0;
  }
  codec.heading_ = Find(session, frame->hd.stream_id);
  if (Http2Stream* stream = codec.heading_) {
    stream->header_count_ = stream->crumb_count_ = 0;
    // Trailers count anew; interim responses add up, for their bytes stay in the arena.
    if (stream->headers_complete) stream->header_bytes_ = 0;
  }
  return 0;
}

int Callbacks::RefuseHead(Session& codec, Http2Stream& stream) {
  codec.Count(&Http2Stats::header_overflow);
  if (stream.crumb_count_ > kMaxCookieCrumbs) {
    codec.Count(&Http2Stats::cookies_total_bytes_too_large);
  }
  stream.error = {ErrorCode::kHeadersTooLarge, codec.server_ ? Side::kDownstream : Side::kUpstream,
                  false};
  // What is refused is decoded to its end all the same: not for ever.
  if (++codec.oversize_heads_ > kMaxOversizeHeads) {
    return codec.FailCallback(NGHTTP2_ENHANCE_YOUR_CALM);
  }
  nghttp2_submit_rst_stream(codec.session_, NGHTTP2_FLAG_NONE, stream.id_,
                            NGHTTP2_ENHANCE_YOUR_CALM);
  return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

int Callbacks::OnHeader(nghttp2_session*, const nghttp2_frame*, const uint8_t* name,
                        size_t name_size, const uint8_t* value, size_t value_size, uint8_t flags,
                        void* self) {
  Session& codec = Self(self);
  Http2Stream* stream = codec.heading_;  // found once a block, not once a field
  if (!stream) return 0;
  const std::string_view text(reinterpret_cast<const char*>(name), name_size);
  const HeaderName id = LookupHeader(text);
  // Fields are counted as well as bytes: a one-byte HPACK reference costs us a whole entry
  // (CVE-2026-47774). Cookies come as crumbs (RFC 9113 8.2.3), honest ones by the dozen, so they
  // have a limit of their own. The 32 octets are RFC 9113 6.5.2's overhead.
  stream->header_bytes_ += static_cast<uint32_t>(name_size + value_size + 32);
  const bool too_many = id == HeaderName::kCookie
                            ? ++stream->crumb_count_ > kMaxCookieCrumbs
                            : ++stream->header_count_ > codec.limits_.max_count;
  if (too_many || stream->header_bytes_ > codec.limits_.max_bytes) {
    return RefuseHead(codec, *stream);
  }
  Headers& list = stream->headers_complete ? stream->trailers : stream->headers;
  if (id == HeaderName::kHost && codec.server_ && !stream->headers_complete) {
    // RFC 9113 8.3.1: host stands in for :authority where that is missing, else it goes.
    if (!list.Find(HeaderName::kAuthority)) {
      list.Set(HeaderName::kAuthority, {reinterpret_cast<const char*>(value), value_size});
    }
    return 0;
  }
  list.AddRaw({id == HeaderName::kOther ? stream->arena.Copy(text) : HeaderText(id),
               stream->arena.Copy({reinterpret_cast<const char*>(value), value_size}), id,
               (flags & NGHTTP2_NV_FLAG_NO_INDEX) != 0});
  return 0;
}

int Callbacks::OnFrame(nghttp2_session* session, const nghttp2_frame* frame, void* self) {
  Session& codec = Self(self);
  switch (frame->hd.type) {
    case NGHTTP2_HEADERS: {
      Http2Stream* stream = std::exchange(codec.heading_, nullptr);
      if (!stream) return 0;
      const bool end = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
      stream->end_received = end;
      if (!stream->headers_complete) {
        if (!codec.server_ && IsInformational(stream->headers)) {
          const std::string_view status = stream->headers.Get(HeaderName::kStatus);
          stream->informational =
              static_cast<uint16_t>(100 + (status[1] - '0') * 10 + status[2] - '0');
          stream->headers.Clear();
        } else {
          stream->headers_complete = true;
          if (codec.server_) {
            codec.OnRequest(*stream);
            return 0;
          }
        }
      }
      if (end && !stream->trailers.empty()) codec.Count(&Http2Stats::trailers);
      stream->Notify();
      return 0;
    }
    case NGHTTP2_DATA:
      if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) {
        if (Http2Stream* stream = Find(session, frame->hd.stream_id)) {
          stream->end_received = true;
          stream->Notify();
        }
      }
      return 0;
    case NGHTTP2_RST_STREAM:
      codec.Count(&Http2Stats::rx_reset);
      if (frame->rst_stream.error_code == NGHTTP2_REFUSED_STREAM) {
        codec.Count(&Http2Stats::stream_refused_errors);
      }
      if (Http2Stream* stream = Find(session, frame->hd.stream_id)) stream->peer_reset_ = true;
      codec.TakeGlitch();
      return 0;
    case NGHTTP2_SETTINGS:
      codec.OnStreamClosed();  // the peer's stream limit may have grown
      return 0;
    case NGHTTP2_PING:
      // Our own ping came back: if it was sent with the first GOAWAY, the peer has seen that.
      if (frame->hd.flags & NGHTTP2_FLAG_ACK) {
        codec.pings_unanswered_ = 0;
        codec.EndDrain();
      }
      return 0;
    case NGHTTP2_GOAWAY:
      codec.goaway_received_ = true;
      codec.OnStreamClosed();
      return 0;
    default:
      return 0;
  }
}

int Callbacks::OnData(nghttp2_session* session, uint8_t, int32_t id, const uint8_t* data,
                      size_t size, void* self) {
  Session& codec = Self(self);
  // The connection's window opens at once: one slow reader must not stop its neighbours. What a
  // stream may hold here is bounded by its own window, which opens when the handler consumes.
  nghttp2_session_consume_connection(session, size);
  Http2Stream* stream = Find(session, id);
  if (!stream || stream->handler_gone_) {
    nghttp2_session_consume_stream(session, id, size);
    return 0;
  }
  const char* bytes = reinterpret_cast<const char*>(data);
  stream->received += size;
  if (size < kCopyBelow) {
    stream->body.PushCopy({bytes, size});
  } else {
    stream->body.Push(Slice(codec.input_->block(), bytes, size));
  }
  stream->Notify();
  return 0;
}

int Callbacks::OnClose(nghttp2_session* session, int32_t id, uint32_t error, void* self) {
  Http2Stream* stream = Find(session, id);
  if (!stream) return 0;
  Session& codec = Self(self);
  const Side peer = codec.server_ ? Side::kDownstream : Side::kUpstream;
  if (codec.server_) {
    codec.closed_.Add(static_cast<uint32_t>(id), stream->end_received ? ClosedStreams::How::kEnded
                                                 : stream->peer_reset_
                                                     ? ClosedStreams::How::kPeerReset
                                                     : ClosedStreams::How::kReset);
  }
  nghttp2_session_set_stream_user_data(session, id, nullptr);
  ErrorCode code = ErrorCode::kNone;
  if (error == NGHTTP2_REFUSED_STREAM) {
    code = ErrorCode::kRefused;
  } else if (error == NGHTTP2_PROTOCOL_ERROR) {
    code = ErrorCode::kProtocol;
  } else if (error != NGHTTP2_NO_ERROR || !stream->end_received || !stream->out_end_) {
    code = ErrorCode::kReset;
  }
  stream->Close(code, stream->reset_ ? Side::kLocal : peer, error == NGHTTP2_REFUSED_STREAM);
  return 0;
}

int Callbacks::OnFrameSent(nghttp2_session* session, const nghttp2_frame* frame, void* self) {
  switch (frame->hd.type) {
    case NGHTTP2_DATA:
      Self(self).guard_.OnDataSent();
      break;
    case NGHTTP2_HEADERS:
      break;
    case NGHTTP2_RST_STREAM: {
      Self(self).Count(&Http2Stats::tx_reset);
      // Not of our handler's making: the peer's fault.
      const Http2Stream* stream = Find(session, frame->hd.stream_id);
      if (frame->rst_stream.error_code != NGHTTP2_NO_ERROR && stream && !stream->reset_) {
        Self(self).TakeGlitch();
      }
      return 0;
    }
    case NGHTTP2_GOAWAY:  // of nghttp2's own making, when the peer broke the protocol
      Self(self).Count(&Http2Stats::goaway_sent);
      if (frame->goaway.error_code != NGHTTP2_NO_ERROR) Self(self).broken_ = true;
      return 0;
    default:
      return 0;
  }
  if (!(frame->hd.flags & NGHTTP2_FLAG_END_STREAM)) return 0;
  Http2Stream* stream = Find(session, frame->hd.stream_id);
  if (!stream) return 0;
  stream->end_sent_ = true;
  // The answer is out before the request's end: the rest is not wanted (RFC 9113 8.1).
  if (Self(self).server_ && !stream->end_received) {
    nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_NO_ERROR);
  }
  return 0;
}

int Callbacks::OnInvalidHeader(nghttp2_session*, const nghttp2_frame*, const uint8_t*, size_t,
                               const uint8_t*, size_t, uint8_t, void*) {
  // nghttp2 would drop the field and go on; RFC 9113 8.2.1 wants the message refused.
  return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

int Callbacks::OnInvalidFrame(nghttp2_session*, const nghttp2_frame*, int error, void* self) {
  if (error != NGHTTP2_ERR_HTTP_HEADER && error != NGHTTP2_ERR_HTTP_MESSAGING) return 0;
  Session& codec = Self(self);
  codec.Count(&Http2Stats::rx_messaging_error);
  return codec.options_.stream_error_on_invalid_http_message
             ? 0
             : codec.FailCallback(NGHTTP2_PROTOCOL_ERROR);
}

ssize_t Callbacks::ReadBody(nghttp2_session* session, int32_t id, uint8_t* buffer, size_t size,
                            uint32_t* flags, nghttp2_data_source* source, void* self) {
  Http2Stream& stream = *static_cast<Http2Stream*>(source->ptr);
  const size_t n = std::min(size, stream.out_.bytes());
  if (n == 0 && !stream.out_end_) {
    stream.deferred_ = true;
    return NGHTTP2_ERR_DEFERRED;
  }
  if (n == stream.out_.bytes() && stream.out_end_) {
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (!stream.trailers_out_.empty()) {
      *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
      SubmitTrailers(session, id, stream);
    }
  }
  if (n >= kCopyBelow) {
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;  // SendData() moves the slices
    return static_cast<ssize_t>(n);
  }
  Self(self).backlog_ -= n;
  for (size_t left = n; left > 0;) {
    const std::string_view front = stream.out_.front().view();
    const size_t part = std::min(left, front.size());
    std::copy_n(front.data(), part, reinterpret_cast<char*>(buffer));
    buffer += part;
    left -= part;
    stream.out_.Drain(part);
  }
  if (n > 0) stream.Notify();  // room below the send watermark
  return static_cast<ssize_t>(n);
}

int Callbacks::SendData(nghttp2_session*, nghttp2_frame* frame, const uint8_t* head, size_t size,
                        nghttp2_data_source* source, void* self) {
  Session& codec = Self(self);
  // nghttp2 would go on with frame after frame in one call; it comes back with this one.
  if (codec.out_->bytes() >= codec.out_limit_) return NGHTTP2_ERR_WOULDBLOCK;
  Http2Stream& stream = *static_cast<Http2Stream*>(source->ptr);
  codec.AppendBytes(head, 9);
  if (frame->data.padlen > 0) {
    const uint8_t pad = static_cast<uint8_t>(frame->data.padlen - 1);
    codec.AppendBytes(&pad, 1);
  }
  codec.FlushTail();
  codec.backlog_ -= size;
  while (size > 0) {
    const Slice& front = stream.out_.front();
    if (front.size() <= size) {
      size -= front.size();
      codec.out_->Push(stream.out_.Pop());
    } else {
      codec.out_->Push(front.Prefix(size));
      stream.out_.Drain(size);
      size = 0;
    }
  }
  stream.Notify();
  return 0;
}

void Callbacks::SubmitTrailers(nghttp2_session* session, int32_t id, Http2Stream& stream) {
  std::vector<nghttp2_nv> nv;
  nv.reserve(stream.trailers_out_.size());
  for (const Header& header : stream.trailers_out_) {
    nv.push_back({reinterpret_cast<uint8_t*>(const_cast<char*>(header.name.data())),
                  reinterpret_cast<uint8_t*>(const_cast<char*>(header.value.data())),
                  header.name.size(), header.value.size(),
                  NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE});
  }
  nghttp2_submit_trailer(session, id, nv.data(), nv.size());
}

}  // namespace outrigger::proxy::http2
