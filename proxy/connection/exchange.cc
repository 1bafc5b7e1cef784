#include "proxy/connection/exchange.h"

#include <algorithm>
#include <cstring>
#include <ctime>

#include "absl/strings/numbers.h"
#include "proxy/connection/client_cert.h"
#include "proxy/router/header_mutation.h"
#include "proxy/router/redirect.h"
#include "proxy/router/rewrite.h"
#include "scheduler/base/text.h"

namespace outrigger::proxy {
namespace {

int64_t WallClock() {
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return now.tv_sec * kSecond + now.tv_nsec;
}

}  // namespace

scheduler::Task<> Exchange::Handle(ConnectionManager& connection, Stream& stream) {
  Exchange self(connection, stream);
  FilterVerdict verdict = self.Prepare() ? self.AskFilters() : FilterVerdict::kOver;
  if (verdict == FilterVerdict::kWait) {
    verdict = co_await ChainRun::Finish(*self.filters_);
    self.routed_ = self.shard_.Now();
  }
  const ClusterRoute* action = self.Passed(verdict) ? self.FindCluster() : nullptr;
  if (action) {
    self.StartRoute(*action);
    bool attempt = self.PickHost();
    if (attempt) RewriteRequest(self.selection_, self.down_.headers, self.record_);
    while (attempt) {
      self.up_ = self.pool_->Acquire(self.pending_);
      while (self.WaitsForStream()) {
        const scheduler::Wake wake = co_await self.event_.Wait("upstream stream");
        self.up_ = self.pending_.stream;
        if (wake == scheduler::Wake::kCancelled) break;
      }
      if (self.up_) {
        self.SendRequest(*action);
        while (self.Copy() == Step::kWait) {
          if (co_await self.event_.Wait("bodies") == scheduler::Wake::kCancelled) break;
        }
      } else {
        self.OnNoStream();
      }
      while (self.BacksOff()) {
        if (co_await self.event_.Wait("retry back-off") == scheduler::Wake::kCancelled) break;
      }
      attempt = self.TakeRetry() && self.PickHost();
    }
  }
  self.Finish();
}

Exchange::Exchange(ConnectionManager& connection, Stream& stream)
    : connection_(connection),
      shard_(connection.shard()),
      listener_(connection.listener()),
      options_(listener_->http),
      down_(stream),
      timer_(*this),
      local_headers_(stream.arena),
      start_(shard_.Now()),
      routed_(start_) {
  deadlines_.progress = start_;
  down_.SetObserver(&event_);
  pending_.signal = &event_;
  record_.start_ns = WallClock();
  record_.protocol = down_.http_version();
  record_.request = &down_.headers;
  record_.connection_id = connection_.id();
  record_.tls = connection_.tls();
  if (record_.tls) record_.requested_server_name = record_.tls->server_name;
  record_.downstream_local = connection_.local_address().text;
  record_.downstream_remote = record_.downstream_direct_remote = connection_.peer_address().text;
  StatSlab& stats = shard_.stats;
  stats.Inc(options_.stats.downstream_rq_total);
  stats.Inc(options_.stats.downstream_rq_active);
  stats.Inc(down_.http_version() == 20 ? options_.stats.downstream_rq_http2_total
                                       : options_.stats.downstream_rq_http1_total);
}

Exchange::~Exchange() {
  shard_.p.netpoll().RemoveTimer(timer_);
  EndFilters();
}

bool Exchange::Prepare() {
  Headers& request = down_.headers;
  grpc_ = IsGrpc(request);
  head_ = request.Get(HeaderName::kMethod) == "HEAD";
  // RFC 9110 10.1.1: the next hop that wants the body says so, and here that is this one.
  const Header* expect = request.Find(HeaderName::kExpect);
  if (expect && !options_.proxy_100_continue &&
      scheduler::EqualsIgnoreCase(expect->value, "100-continue")) {
    down_.SendInformational(100);
    request.Remove(HeaderName::kExpect);
  }
  const RequestVerdict verdict =
      PrepareRequest(request, options_, connection_.peer_address(), connection_.local_address(),
                     shard_.random, connection_.tls() != nullptr);
  ForwardClientCert(request, options_, connection_.tls(), connection_.client_cert_element());
  client_ip_ = verdict.client.ip;
  if (!client_ip_.empty()) {
    record_.downstream_remote = down_.arena.Copy(scheduler::Concat(client_ip_, ":0"));
  }
  if (!verdict.client.internal) {
    for (const HeaderKey& key : options_.routes->internal_only_headers) request.Remove(key.name);
  }
  if (!verdict.bad_path) return true;
  shard_.stats.Inc(options_.stats.downstream_rq_failed_path_normalization);
  LocalReply reply{400, ""};
  reply.details = "path_normalization_failed";
  Reply(reply);
  return false;
}

FilterVerdict Exchange::AskFilters() {
  selection_ = Select(*options_.routes, down_.headers, {shard_.random.Next(), grpc_});
  if (selection_.route) {
    record_.virtual_host = selection_.host->name;
    record_.route_name = selection_.route->name;
  }
  filters_ = ChainRun::Make(options_.filters, {.down = down_,
                                               .selection = selection_,
                                               .event = event_,
                                               .netpoll = shard_.p.netpoll(),
                                               .stats = shard_.stats,
                                               .random = shard_.random,
                                               .timeout = timeout_,
                                               .record = record_,
                                               .reply_headers = local_headers_});
  if (!filters_) return FilterVerdict::kContinue;
  const FilterVerdict verdict = filters_->OnRequest();
  if (verdict == FilterVerdict::kWait) StartTimers(selection_.action);
  return verdict;
}

bool Exchange::Passed(FilterVerdict verdict) {
  if (verdict == FilterVerdict::kContinue) return true;
  if (timed_out()) {
    ReplyError(timeout_);
  } else if (verdict == FilterVerdict::kReply) {
    Reply(filters_->reply);
  }
  return false;
}

const ClusterRoute* Exchange::FindCluster() {
  if (!selection_.route) {
    shard_.stats.Inc(options_.stats.no_route);
    ReplyError(ErrorCode::kNoRoute);
    return nullptr;
  }
  if (!selection_.action) AnswerByRoute();
  return selection_.action;
}

void Exchange::AnswerByRoute() {
  const Route& route = *selection_.route;
  LocalReply reply;
  if (const auto* direct = std::get_if<DirectResponse>(&route.action)) {
    shard_.stats.Inc(options_.stats.rq_direct_response);
    reply.status = direct->status;
    reply.body = direct->body;
  } else {
    shard_.stats.Inc(options_.stats.rq_redirect);
    reply.status = std::get<Redirect>(route.action).status;
  }
  reply.details = "direct_response";
  const std::string location = LocationOf(route, down_.headers);
  if (!location.empty()) local_headers_.Add(HeaderName::kLocation, location);
  Reply(reply);
}

bool Exchange::WaitsForStream() const {
  return !up_ && !pending_.error && !down_.error && !timed_out();
}

void Exchange::OnNoStream() {
  if (timed_out()) return ReplyError(timeout_);
  if (!pending_.error) return;
  // For the log alone: Envoy keeps a refused connection's reason out of the answer.
  const std::string_view reason = ConnectDetail();
  record_.upstream_transport_failure_reason = reason;
  if (RetryAfter(pending_.error)) return;
  ReplyError(pending_.error.code);
  if (reason.empty()) return;
  std::string details(record_.response_code_details);
  if (details.ends_with('}')) details.pop_back();
  record_.response_code_details = down_.arena.Copy(scheduler::Concat(details, "|", reason, "}"));
}

void Exchange::SendRequest(const ClusterRoute& action) {
  up_->SetObserver(&event_);
  TellAttempt();
  if (cluster().max_stream_duration > 0) {
    deadlines_.upstream_duration = shard_.Now() + cluster().max_stream_duration;
    ArmTimer();
  }
  record_.upstream_protocol = up_->http_version();
  if (action.auto_host_rewrite) RewriteHost(action, pool_->host().hostname, down_.headers);
  const bool end = down_.end_received && down_.body.empty() && down_.trailers.empty();
  request_ended_ = end;
  up_->SendHeaders(down_.headers, end);
  if (end) RequestComplete(routed_);
}

Exchange::Step Exchange::Copy() {
  if (down_.error) return Step::kDone;
  if (timed_out()) {
    if (!RetryAfter({timeout_, Side::kLocal, false})) ReplyError(timeout_);
    return Step::kDone;
  }
  CopyRequestBody();
  CopyResponse();
  if (response_ended_ || retry_due_) return Step::kDone;
  // An error after the response's end (a reset with NO_ERROR, a close) takes nothing from it.
  if (up_->error && !(up_->headers_complete && up_->end_received)) {
    OnUpstreamError();
    return Step::kDone;
  }
  return Step::kWait;
}

void Exchange::CopyRequestBody() {
  if (request_ended_ || up_->error) return;
  const bool filtered = filters_ && filters_->wants_request_body();
  const bool room = up_->send_buffered() < cluster().per_connection_buffer_limit_bytes;
  if (filtered && !room) return;
  const auto [body, end] =
      filtered ? filters_->OnRequestBody(down_) : ChainRun::Passed{down_.body, down_.end_received};
  const size_t bytes = body.bytes();
  // What filters made of it could not be asked for again.
  if (filtered && (bytes > 0 || end)) retry_->GiveUp();
  if (bytes > 0 && room) {
    deadlines_.progress = shard_.Now();
    const size_t fresh = bytes - std::exchange(replayed_, 0);
    record_.bytes_received += fresh;
    const bool last = end && down_.trailers.empty();
    KeepForRetry(body);
    up_->SendData(body, last);
    if (!filtered) down_.Consume(fresh);
    request_ended_ = last;
  }
  if (end && !request_ended_ && body.empty()) {
    request_ended_ = true;
    if (down_.trailers.empty()) {
      SliceQueue nothing;
      up_->SendData(nothing, /*end=*/true);
    } else {
      up_->SendTrailers(down_.trailers);
    }
  }
  if (request_ended_) RequestComplete(shard_.Now());
}

std::string_view Exchange::ConnectDetail() const {
  if (pending_.error.code != ErrorCode::kConnectFailure) return {};
  std::string detail = pending_.transport_failure;
  if (detail.empty() && pending_.connect_errno != 0) {
    detail = scheduler::Concat("delayed connect error: ", std::strerror(pending_.connect_errno));
  }
  std::replace(detail.begin(), detail.end(), ' ', '_');  // Envoy's, so that a log line splits well
  return down_.arena.Copy(detail);
}

void Exchange::CopyResponse() {
  if (up_->informational != 0 && !response_started_) {
    if (options_.proxy_100_continue) down_.SendInformational(up_->informational);
    up_->informational = 0;
    // Once, as Envoy counts it, however many there are.
    if (!std::exchange(informational_counted_, true)) {
      shard_.stats.Inc(cluster().stats.upstream_rq_completed);
      shard_.stats.Inc(cluster().stats.upstream_rq_1xx);
    }
  }
  if (!up_->headers_complete) return;
  if (!response_started_) {
    if (RetryInsteadOf(up_->headers)) return;
    record_.times.response_first = shard_.Now() - start_;
    const bool last = up_->end_received && up_->body.empty() && up_->trailers.empty();
    SendResponseHeaders(last);
    deadlines_.progress = shard_.Now();
    response_ended_ = last;
    if (last) return;
  }
  if (up_->end_received) StopUpstreamTimers();
  const bool filtered = filters_ && filters_->wants_response_body();
  const bool room = down_.send_buffered() < listener_->per_connection_buffer_limit_bytes;
  if (filtered && !room) return;
  const auto [body, end] =
      filtered ? filters_->OnResponseBody(*up_) : ChainRun::Passed{up_->body, up_->end_received};
  const size_t bytes = body.bytes();
  if (bytes > 0 && room) {
    deadlines_.progress = shard_.Now();
    record_.bytes_sent += bytes;
    const bool last = end && up_->trailers.empty();
    down_.SendData(body, last);
    if (!filtered) up_->Consume(bytes);
    response_ended_ = last;
  }
  if (end && !response_ended_ && body.empty()) {
    response_ended_ = true;
    record_.response_trailers = &up_->trailers;
    if (up_->trailers.empty()) {
      SliceQueue nothing;
      down_.SendData(nothing, /*end=*/true);
    } else {
      down_.SendTrailers(up_->trailers);
    }
  }
}

void Exchange::SendResponseHeaders(bool end) {
  response_started_ = true;
  kept_.Clear();
  deadlines_.attempt = scheduler::kNever;
  Headers& response = up_->headers;
  AddAttemptCount(response);
  const std::string_view status = response.Get(HeaderName::kStatus);
  uint32_t code = 0;
  if (!absl::SimpleAtoi(scheduler::ToAbsl(status), &code)) code = 503;
  upstream_status_ = code;
  record_.response_code = static_cast<int>(code);
  record_.response_code_details = "via_upstream";
  record_.response = &response;
  // An answer that overtakes the request's end tells nothing of the upstream's time.
  if (request_ended_) {
    SetServiceTime(response, (shard_.Now() - request_complete_) / scheduler::kMillisecond);
  }
  MutateResponse(selection_, response, record_);
  if (filters_) filters_->OnResponse(response);
  AddRequestId(response);
  AddCookies(response);
  PrepareResponse(response, options_, connection_.dates().Get(up_->arena));
  down_.SendHeaders(response, end);
}

void Exchange::AddRequestId(Headers& response) {
  if (!options_.always_set_request_id_in_response) return;
  const std::string_view id = down_.headers.Get(HeaderName::kXRequestId);
  if (!id.empty()) response.Set(HeaderName::kXRequestId, id);
}

void Exchange::OnUpstreamError() {
  const StreamError error = up_->error;
  StatSlab& stats = shard_.stats;
  if (error.code == ErrorCode::kReset || error.code == ErrorCode::kRefused) {
    stats.Inc(cluster().stats.upstream_rq_rx_reset);
  }
  if (!response_started_) {
    if (!RetryAfter(error)) ReplyError(error.code);
    return;
  }
  // Part of the answer is out: all that is left is to break it off.
  record_.flags.Set(ReplyFor(error, "", down_.arena).flags);
  stats.Inc(options_.stats.downstream_rq_tx_reset);
  down_.Reset(ErrorCode::kConnectionClosed);
}

void Exchange::ReplyError(ErrorCode code, std::string_view detail) {
  if (response_started_) {
    const LocalReply reply = ReplyFor({code}, detail, down_.arena);
    record_.flags.Set(reply.flags);
    record_.response_code_details = reply.details;
    // INTERNAL_ERROR whatever it was, as Envoy says it: only the first half of an answer is out.
    down_.Reset(ErrorCode::kConnectionClosed);
    return;
  }
  if (code == ErrorCode::kOverflow) local_headers_.AddStatic(HeaderName::kXEnvoyOverloaded, "true");
  LocalReply reply = ReplyFor({code}, detail, down_.arena, retry_ && retry_->count() > 0);
  // Envoy: whose fault an idle stream is shows in the status.
  if ((code == ErrorCode::kIdleTimeout || code == ErrorCode::kMaxDuration) && !down_.end_received) {
    reply.status = 408;
  }
  record_.flags.Set(reply.flags);
  Reply(reply);
}

void Exchange::Reply(const LocalReply& reply) {
  response_started_ = response_ended_ = true;
  upstream_status_ = reply.status;
  record_.response_code_details = reply.details;
  record_.response = &local_headers_;
  record_.bytes_sent = grpc_ || head_ ? 0 : reply.body.size();
  // :status goes first; what the table adds comes before date and server, as Envoy has it.
  local_headers_.Set(HeaderName::kStatus, scheduler::Concat(reply.status));
  if (reply.verbatim) {
    grpc_ = false;
  } else {
    AddAttemptCount(local_headers_);
    MutateResponse(selection_, local_headers_, record_);
  }
  record_.response_code = grpc_ ? 200 : static_cast<int>(reply.status);
  FillLocalReply(reply, grpc_, local_headers_);
  if (filters_) filters_->OnResponse(local_headers_);
  AddRequestId(local_headers_);
  PrepareResponse(local_headers_, options_, connection_.dates().Get(down_.arena));
  SendLocalReply(down_, local_headers_, reply, grpc_, head_);
}

void Exchange::Finish() {
  StatSlab& stats = shard_.stats;
  pending_.End();
  const bool sent = up_ != nullptr;
  if (!up_) up_ = pending_.stream;  // given in the turn in which we gave up
  if (down_.error) {
    stats.Inc(options_.stats.downstream_rq_rx_reset);
    record_.flags.Set(down_.error.code == ErrorCode::kConnectionClosed
                          ? ResponseFlag::kDownstreamConnectionTermination
                          : ResponseFlag::kDownstreamRemoteReset);
    if (!response_started_) record_.response_code_details = "downstream_remote_disconnect";
  } else if (!response_ended_) {
    down_.Reset(ErrorCode::kDrain);
  }
  record_.times.end = shard_.Now() - start_;
  if (sent && !up_->error && !response_ended_) stats.Inc(cluster().stats.upstream_rq_tx_reset);
  CountResponse(static_cast<uint32_t>(record_.response_code));
  Log();
  EndFilters();  // before the stream, in whose arena they are
  if (up_) {
    up_->SetObserver(nullptr);
    // What was sent downstream points into the upstream stream's arena until it is on the wire.
    down_.ReleaseWithThis(*up_);
    if (!up_->end_received || !request_ended_) up_->Reset(ErrorCode::kReset);
  }
  down_.Release();
}

void Exchange::EndFilters() {
  if (filters_) std::destroy_at(std::exchange(filters_, nullptr));
}

void Exchange::CountResponse(uint32_t status) {
  StatSlab& stats = shard_.stats;
  const HttpStats& http = options_.stats;
  const uint64_t ms = static_cast<uint64_t>((shard_.Now() - start_) / scheduler::kMillisecond);
  stats.Dec(http.downstream_rq_active);
  stats.Record(http.downstream_rq_time, ms);
  if (status == 0) return;
  stats.Inc(http.downstream_rq_completed);
  const Counter by_class[] = {http.downstream_rq_1xx, http.downstream_rq_2xx,
                              http.downstream_rq_3xx, http.downstream_rq_4xx,
                              http.downstream_rq_5xx};
  if (status >= 100 && status < 600) stats.Inc(by_class[status / 100 - 1]);
  if (!pool_) return;
  if (pending_.error.code != ErrorCode::kOverflow) {
    pool_->CountAnswer(upstream_status_, timeout_ == ErrorCode::kTimeout);
  }
  const ClusterStats& upstream = cluster().stats;
  stats.Inc(upstream.upstream_rq_completed);
  stats.Record(upstream.upstream_rq_time, ms);
  const Counter up_class[] = {upstream.upstream_rq_1xx, upstream.upstream_rq_2xx,
                              upstream.upstream_rq_3xx, upstream.upstream_rq_4xx,
                              upstream.upstream_rq_5xx};
  if (upstream_status_ >= 100 && upstream_status_ < 600) {
    stats.Inc(up_class[upstream_status_ / 100 - 1]);
  }
}

void Exchange::Log() {
  if (options_.access_logs.empty()) return;
  for (const AccessLogConfig& log : options_.access_logs) shard_.logs.Write(log, record_);
}

}  // namespace outrigger::proxy
