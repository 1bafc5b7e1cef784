#include "proxy/codec/http1/client_codec.h"

#include <algorithm>
#include <utility>

#include "proxy/codec/http1/client_stream.h"

namespace outrigger::proxy::http1 {
namespace {

// Below this a copy costs less than a reference, and pins no block that was read into.
constexpr size_t kCopyBelow = 2048;

}  // namespace

Http1ClientCodec::~Http1ClientCodec() { Abort(ErrorCode::kConnectionClosed); }

Stream& Http1ClientCodec::OpenStream() {
  stream_ = new Http1ClientStream(*this, rules_);
  return *stream_;
}

bool Http1ClientCodec::Feed(const Slice& input) {
  feeding_ = true;
  std::string_view left = input.view();
  while (!closed_ && !left.empty() && Step(input, left)) {
  }
  feeding_ = false;
  return true;
}

bool Http1ClientCodec::Step(const Slice& input, std::string_view& left) {
  switch (reading_) {
    case Reading::kIdle:
      Unasked(left);
      return false;
    case Reading::kHead:
      return StepHead(left);
    case Reading::kLength: {
      const std::string_view data =
          left.substr(0, static_cast<size_t>(std::min<uint64_t>(length_left_, left.size())));
      left.remove_prefix(data.size());
      length_left_ -= data.size();
      Body(input, data);
      if (length_left_ > 0) return true;
      EndResponse(left);
      return false;
    }
    case Reading::kChunks:
      return StepChunks(input, left);
    case Reading::kTrailers:
      return StepTrailers(left);
    case Reading::kUntilClose:
      Body(input, std::exchange(left, {}));
      return false;
  }
  return false;
}

bool Http1ClientCodec::StepHead(std::string_view& left) {
  Http1ClientStream& stream = *stream_;
  switch (stream.parser_.Feed(left)) {
    case ParseResult::kMore:
      return true;
    case ParseResult::kError:
      Fail(stream.parser_.error());
      return false;
    case ParseResult::kDone:
      break;
  }
  const ResponseHead& head = stream.parser_.head();
  if (head.informational()) {
    stream.informational = static_cast<uint16_t>(head.status);
    stream.parser_.Restart();
    stream.Notify();
    return true;
  }
  stream.headers_complete = true;
  if (!head.keep_alive) close_received_ = true;
  switch (head.body) {
    case ResponseHead::Body::kNone:
      EndResponse(left);
      return false;
    case ResponseHead::Body::kLength:
      reading_ = Reading::kLength;
      length_left_ = head.content_length;
      break;
    case ResponseHead::Body::kChunked:
      reading_ = Reading::kChunks;
      chunks_ = ChunkedDecoder();
      break;
    case ResponseHead::Body::kUntilClose:
      reading_ = Reading::kUntilClose;
      break;
  }
  stream.Notify();
  return true;
}

bool Http1ClientCodec::StepChunks(const Slice& input, std::string_view& left) {
  std::string_view data;
  switch (chunks_.Next(left, data)) {
    case ParseResult::kMore:
      if (!data.empty()) Body(input, data);
      return true;
    case ParseResult::kError:
      Fail(chunks_.error());
      return false;
    case ParseResult::kDone:
      reading_ = Reading::kTrailers;
      return true;
  }
  return false;
}

bool Http1ClientCodec::StepTrailers(std::string_view& left) {
  switch (stream_->trailer_parser_.Feed(left)) {
    case ParseResult::kMore:
      return true;
    case ParseResult::kError:
      Fail(stream_->trailer_parser_.error());
      return false;
    case ParseResult::kDone:
      break;
  }
  if (!rules_.trailers) stream_->trailers.Clear();
  EndResponse(left);
  return false;
}

void Http1ClientCodec::Body(const Slice& input, std::string_view data) {
  if (data.size() < kCopyBelow) {
    stream_->body.PushCopy(data);
  } else {
    stream_->body.Push(Slice(input.block(), data.data(), data.size()));
  }
  stream_->received += data.size();
  unconsumed_ += data.size();
  stream_->Notify();
}

void Http1ClientCodec::EndResponse(std::string_view left) {
  stream_->end_received = true;
  // A request that is still on its way would have to be sent for nothing, and what follows an
  // answer could be taken for the next one.
  if (!left.empty()) {
    Unasked(left);
  } else if (draining() || !stream_->end_sent_ || !out_.empty()) {
    Close();
  }
  stream_->Notify();
  Detach(ErrorCode::kNone, Side::kUpstream);
}

void Http1ClientCodec::Unasked(std::string_view bytes) {
  // A server that is tired of waiting for a request says so; that is no fault.
  const bool tired =
      !stream_ && (bytes.starts_with("HTTP/1.1 408") || bytes.starts_with("HTTP/1.0 408"));
  if (!tired) {
    error_ = {502, "bytes that nobody asked for"};
    failed_ = true;
  }
  Close();
}

void Http1ClientCodec::Fail(const ParseError& error) {
  error_ = error;
  failed_ = true;
  Close();
  Detach(error.status == 431 ? ErrorCode::kHeadersTooLarge : ErrorCode::kProtocol, Side::kUpstream);
}

void Http1ClientCodec::Close() {
  closed_ = true;
  out_.Clear();
  unconsumed_ = 0;
}

void Http1ClientCodec::Detach(ErrorCode code, Side side) {
  Http1ClientStream* stream = std::exchange(stream_, nullptr);
  if (!stream) return;
  // What was not handed to the connection, the peer has certainly not processed.
  const bool unsent = reading_ == Reading::kIdle;
  reading_ = Reading::kIdle;
  unconsumed_ = 0;
  stream->codec_ = nullptr;
  if (code != ErrorCode::kNone) {
    stream->error = {code, side, unsent && side == Side::kUpstream};
    stream->Notify();
  }
  stream->NotifyClosed();
  if (!aborted_) events_.OnCapacity();
}

void Http1ClientCodec::OnEof() {
  Close();
  if (reading_ == Reading::kUntilClose) return EndResponse({});
  CutShort();
}

// As Envoy has it: half a message is no HTTP.
void Http1ClientCodec::CutShort() {
  const bool half = stream_ && (stream_->parser_.within_head() || stream_->headers_complete);
  failed_ = failed_ || half;
  Detach(half ? ErrorCode::kProtocol : ErrorCode::kConnectionClosed, Side::kUpstream);
}

void Http1ClientCodec::Produce(SliceQueue& out, size_t limit) {
  if (closed_ || out_.empty()) return;
  while (!out_.empty() && out.bytes() < limit) {
    out.Push(out_.Pop());
    if (reading_ == Reading::kIdle) reading_ = Reading::kHead;
  }
  if (!stream_->end_sent_) stream_->Notify();  // room below the send watermark
}

void Http1ClientCodec::Drain() {
  draining_ = true;
  if (stream_) return;
  Close();
  Writable();
}

void Http1ClientCodec::Abort(ErrorCode code) {
  aborted_ = true;
  Close();
  if (code == ErrorCode::kConnectionClosed) return CutShort();
  Detach(code, Side::kUpstream);
}

}  // namespace outrigger::proxy::http1
