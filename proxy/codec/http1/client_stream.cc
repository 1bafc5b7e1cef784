#include "proxy/codec/http1/client_stream.h"

#include <algorithm>

#include "proxy/codec/http1/framing_fields.h"

namespace outrigger::proxy::http1 {
namespace {

// What stands in the request line and beside it is taken apart again by the upstream: a space or a
// line's end in it would make two requests of one. Rewrites and filters have been at it.
bool CanSay(std::string_view method, std::string_view path, std::string_view authority) {
  return IsToken(method) && method != "CONNECT" && !path.empty() && AllOf(path, kPathQuery) &&
         AllOf(authority, kAuthority);
}

// A request without a body says so, unless that goes without saying (RFC 9110 8.6; the methods are
// Envoy's).
bool NeverHasBody(std::string_view method) {
  return method == "GET" || method == "HEAD" || method == "DELETE" || method == "TRACE";
}

}  // namespace

void Http1ClientStream::SendHeaders(const Headers& request, bool end) {
  if (!open() || headers_sent_) return;
  headers_sent_ = true;
  HeadLines lines;
  if (!FrameRequest(request, end, lines)) return GiveUp();
  if (request.Get(HeaderName::kMethod) == "HEAD") parser_.set_answers_head();
  codec_->out_.Push(WriteRequestHead(request, lines.view()));
  if (end) return EndRequest(nullptr);
  codec_->Writable();
}

bool Http1ClientStream::FrameRequest(const Headers& request, bool end, HeadLines& lines) {
  const std::string_view method = request.Get(HeaderName::kMethod);
  if (!CanSay(method, request.Get(HeaderName::kPath), request.Get(HeaderName::kAuthority))) {
    return false;
  }
  const std::string_view length = request.Get(HeaderName::kContentLength);
  if (ParseLength(length, length_left_)) {
    // An upstream that waits for a body which never comes would take the next request for it.
    if (end && length_left_ > 0) return false;
    framing_ = Framing::kLength;
    lines.Add("content-length: ");
    lines.Add(length);
    lines.Add("\r\n");
  } else if (!end) {
    framing_ = Framing::kChunked;
    lines.Add("transfer-encoding: chunked\r\n");
  } else if (!NeverHasBody(method)) {
    lines.Add("content-length: 0\r\n");
  }
  return true;
}

void Http1ClientStream::SendData(SliceQueue& data, bool end) {
  if (!open() || end_sent_) return data.Clear();
  const size_t size = data.bytes();
  if (framing_ == Framing::kChunked && size > 0) {
    char line[kMaxChunkLine];
    codec_->out_.PushCopy({line, WriteChunkLine(size, line)});
    data.MoveTo(codec_->out_);
    codec_->out_.Push(Slice::Static("\r\n"));
  } else if (framing_ == Framing::kLength) {
    // More than was announced would be read as the next request.
    if (size > length_left_) {
      data.Clear();
      return GiveUp();
    }
    length_left_ -= data.MoveTo(codec_->out_);
  }
  if (end) return EndRequest(nullptr);
  codec_->Writable();
}

void Http1ClientStream::SendTrailers(const Headers& request_trailers) {
  if (open() && headers_sent_ && !end_sent_) EndRequest(&request_trailers);
}

void Http1ClientStream::EndRequest(const Headers* request_trailers) {
  if (framing_ == Framing::kLength && length_left_ > 0) return GiveUp();
  end_sent_ = true;
  if (framing_ == Framing::kChunked) {
    codec_->out_.Push(request_trailers && codec_->rules_.trailers ? WriteTrailers(*request_trailers)
                                                                  : Slice::Static("0\r\n\r\n"));
  }
  codec_->Writable();
}

void Http1ClientStream::GiveUp() {
  Reset(ErrorCode::kProtocol);
  error = {ErrorCode::kProtocol, Side::kLocal, false};
  Notify();
}

void Http1ClientStream::Reset(ErrorCode) {
  if (!open()) return;
  Http1ClientCodec& codec = *codec_;
  if (codec.reading_ == Http1ClientCodec::Reading::kIdle && !codec.draining()) {
    codec.out_.Clear();
  } else {
    codec.Close();
  }
  codec.Detach(ErrorCode::kNone, Side::kLocal);
  codec.Writable();
}

size_t Http1ClientStream::send_buffered() const { return codec_ ? codec_->out_.bytes() : 0; }

void Http1ClientStream::Consume(size_t bytes) {
  if (!codec_) return;
  const bool paused = codec_->reading_paused();
  codec_->unconsumed_ -= std::min(bytes, codec_->unconsumed_);
  if (paused && !codec_->reading_paused()) codec_->Writable();
}

void Http1ClientStream::Release() {
  SetObserver(nullptr);
  Reset(ErrorCode::kNone);
  delete this;
}

}  // namespace outrigger::proxy::http1
