#include "proxy/codec/http1/server_codec.h"

#include <algorithm>
#include <utility>

#include "proxy/codec/http1/message_writer.h"
#include "proxy/codec/http1/server_stream.h"

namespace outrigger::proxy::http1 {

// RFC 9112 2.2: a reader skips an empty line before the request line; not any number of them.
constexpr uint8_t kMaxEmptyLines = 4;

Http1ServerCodec::~Http1ServerCodec() { Abort(ErrorCode::kConnectionClosed); }

bool Http1ServerCodec::Feed(const Slice& input) {
  if (closed_) return !error_;
  input_.Push(input);
  Process();
  return !error_;
}

void Http1ServerCodec::Process() {
  processing_ = true;
  while (!closed_ && reading_ != Reading::kComplete && !input_.empty()) {
    const Slice& front = input_.front();
    std::string_view left = front.view();
    while (Step(front, left) && !left.empty()) {
    }
    if (closed_) break;
    input_.Drain(front.size() - left.size());
  }
  processing_ = false;
}

// Takes from `left`, the rest of `input`. False: stop, the request is complete or the connection
// over.
bool Http1ServerCodec::Step(const Slice& input, std::string_view& left) {
  switch (reading_) {
    case Reading::kIdle:
      if (left.front() == (empty_lines_ % 2 == 0 ? '\r' : '\n') &&
          empty_lines_ < 2 * kMaxEmptyLines) {
        ++empty_lines_;
        left.remove_prefix(1);
        return true;
      }
      if (empty_lines_ % 2 != 0 || left.front() == '\r' || left.front() == '\n') {
        Fail({400, "no request line"});
        return false;
      }
      empty_lines_ = 0;
      stream_ = new Http1Stream(*this, rules_);
      reading_ = Reading::kHead;
      return true;
    case Reading::kHead:
      return StepHead(left);
    case Reading::kLength: {
      const std::string_view data =
          left.substr(0, static_cast<size_t>(std::min<uint64_t>(length_left_, left.size())));
      left.remove_prefix(data.size());
      length_left_ -= data.size();
      Body(input, data);
      if (length_left_ == 0) EndRequest();
      return reading_ == Reading::kLength;
    }
    case Reading::kChunks:
      return StepChunks(input, left);
    case Reading::kTrailers:
      switch (stream_->trailer_parser_.Feed(left)) {
        case ParseResult::kMore:
          return true;
        case ParseResult::kError:
          Fail(stream_->trailer_parser_.error());
          return false;
        case ParseResult::kDone:
          EndRequest();
          return false;
      }
      return false;
    case Reading::kComplete:
      return false;
  }
  return false;
}

bool Http1ServerCodec::StepHead(std::string_view& left) {
  switch (stream_->parser_.Feed(left)) {
    case ParseResult::kMore:
      return true;
    case ParseResult::kError:
      Fail(stream_->parser_.error());
      return false;
    case ParseResult::kDone:
      break;
  }
  const RequestHead& head = stream_->parser_.head();
  unconsumed_ = 0;
  if (head.body == RequestHead::Body::kLength) {
    reading_ = Reading::kLength;
    length_left_ = head.content_length;
  } else if (head.body == RequestHead::Body::kChunked) {
    reading_ = Reading::kChunks;
    chunks_ = ChunkedDecoder();
  } else {
    reading_ = Reading::kComplete;
    stream_->end_received = true;
  }
  stream_->headers_complete = true;
  handed_out_ = true;
  // From here on the handler may have answered and the stream may be gone: look at reading_ only.
  events_.OnRequest(*stream_);
  return reading_ == Reading::kLength || reading_ == Reading::kChunks;
}

bool Http1ServerCodec::StepChunks(const Slice& input, std::string_view& left) {
  std::string_view data;
  switch (chunks_.Next(left, data)) {
    case ParseResult::kMore:
      if (!data.empty()) Body(input, data);
      return reading_ == Reading::kChunks;
    case ParseResult::kError:
      Fail(chunks_.error());
      return false;
    case ParseResult::kDone:
      reading_ = Reading::kTrailers;
      return true;
  }
  return false;
}

void Http1ServerCodec::Body(const Slice& input, std::string_view data) {
  stream_->body.Push(Slice(input.block(), data.data(), data.size()));
  stream_->received += data.size();
  unconsumed_ += data.size();
  stream_->Notify();
}

void Http1ServerCodec::EndRequest() {
  reading_ = Reading::kComplete;
  stream_->end_received = true;
  stream_->Notify();
}

void Http1ServerCodec::Fail(const ParseError& error) {
  error_ = error;
  // Once an answer has begun, ours would be read as its body.
  if (!stream_ || !stream_->headers_sent_) out_.Push(WriteErrorResponse(error.status));
  Close();
  Detach(ErrorCode::kProtocol, Side::kDownstream);
}

void Http1ServerCodec::Close() {
  closed_ = true;
  reading_ = Reading::kComplete;
  input_.Clear();
  unconsumed_ = 0;
}

void Http1ServerCodec::ResponseDone() {
  if (!stream_->end_received || !stream_->keep_alive_) Close();
  const bool cut_short = !stream_->end_received;
  // A handler that still copies the request elsewhere hears that no more comes.
  Detach(cut_short ? ErrorCode::kConnectionClosed : ErrorCode::kNone, Side::kLocal);
  Writable();
}

void Http1ServerCodec::Detach(ErrorCode code, Side side) {
  if (!closed_) reading_ = Reading::kIdle;
  Http1Stream* stream = std::exchange(stream_, nullptr);
  if (!stream) return;
  stream->codec_ = nullptr;
  if (!std::exchange(handed_out_, false) || stream->released_) {
    delete stream;
  } else if (code != ErrorCode::kNone) {
    stream->error = {code, side, false};
    stream->Notify();
  }
}

void Http1ServerCodec::OnEof() {
  Close();
  Detach(ErrorCode::kConnectionClosed, Side::kDownstream);
}

void Http1ServerCodec::Produce(SliceQueue& out, size_t limit) {
  const size_t before = out_.bytes();
  for (;;) {
    while (!out_.empty() && out.bytes() < limit) out.Push(out_.Pop());
    // The next of the pipelined requests; it may be refused, and then there is more to say.
    if (!out_.empty() || input_.empty() || reading_ == Reading::kComplete) break;
    Process();
    if (out_.empty()) break;
  }
  if (handed_out_ && out_.bytes() < before) stream_->Notify();
}

void Http1ServerCodec::Drain() {
  draining_ = true;
  if (reading_ == Reading::kIdle && input_.empty()) Close();
}

void Http1ServerCodec::Abort(ErrorCode code) {
  Close();
  out_.Clear();
  Detach(code, Side::kDownstream);
}

}  // namespace outrigger::proxy::http1
