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

constexpr size_t kTailBlock = 16 * 1024;
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

Session::Session(bool server, const Http2Options& options, const HeaderLimits& limits)
    : server_(server), options_(options), limits_(limits) {
  nghttp2_option* option;
  OUTRIGGER_CHECK(nghttp2_option_new(&option) == 0);
  nghttp2_option_set_no_auto_window_update(option, 1);
  nghttp2_option_set_no_closed_streams(option, 1);
  nghttp2_option_set_max_outbound_ack(option, options.max_outbound_control_frames);
  nghttp2_option_set_max_settings(option, 32);
  nghttp2_option_set_max_send_header_block_length(option, kMaxSentHeaderBlock);
  nghttp2_session_callbacks* table = Callbacks::Table();
  const int made = server
                       ? nghttp2_session_server_new3(&session_, table, this, option, &pool_memory)
                       : nghttp2_session_client_new3(&session_, table, this, option, &pool_memory);
  nghttp2_option_del(option);
  OUTRIGGER_CHECK(made == 0);

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
  const ssize_t taken = nghttp2_session_mem_recv(
      session_, reinterpret_cast<const uint8_t*>(input.data()), input.size());
  feeding_ = false;
  input_ = nullptr;
  if (taken < 0) {
    ++counts_.protocol_error;
    broken_ = true;
    const bool flood = taken == NGHTTP2_ERR_FLOODED || taken == NGHTTP2_ERR_CALLBACK_FAILURE;
    nghttp2_session_terminate_session(session_,
                                      flood ? NGHTTP2_ENHANCE_YOUR_CALM : NGHTTP2_PROTOCOL_ERROR);
    return false;
  }
  // A peer that makes us answer and does not read the answers (CVE-2019-9512 and its kin).
  if (nghttp2_session_get_outbound_queue_size(session_) > options_.max_outbound_frames) {
    broken_ = true;
    nghttp2_session_terminate_session(session_, NGHTTP2_ENHANCE_YOUR_CALM);
    return false;
  }
  return true;
}

bool Session::IsFlood(uint8_t type, size_t length, bool ends) {
  switch (type) {
    case NGHTTP2_DATA:
    case NGHTTP2_HEADERS:
      if (type == NGHTTP2_HEADERS) ++streams_seen_;
      if (length > 0 || ends) {
        empty_frames_ = 0;
        return false;
      }
      return ++empty_frames_ > options_.max_consecutive_inbound_frames_with_empty_payload;
    case NGHTTP2_PRIORITY:
      return ++priorities_ > options_.max_inbound_priority_frames_per_stream * (1 + streams_seen_);
    case NGHTTP2_WINDOW_UPDATE:
      // Envoy's measure.
      return ++window_updates_ >
             5 + 2 * (streams_seen_ +
                      options_.max_inbound_window_update_frames_per_data_frame_sent * data_sent_);
    default:
      return false;
  }
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
