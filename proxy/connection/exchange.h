// exchange.h: one proxied request, top to bottom: prepare, route, pick a host, acquire an upstream
// stream, copy both bodies with back-pressure, finish, log. The rescue at its edge is
// local_reply.h.
#pragma once

#include <array>
#include <optional>

#include "proxy/access_log/record.h"
#include "proxy/connection/connection_manager.h"
#include "proxy/connection/deadlines.h"
#include "proxy/connection/local_reply.h"
#include "proxy/router/retry.h"
#include "proxy/router/selection.h"
#include "proxy/router/timeout.h"

namespace outrigger::proxy {

// Runs on: worker, as the request's own coroutine. Owner: that coroutine's frame.
// Thread-safety: confined.
class Exchange {
 public:
  // The proxy's StreamHandler.
  static scheduler::Task<> Handle(ConnectionManager& connection, Stream& stream);

 private:
  Exchange(ConnectionManager& connection, Stream& stream);
  ~Exchange();

  enum class Step : uint8_t { kWait, kDone };

  // False: answered locally.
  bool Prepare();
  // Null: answered locally.
  const ClusterRoute* FindCluster();
  bool PickHost();
  bool WaitsForStream() const;
  // The attempt ended without a stream.
  void OnNoStream();
  void SendRequest(const ClusterRoute& action);
  // Decide whether the attempt that just failed, or the response that just began, is followed by
  // another attempt. True: retry_due_ is set, and nothing is left of this one (exchange_retry.cc).
  void TellAttempt();
  void AddAttemptCount(Headers& response) const;
  bool RetryAfter(const StreamError& error);
  bool RetryInsteadOf(const Headers& response);
  bool StartRetry(Retry::Verdict verdict);
  bool BacksOff() const;
  // Once the back-off is over. True: another attempt.
  bool TakeRetry();
  // Keeps what is about to be sent, as long as it may have to be sent again.
  void KeepForRetry(const SliceQueue& body);
  Step Copy();
  void CopyRequestBody();
  void CopyResponse();
  void OnUpstreamError();
  // Answers without an upstream; the exchange is over but for the request's rest.
  void Reply(const LocalReply& reply);
  void ReplyError(ErrorCode code, std::string_view detail = {});
  // By a direct response or a redirect.
  void AnswerByRoute();
  void SendResponseHeaders(bool end);
  void AddRequestId(Headers& response);
  void StartTimers(const ClusterRoute& action);
  // Once, when the whole request has come in and is passed on.
  void RequestComplete(scheduler::Nanos when);
  // What the transport says of a failed connect; empty if it says nothing.
  std::string_view ConnectDetail() const;
  void ArmTimer();
  void OnTimer();
  void CountTimeout();
  bool timed_out() const { return timeout_ != ErrorCode::kNone; }
  void Finish();
  void Log();
  void CountResponse(uint32_t status);

  struct ExchangeTimer : scheduler::Timer {
    explicit ExchangeTimer(Exchange& owner)
        : Timer([](Timer& t) { static_cast<ExchangeTimer&>(t).exchange.OnTimer(); }),
          exchange(owner) {}
    Exchange& exchange;
  };

  ConnectionManager& connection_;
  Shard& shard_;
  const std::shared_ptr<const Listener> listener_;  // one configuration from start to end
  const HttpListenerOptions& options_;
  // The pool in use, once a host was picked. Worker-local, so its count is no shared cache line.
  std::shared_ptr<HostPool> pool_;
  const Cluster& cluster() const { return pool_->cluster(); }
  Stream& down_;
  Stream* up_ = nullptr;
  scheduler::Signal event_;  // of both streams, the pool and the timer
  PendingStream pending_;
  ExchangeTimer timer_;
  Headers local_headers_;  // of a local reply
  Selection selection_;
  AccessRecord record_;
  std::string_view client_ip_;  // from x-forwarded-for, where that is believed
  const scheduler::Nanos start_;
  scheduler::Nanos request_complete_ = 0;
  Deadlines deadlines_;
  Nanos armed_ = scheduler::kNever;  // what the timer is set to
  RequestTimeouts timeouts_;
  std::optional<Retry> retry_;  // once there is a route to a cluster
  SliceQueue kept_;             // body that was sent and may have to be sent again
  size_t replayed_ = 0;         // bytes at the head of down_.body that were sent before
  bool retry_due_ = false;
  ErrorCode timeout_ = ErrorCode::kNone;
  uint32_t upstream_status_ = 0;  // what the cluster counts: a gRPC client sees 200
  bool grpc_ = false;
  bool head_ = false;
  bool request_ended_ = false;  // its end was passed on (or is not wanted)
  bool response_started_ = false;
  bool response_ended_ = false;
};

}  // namespace outrigger::proxy
