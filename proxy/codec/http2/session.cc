#include "proxy/codec/http2/session.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <cstring>

#include "proxy/codec/http2/callbacks.h"
#include "proxy/codec/http2/stream.h"
#include "scheduler/base/check.h"
#include "scheduler/frame_pool.h"

namespace outrigger::proxy::http2 {
namespace {

// What a peer may do in vain (nghttp2's figures), and how much of it is nothing to wonder at.
constexpr uint32_t kGlitchBurst = 1000, kGlitchesPerSecond = 33, kGlitchesUnsuspected = 80;
// The largest that the pool of frames keeps: a larger one would cost each request a call of malloc.
constexpr size_t kTailBlock = 4096 - sizeof(Block);
// Above any header block that our limits let in; a larger one would never be sent, nor its stream
// end.
constexpr size_t kMaxSentHeaderBlock = 32 * 1024 * 1024;

// nghttp2's memory comes from the frame pool; a header of 16 bytes keeps the size for the way back.
constexpr size_t kSizeHead = 16;

void* PoolMalloc(size_t size, void*) {
  char* at = static_cast<char*>(scheduler::FrameAlloc(size + kSizeHead));
  *reinterpret_cast<size_t*>(at) = size;
  return at + kSizeHead;
}
void PoolFree(void* memory, void*) {
  if (!memory) return;
  char* at = static_cast<char*>(memory) - kSizeHead;
  scheduler::FrameFree(at, *reinterpret_cast<size_t*>(at) + kSizeHead);
}
void* PoolCalloc(size_t count, size_t size, void* self) {
  void* memory = PoolMalloc(count * size, self);
  return std::memset(memory, 0, count * size);
}
void* PoolRealloc(void* memory, size_t size, void* self) {
  if (!memory) return PoolMalloc(size, self);
  const size_t old = *reinterpret_cast<size_t*>(static_cast<char*>(memory) - kSizeHead);
  void* moved = PoolMalloc(size, self);
  std::memcpy(moved, memory, std::min(old, size));
  PoolFree(memory, self);
  return moved;
}

nghttp2_mem pool_memory = {nullptr, &PoolMalloc, &PoolFree, &PoolCalloc, &PoolRealloc};

}  // namespace

Session::Session(bool server, const Http2Options& options, const HeaderLimits& limits,
                 const SessionStats& stats)
    : server_(server),
      options_(options),
      limits_(limits),
      guard_(server, options),
      glitches_(kGlitchBurst, kGlitchesPerSecond),
      head_since_(server ? scheduler::MonotonicNow() : scheduler::kNever),
      stats_(stats) {
  nghttp2_option* option;
  OUTRIGGER_CHECK(nghttp2_option_new(&option) == 0);
  nghttp2_option_set_no_auto_window_update(option, 1);
  nghttp2_option_set_no_closed_streams(option, 1);
  nghttp2_option_set_max_outbound_ack(option, options.max_outbound_control_frames);
  nghttp2_option_set_max_settings(option, 32);
  nghttp2_option_set_max_send_header_block_length(option, kMaxSentHeaderBlock);
  // The guard and TakeGlitch() count these, with the right error.
  nghttp2_option_set_max_continuations(option, 1'000'000);
  nghttp2_option_set_stream_reset_rate_limit(option, UINT64_MAX, UINT64_MAX);
  nghttp2_session_callbacks* table = Callbacks::Table();
  const int made = server
                       ? nghttp2_session_server_new3(&session_, table, this, option, &pool_memory)
                       : nghttp2_session_client_new3(&session_, table, this, option, &pool_memory);
  nghttp2_option_del(option);
  OUTRIGGER_CHECK(made == 0);
  Count(server ? &Http2Stats::nghttp2_downstream_connections
               : &Http2Stats::nghttp2_upstream_connections);

  nghttp2_settings_entry settings[] = {
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, options.initial_stream_window_size},
      {NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, options.hpack_table_size},
      // Priorities are hints that cost a tree and let peers churn it (CVE-2019-9513, RFC 9218 2.1).
      {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, limits.max_bytes},
      {server ? NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS : NGHTTP2_SETTINGS_ENABLE_PUSH,
       server ? options.max_concurrent_streams : 0},
  };
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings, std::size(settings));
  nghttp2_session_set_local_window_size(
      session_, NGHTTP2_FLAG_NONE, 0, static_cast<int32_t>(options.initial_connection_window_size));
}

Session::~Session() {
  Abort(ErrorCode::kConnectionClosed);
  nghttp2_session_del(session_);
  if (tail_) tail_->Unref();
}

bool Session::Feed(const Slice& input) {
  if (broken_ || aborted_) return false;
  input_ = &input;
  feeding_ = true;
  const uint8_t* at = reinterpret_cast<const uint8_t*>(input.data());
  const uint8_t* const end = at + input.size();
  const uint8_t* received = at;  // up to here nghttp2 has it
  bool ok = true;
  while (ok && guard_.Next(at, end)) {
    const FrameGuard::Verdict verdict = guard_.Judge();
    if (verdict == FrameGuard::Verdict::kPass) continue;
    // The stream's state is what it is once all before this head has been read. The head's last
    // byte stays back, and the rest of it does nothing alone.
    ok = Receive(received, at - 1) && Accept(verdict);
    received = at - 1;
  }
  if (ok) ok = Receive(received, end) && !QueueIsFlooded();
  feeding_ = false;
  input_ = nullptr;
  if (!guard_.in_head()) {
    head_since_ = scheduler::kNever;
  } else if (head_since_ == scheduler::kNever || guard_.heads() != heads_seen_) {
    head_since_ = scheduler::MonotonicNow();
    OnStall(/*head=*/true);
  }
  heads_seen_ = guard_.heads();
  return ok && !broken_;
}

bool Session::Receive(const uint8_t* begin, const uint8_t* end) {
  if (broken_) return false;
  if (begin >= end) return true;
  const ssize_t taken = nghttp2_session_mem_recv(session_, begin, static_cast<size_t>(end - begin));
  if (taken >= 0) return true;
  switch (taken) {
    case NGHTTP2_ERR_FLOODED:
      Count(&Http2Stats::outbound_control_flood);
      return Fail(NGHTTP2_ENHANCE_YOUR_CALM);
    case NGHTTP2_ERR_CALLBACK_FAILURE:
      return Fail(fail_code_);
    default:
      return Fail(NGHTTP2_PROTOCOL_ERROR);
  }
}

bool Session::Accept(FrameGuard::Verdict verdict) {
  switch (verdict) {
    case FrameGuard::Verdict::kPass:
      return true;
    case FrameGuard::Verdict::kCheckStream: {
      const FrameHead& head = guard_.head();
      const int32_t id = static_cast<int32_t>(head.stream);
      return nghttp2_session_get_stream_user_data(session_, id) || OnClosedStream(head);
    }
    case FrameGuard::Verdict::kEmptyFlood:
      Count(&Http2Stats::inbound_empty_frames_flood);
      return Fail(NGHTTP2_ENHANCE_YOUR_CALM);
    case FrameGuard::Verdict::kPriorityFlood:
      Count(&Http2Stats::inbound_priority_frames_flood);
      return Fail(NGHTTP2_ENHANCE_YOUR_CALM);
    case FrameGuard::Verdict::kWindowUpdateFlood:
      Count(&Http2Stats::inbound_window_update_frames_flood);
      return Fail(NGHTTP2_ENHANCE_YOUR_CALM);
    case FrameGuard::Verdict::kContinuationFlood:
      Count(&Http2Stats::header_overflow);
      return Fail(NGHTTP2_ENHANCE_YOUR_CALM);
    case FrameGuard::Verdict::kProtocolError:
      return Fail(NGHTTP2_PROTOCOL_ERROR);
  }
  return true;
}

bool Session::OnClosedStream(const FrameHead& head) {
  // Even ids, and DATA on a stream that was never opened, are nghttp2's to refuse.
  if (head.stream % 2 == 0 || head.stream > guard_.highest()) return true;
  switch (closed_.Find(head.stream)) {
    case ClosedStreams::How::kEnded:
      return Fail(NGHTTP2_STREAM_CLOSED);
    case ClosedStreams::How::kPeerReset:
      nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, static_cast<int32_t>(head.stream),
                                NGHTTP2_STREAM_CLOSED);
      return TakeGlitch();
    case ClosedStreams::How::kNever:
      // RFC 9113 5.1.1: a new stream's id is higher than all before it.
      return head.type == NGHTTP2_HEADERS ? Fail(NGHTTP2_PROTOCOL_ERROR) : TakeGlitch();
    case ClosedStreams::How::kForgotten:
      return TakeGlitch();
    case ClosedStreams::How::kReset:
      return true;
  }
  return true;
}

// A peer that makes us answer and does not read the answers (CVE-2019-9512 and its kin).
bool Session::QueueIsFlooded() {
  const size_t queue = nghttp2_session_get_outbound_queue_size(session_);
  if (queue <= options_.max_outbound_control_frames) return false;
  if (queue > options_.max_outbound_frames) {
    Count(&Http2Stats::outbound_flood);
  } else if (queue > options_.max_outbound_control_frames + 2 * open_streams_) {
    // More than the heads and trailers of all that is open: control frames.
    Count(&Http2Stats::outbound_control_flood);
  } else {
    return false;
  }
  Fail(NGHTTP2_ENHANCE_YOUR_CALM);
  return true;
}

bool Session::Fail(uint32_t code) {
  if (broken_) return false;
  broken_ = true;
  nghttp2_session_terminate_session(session_, code);
  return false;
}

int Session::FailCallback(uint32_t code) {
  fail_code_ = code;
  return NGHTTP2_ERR_CALLBACK_FAILURE;
}

bool Session::TakeGlitch() {
  // An upstream that resets answers our own requests.
  if (!server_ || glitches_.Take(scheduler::MonotonicNow())) return true;
  reset_flood_ = true;
  return Fail(NGHTTP2_ENHANCE_YOUR_CALM);
}

bool Session::suspect() {
  return !glitches_.full() && glitches_.taken(scheduler::MonotonicNow()) > kGlitchesUnsuspected;
}

scheduler::Nanos Session::EndStalled(scheduler::Nanos now, const StallLimits& limits) {
  if (broken_ || aborted_) return scheduler::kNever;
  scheduler::Nanos next = scheduler::kNever;
  if (limits.head > 0 && head_since_ != scheduler::kNever) {
    next = head_since_ + limits.head;
    if (now >= next) {
      head_timeout_ = true;
      Fail(NGHTTP2_ENHANCE_YOUR_CALM);
      MarkWritable();
      return scheduler::kNever;
    }
  }
  if (limits.answer <= 0) return next;
  for (Http2Stream *stream = streams_, *following; stream; stream = following) {
    following = stream->next_;
    if (!stream->lingers()) continue;
    if (stream->stalled_at_ != stream->out_.bytes()) {
      stream->stalled_at_ = stream->out_.bytes();
      stream->stalled_since_ = now;
    }
    const scheduler::Nanos end = stream->stalled_since_ + limits.answer;
    if (now < end) {
      next = std::min(next, end);
      continue;
    }
    Count(&Http2Stats::tx_flush_timeout);
    stream->Reset(ErrorCode::kIdleTimeout);
  }
  return next;
}

void Session::Ping() {
  ++pings_unanswered_;
  nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, nullptr);
  MarkWritable();
}

void Session::AppendBytes(const uint8_t* data, size_t size) {
  while (size > 0) {
    if (!tail_) {
      tail_ = Block::New(kTailBlock);
      tail_start_ = tail_used_ = 0;
    }
    const size_t part = std::min(size, kTailBlock - tail_used_);
    std::memcpy(tail_->data() + tail_used_, data, part);
    tail_used_ += part;
    data += part;
    size -= part;
    if (tail_used_ == kTailBlock) {
      FlushTail();
      tail_->Unref();
      tail_ = nullptr;
    }
  }
}

void Session::FlushTail() {
  if (!tail_ || tail_used_ == tail_start_) return;
  out_->Push(Slice(tail_, tail_->data() + tail_start_, tail_used_ - tail_start_));
  tail_start_ = tail_used_;
}

void Session::Produce(SliceQueue& out, size_t limit) {
  if (aborted_) return;  // nghttp2 still knows the streams, which may be gone
  // Here and not in Feed(): a stream that came in between must not be refused after its start.
  SayLastWord();
  out_limit_ = limit;
  out_ = &out;
  while (out.bytes() + (tail_used_ - tail_start_) < limit) {
    const uint8_t* data;
    const ssize_t size = nghttp2_session_mem_send(session_, &data);
    if (size < 0) broken_ = true;
    if (size == 0 && SubmitDueResets()) continue;
    if (size <= 0) break;
    AppendBytes(data, static_cast<size_t>(size));
  }
  FlushTail();
  out_ = nullptr;
  SetBacklogGauges();
  // The block goes with its last slice; an idle connection keeps none.
  if (tail_) {
    tail_->Unref();
    tail_ = nullptr;
  }
  tail_start_ = tail_used_ = 0;
}

bool Session::SubmitDueResets() {
  if (due_resets_.empty()) return false;
  for (const DueReset& due : due_resets_) {
    if (nghttp2_session_get_stream_user_data(session_, due.stream) == nullptr) continue;  // closed
    nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, due.stream, due.code);
  }
  due_resets_.clear();
  return true;
}

void Session::SetBacklogGauges() {
  const size_t queue = nghttp2_session_get_outbound_queue_size(session_);
  if (queue == queue_shown_ && backlog_ == backlog_shown_) return;
  AddGauge(&Http2Stats::outbound_frames_active,
           static_cast<int64_t>(queue) - static_cast<int64_t>(queue_shown_));
  AddGauge(&Http2Stats::pending_send_bytes,
           static_cast<int64_t>(backlog_) - static_cast<int64_t>(backlog_shown_));
  queue_shown_ = queue;
  backlog_shown_ = backlog_;
}

void Session::Drain() {
  if (drain_started_ || broken_ || aborted_) return;
  drain_started_ = true;
  if (server_) {
    nghttp2_submit_shutdown_notice(session_);
    nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, nullptr);
  } else {
    last_goaway_due_ = true;
  }
  MarkWritable();
}

void Session::EndDrain() {
  if (!drain_started_ || !server_ || last_goaway_sent_ || last_goaway_due_) return;
  last_goaway_due_ = true;
  MarkWritable();
}

void Session::SayLastWord() {
  // On the client side nghttp2 sends no request after it, not even one that was promised a place.
  if (!last_goaway_due_ || (!server_ && open_streams_ > 0)) return;
  last_goaway_due_ = false;
  last_goaway_sent_ = true;
  nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE,
                        nghttp2_session_get_last_proc_stream_id(session_), NGHTTP2_NO_ERROR,
                        nullptr, 0);
}

bool Session::finished() const {
  if (aborted_) return true;
  if (nghttp2_session_want_write(session_)) return false;
  if (broken_) return true;
  if (last_goaway_due_ || open_streams_ > 0) return false;
  return eof_ || !nghttp2_session_want_read(session_) || (!server_ && draining());
}

void Session::Abort(ErrorCode code) {
  const Side peer = server_ ? Side::kDownstream : Side::kUpstream;
  aborted_ = true;
  while (Http2Stream* stream = streams_) {
    if (stream->id_ >= 0) nghttp2_session_set_stream_user_data(session_, stream->id_, nullptr);
    stream->Close(code, peer, /*retry=*/false);
  }
  AddGauge(&Http2Stats::outbound_frames_active, -static_cast<int64_t>(queue_shown_));
  AddGauge(&Http2Stats::pending_send_bytes, -static_cast<int64_t>(backlog_shown_));
  queue_shown_ = backlog_shown_ = 0;
}

void ServerSession::OnRequest(Http2Stream& stream) {
  ++stream.refs_;  // the handler's
  stream.handler_gone_ = false;
  events_.OnRequest(stream);
}

size_t ClientSession::capacity() const {
  if (draining()) return 0;
  if (!nghttp2_session_check_request_allowed(session_)) return 0;
  const size_t limit = std::min<size_t>(
      nghttp2_session_get_remote_settings(session_, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS),
      max_streams());
  return limit > open_streams() ? limit - open_streams() : 0;
}

Stream& ClientSession::OpenStream() {
  Http2Stream* stream = new Http2Stream(*this);
  ++stream->refs_;  // the caller's
  stream->handler_gone_ = false;
  return *stream;
}

}  // namespace outrigger::proxy::http2
