#include "proxy/codec/http1/server_stream.h"

#include <algorithm>

#include "proxy/codec/http1/framing_fields.h"
#include "proxy/codec/http1/message_writer.h"
#include "proxy/codec/http1/server_codec.h"

namespace outrigger::proxy::http1 {
namespace {

int StatusOf(const Headers& headers) {
  const std::string_view text = headers.Get(HeaderName::kStatus);
  int status = 0;
  for (const char c : text) {
    if (!IsDigit(static_cast<unsigned char>(c))) return 500;
    status = status * 10 + (c - '0');
  }
  return text.size() == 3 && status >= 200 ? status : 500;
}

}  // namespace

void Http1Stream::SendInformational(int status) {
  // RFC 9110 15.2: HTTP/1.0 knows no 1xx.
  if (!open() || headers_sent_ || http_version() == 10) return;
  if (status < 100 || status > 199 || status == 101) return;
  Arena none;
  codec_->out_.Push(WriteResponseHead(11, status, Headers(none), {}));
  codec_->Writable();
}

void Http1Stream::SendHeaders(const Headers& response, bool end) {
  if (!open() || headers_sent_) return;
  headers_sent_ = true;
  const int status = StatusOf(response);
  HeadLines lines;
  FrameResponse(status, response, end, lines);
  codec_->out_.Push(WriteResponseHead(http_version(), status, response, lines.view()));
  if (end) return EndResponse(nullptr);
  codec_->Writable();
}

void Http1Stream::FrameResponse(int status, const Headers& response, bool end, HeadLines& lines) {
  const RequestHead& request = parser_.head();
  const std::string_view length = response.Get(HeaderName::kContentLength);
  const bool has_length = ParseLength(length, length_left_);
  if (has_length && status != 204) {
    lines.Add("content-length: ");
    lines.Add(length);
    lines.Add("\r\n");
  }
  if (request.is_head || status == 204 || status == 304) {
    framing_ = Framing::kNone;
    // What a GET would have had, as Envoy says it.
    if (request.is_head && !has_length && status != 204 && status != 304 && request.version == 11) {
      lines.Add("transfer-encoding: chunked\r\n");
    }
  } else if (has_length) {
    framing_ = Framing::kLength;
  } else if (end) {
    framing_ = Framing::kNone;
    lines.Add("content-length: 0\r\n");
  } else if (request.version == 11) {
    framing_ = Framing::kChunked;
    lines.Add("transfer-encoding: chunked\r\n");
  } else {
    framing_ = Framing::kUntilClose;
  }
  for (std::string_view list = response.Get(HeaderName::kConnection), element;
       NextElement(list, element);) {
    if (EqualsIgnoreCase(element, "close")) keep_alive_ = false;
  }
  // A request that is still coming when its answer is complete would have to be read for nothing.
  if (!request.keep_alive || codec_->draining_ || framing_ == Framing::kUntilClose ||
      (end && !end_received)) {
    keep_alive_ = false;
  }
  if (!keep_alive_) {
    lines.Add("connection: close\r\n");
  } else if (request.version == 10) {
    lines.Add("connection: keep-alive\r\n");
  }
}

void Http1Stream::SendData(SliceQueue& data, bool end) {
  if (!open() || !headers_sent_) return data.Clear();
  switch (framing_) {
    case Framing::kNone:
      data.Clear();
      break;
    case Framing::kLength:
      if (data.bytes() > length_left_) {
        // More than was announced would be read as the next response.
        keep_alive_ = false;
        for (SliceQueue all = std::move(data); !all.empty() && length_left_ > 0;) {
          const Slice slice = all.Pop();
          const size_t part = static_cast<size_t>(std::min<uint64_t>(slice.size(), length_left_));
          codec_->out_.Push(slice.Prefix(part));
          length_left_ -= part;
        }
        data.Clear();
      } else {
        length_left_ -= data.MoveTo(codec_->out_);
      }
      break;
    case Framing::kChunked:
      if (!data.empty()) {
        char line[kMaxChunkLine];
        const size_t size = WriteChunkLine(data.bytes(), line);
        codec_->out_.Push(Slice::Copy({line, size}));
        data.MoveTo(codec_->out_);
        codec_->out_.Push(Slice::Static("\r\n"));
      }
      break;
    case Framing::kUntilClose:
      data.MoveTo(codec_->out_);
      break;
  }
  if (end) return EndResponse(nullptr);
  codec_->Writable();
}

void Http1Stream::SendTrailers(const Headers& response_trailers) {
  if (!open() || !headers_sent_) return;
  EndResponse(&response_trailers);
}

void Http1Stream::EndResponse(const Headers* response_trailers) {
  if (framing_ == Framing::kChunked) {
    codec_->out_.Push(response_trailers ? WriteTrailers(*response_trailers)
                                        : Slice::Static("0\r\n\r\n"));
  }
  // Less than was announced: only the end of the connection tells the peer.
  if (framing_ == Framing::kLength && length_left_ > 0) keep_alive_ = false;
  codec_->ResponseDone();
}

void Http1Stream::Reset(ErrorCode) {
  if (!open()) return;
  Http1ServerCodec& codec = *codec_;
  codec.Close();
  codec.Detach(ErrorCode::kNone, Side::kLocal);
  codec.Writable();
}

size_t Http1Stream::send_buffered() const { return codec_ ? codec_->out_.bytes() : 0; }

void Http1Stream::Consume(size_t bytes) {
  if (!codec_) return;
  const bool paused = codec_->reading_paused();
  codec_->unconsumed_ -= std::min(bytes, codec_->unconsumed_);
  if (paused && !codec_->reading_paused()) codec_->Writable();
}

void Http1Stream::Release() {
  SetObserver(nullptr);
  released_ = true;
  if (!codec_) {
    delete this;
  } else {
    Reset(ErrorCode::kNone);
  }
}

}  // namespace outrigger::proxy::http1
