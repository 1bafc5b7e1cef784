// http_connection.h: one connection of the control pool's HTTP server: a coroutine that owns socket
// and codec, reads, lets each request's handler run its turn, writes. HTTP/1.1, or HTTP/2 where the
// peer opens with its preface.
// The handlers are SideTasks of this coroutine, so a slow stream does not hold the others up, and
// nothing here is locked though the G may change its thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "control/service/http_message.h"
#include "proxy/codec/http/codec.h"
#include "proxy/codec/http1/request_parser.h"
#include "scheduler/scheduler.h"

namespace outrigger::control {

using CodecFactory = std::function<std::unique_ptr<proxy::Codec>(proxy::ServerEvents&)>;

struct HttpConnectionOptions {
  ControlHandler handler;
  CodecFactory http2;                 // none: HTTP/1.1 only
  std::string server_name = "envoy";  // the `server` header
  size_t max_body = 4 << 20;          // beyond it: 413
  // Requests whose handler starts at once and reads the body itself (gRPC streams). None: no
  // request.
  std::function<bool(const ControlRequest&)> streams_body;
  proxy::http1::RequestRules http1;
  scheduler::Nanos idle_timeout = 300 * scheduler::kSecond;   // between requests
  scheduler::Nanos header_timeout = 10 * scheduler::kSecond;  // from a request's first byte
  scheduler::Nanos stall_timeout = 30 * scheduler::kSecond;  // a body or a reader that stands still
};

class HttpExchange;

// Runs on: a stealing pool. Owner: the coroutine frame of its G. Thread-safety: confined to that G.
class HttpConnection final : public proxy::ServerEvents {
 public:
  // Takes `fd` over. `options` outlives it.
  HttpConnection(const HttpConnectionOptions& options, int fd);
  ~HttpConnection();

  // Until the peer is gone, a time-out, or the G is cancelled.
  scheduler::Task<> Serve();

  void OnRequest(proxy::Stream& stream) override;
  void OnWritable() override {}  // the loop looks anyway

 private:
  scheduler::Task<> RunExchanges();
  // True: some bytes moved. Sets failed_ where the connection broke.
  bool WriteSome();
  bool ReadSome();
  void Received(proxy::Slice input);
  void ChooseCodec(std::string_view head);
  // When to give up waiting for the peer's next byte.
  scheduler::Nanos ReadDeadline() const;
  // When the first handler goes on though nothing came.
  scheduler::Nanos NextWake() const;
  scheduler::Task<> LingeringClose();

  const HttpConnectionOptions& options_;
  // Closed after poll_ has let go of it.
  struct Descriptor {
    const int fd;
    ~Descriptor();
  } const descriptor_;
  scheduler::PollFd poll_;
  std::unique_ptr<proxy::Codec> codec_;  // null until the first bytes tell which
  std::string preface_;                  // those bytes
  proxy::SliceQueue out_;
  std::vector<std::unique_ptr<HttpExchange>> exchanges_;
  scheduler::Nanos idle_since_;
  scheduler::Nanos head_since_ = 0;  // first byte of a request that is not complete; 0: none
  scheduler::Nanos last_read_ = 0;
  bool http1_ = true;
  bool may_read_ = true;
  bool read_closed_ = false;
  bool eof_told_ = false;
  bool failed_ = false;
};

}  // namespace outrigger::control
