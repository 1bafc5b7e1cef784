// http_message.h: a request to the control pool's HTTP server as a handler sees it, and its writer.
// Flow: http_connection reads the request -> handler -> ResponseWriter -> http_connection.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/codec/http/headers.h"
#include "scheduler/task.h"
#include "scheduler/timer/timer_heap.h"

namespace outrigger::control {

using HeaderList = std::vector<std::pair<std::string, std::string>>;

// Value, but for `headers`, which lives as long as the handler runs.
struct ControlRequest {
  std::string method;
  std::string path;   // as sent, without the query
  HeaderList params;  // of the query, decoded, in order
  const proxy::Headers* headers = nullptr;
  std::string body;  // whole, unless the server streams this request's body

  // The first with this name.
  std::optional<std::string_view> Param(std::string_view name) const;
  bool HasParam(std::string_view name) const { return Param(name).has_value(); }
};

// Fills path and params: "/stats?filter=a%2Eb&usedonly". At most kMaxParams parameters; what is no
// valid percent-encoding stands for itself.
inline constexpr size_t kMaxParams = 64;
void SplitTarget(std::string_view target, ControlRequest& request);
std::string PercentDecode(std::string_view text);

// The answer to one request. Begin, any number of Writes, End; or one Send. What is out of order
// does nothing; a handler that returns without an answer gives a 500.
//
// Runs on: the G of its connection. Owner: the connection. Thread-safety: confined.
class ResponseWriter {
 public:
  // The whole answer at once.
  scheduler::Task<> Send(int status, std::string content_type, std::string body,
                         HeaderList headers = {});

  virtual void Begin(int status, const HeaderList& headers) = 0;
  // Takes `chunk`; waits while the peer is slow to read. False: the peer is gone, stop.
  virtual scheduler::Task<bool> Write(std::string chunk) = 0;
  virtual void End(const HeaderList& trailers = {}) = 0;
  // For requests whose body is streamed: waits and appends what has come to `body`. False: there is
  // no more. With `ok()` false it was cut off.
  virtual scheduler::Task<bool> Read(std::string& body) = 0;
  virtual bool ok() const = 0;
  // From `time` on Read() and Write() do not wait, and give false. Default: never.
  virtual void SetDeadline(scheduler::Nanos time) = 0;
  // Waits until `time`. False: the peer is gone.
  virtual scheduler::Task<bool> Sleep(scheduler::Nanos time) = 0;

 protected:
  ~ResponseWriter() = default;
};

// Both live until the task ended.
using ControlHandler = std::function<scheduler::Task<>(const ControlRequest&, ResponseWriter&)>;

}  // namespace outrigger::control
