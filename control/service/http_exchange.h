// http_exchange.h: one request and its answer on a control connection: collects the body, runs the
// handler, and is the handler's ResponseWriter. Its connection runs it by turns.
#pragma once

#include <string>

#include "control/service/http_connection.h"
#include "control/service/http_message.h"
#include "control/service/side_task.h"
#include "proxy/codec/http/stream.h"

namespace outrigger::control {

// Runs on: its connection's G. Owner: HttpConnection. Thread-safety: confined.
class HttpExchange final : public ResponseWriter {
 public:
  HttpExchange(const HttpConnectionOptions& options, proxy::Stream& stream);
  ~HttpExchange();

  SideTask& task() { return task_; }
  // Its next turn would get somewhere.
  bool CanRun() const;
  // It waits for body bytes that may take any time to come.
  bool patient() const { return streams_body_; }
  // When it goes on though nothing came.
  scheduler::Nanos wake_at() const { return wake_at_; }

  void Begin(int status, const HeaderList& headers) override;
  scheduler::Task<bool> Write(std::string chunk) override;
  void End(const HeaderList& trailers) override;
  scheduler::Task<bool> Read(std::string& body) override;
  bool ok() const override { return !stream_.error; }
  void SetDeadline(scheduler::Nanos time) override { deadline_ = time; }
  scheduler::Task<bool> Sleep(scheduler::Nanos time) override;

 private:
  enum class Wait : uint8_t { kNothing, kBody, kRoom, kTime };
  scheduler::Task<> PauseFor(Wait wait, scheduler::Nanos until);
  scheduler::Task<> Run();
  // Reads the body up to the limit. False: it is larger, or was cut off; answered as far as
  // possible.
  scheduler::Task<bool> CollectBody();

  const HttpConnectionOptions& options_;
  proxy::Stream& stream_;
  ControlRequest request_;
  // Their views are the codec's until the stream is released.
  proxy::Headers response_;
  proxy::Headers trailers_;
  Wait wait_ = Wait::kNothing;
  scheduler::Nanos wake_at_ = scheduler::kNever;
  scheduler::Nanos deadline_ = scheduler::kNever;
  bool streams_body_ = false;
  bool begun_ = false;
  bool ended_ = false;
  SideTask task_;
};

}  // namespace outrigger::control
