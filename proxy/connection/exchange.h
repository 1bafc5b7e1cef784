// exchange.h: one proxied request, top to bottom: prepare, route, ask the filters, pick a host,
// acquire an upstream stream, copy both bodies with back-pressure, finish, log. The rescue at its
// edge is local_reply.h.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "proxy/access_log/record.h"
#include "proxy/connection/connection_manager.h"
#include "proxy/connection/deadlines.h"
#include "proxy/connection/local_reply.h"
#include "proxy/filters/chain.h"
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
  // Finds the route, and asks the filters. kWait: the answer is ChainRun::Finish()'s.
  FilterVerdict AskFilters();
  // False: it ends here, answered or not.
  bool Passed(FilterVerdict verdict);
  // Null: answered locally.
  const ClusterRoute* FindCluster();
  // False: answered locally (exchange_host.cc, as the next two).
  bool PickHost();
  // What a consistent-hash load balancer goes by; nothing: the route has no hash policy.
  std::optional<uint64_t> RequestHash();
  // Those that the hash policy minted.
  void AddCookies(Headers& response) const;
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
  // What the transport says of a failed connect; empty if it says nothing.
  std::string_view ConnectDetail() const;
  // Answers without an upstream; the exchange is over but for the request's rest.
  void Reply(const LocalReply& reply);
  void ReplyError(ErrorCode code, std::string_view detail = {});
  // By a direct response or a redirect.
  void AnswerByRoute();
  void SendResponseHeaders(bool end);
  void AddRequestId(Headers& response);
  // Of the stream, under way to where `action` leads (null: nowhere). This and what follows, to
  // CountTimeout(), is exchange_time.cc.
  void StartTimers(const ClusterRoute* action);
  void StartRoute(const ClusterRoute& action);
  // The upstream has said all: what is left takes as long as the client and the filters do.
  void StopUpstreamTimers();
  // Once, when the whole request has come in and is passed on.
  void RequestComplete(scheduler::Nanos when);
  void ArmTimer();
  void OnTimer();
  void CountTimeout();
  bool timed_out() const { return timeout_ != ErrorCode::kNone; }
  void Finish();
  void EndFilters();
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
  // The pool in use, once a host was picked.
  LocalRef<HostPool> pool_;
  LocalRef<ClusterView> upstream_;  // as it was then, to the end
  const Cluster& cluster() const { return upstream_->cluster(); }
  Stream& down_;
  Stream* up_ = nullptr;
  ChainRun* filters_ = nullptr;  // in down_'s arena; null: the listener has none
  scheduler::Signal event_;      // of both streams, the pool and the timer
  PendingStream pending_;
  ExchangeTimer timer_;
  Headers local_headers_;  // of a local reply
  Selection selection_;
  AccessRecord record_;
  std::string_view client_ip_;  // from x-forwarded-for, where that is believed
  const scheduler::Nanos start_;
  scheduler::Nanos routed_;  // when it passed the filters
  scheduler::Nanos request_complete_ = 0;
  Deadlines deadlines_;
  Nanos armed_ = scheduler::kNever;  // what the timer is set to
  bool timers_started_ = false;
  RequestTimeouts timeouts_;
  std::optional<Retry> retry_;  // once there is a route to a cluster
  SliceQueue kept_;             // body that was sent and may have to be sent again
  size_t replayed_ = 0;         // bytes at the head of down_.body that were sent before
  bool retry_due_ = false;
  Permit retry_permit_;                             // of the retry under way
  std::vector<std::shared_ptr<const Host>> tried_;  // where the policy asks to avoid them
  std::optional<std::optional<uint64_t>> hash_;     // once it was asked for
  std::vector<std::string> set_cookies_;
  ErrorCode timeout_ = ErrorCode::kNone;
  uint32_t upstream_status_ = 0;  // what the cluster counts: a gRPC client sees 200
  bool grpc_ = false;
  bool head_ = false;
  bool request_ended_ = false;  // its end was passed on (or is not wanted)
  bool response_started_ = false;
  bool response_ended_ = false;
  bool informational_counted_ = false;
};

}  // namespace outrigger::proxy
