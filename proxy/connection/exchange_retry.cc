// The attempts of an exchange: what is kept of one, and what becomes of the next. Whether there is
// a next one is for router/retry.h to say.
#include <algorithm>
#include <utility>

#include "proxy/connection/exchange.h"
#include "scheduler/base/text.h"

namespace outrigger::proxy {

void Exchange::KeepForRetry(const SliceQueue& body) {
  if (response_started_ || !retry_->possible()) return;
  // Without a policy, what was not processed is sent again only if nothing of its body is gone.
  const uint32_t most = retry_->asked_for() ? std::min(selection_.route->request_buffer_limit,
                                                       listener_->per_connection_buffer_limit_bytes)
                                            : 0;
  if (kept_.bytes() + body.bytes() > most) {
    if (retry_->asked_for()) shard_.stats.Inc(cluster().stats.retry_or_shadow_abandoned);
    kept_.Clear();
    return retry_->GiveUp();
  }
  for (const Slice& slice : body) kept_.Push(slice);
}

void Exchange::TellAttempt() {
  const uint32_t attempt = retry_->count() + 1;
  record_.upstream_request_attempts = attempt;
  deadlines_.progress = shard_.Now();
  Headers& request = down_.headers;
  if (selection_.host->include_request_attempt_count) {
    request.Set(HeaderName::kXEnvoyAttemptCount, scheduler::Concat(attempt));
  }
  if (attempt == 1 || !request.Find(HeaderName::kXEnvoyExpectedRqTimeoutMs)) return;
  // What is left of the whole, or of it for this attempt.
  Nanos left = timeouts_.per_try > 0 ? timeouts_.per_try : scheduler::kNever;
  if (deadlines_.route != scheduler::kNever) left = std::min(left, deadlines_.route - shard_.Now());
  request.Set(HeaderName::kXEnvoyExpectedRqTimeoutMs,
              scheduler::Concat(left / scheduler::kMillisecond));
}

void Exchange::AddAttemptCount(Headers& response) const {
  if (!retry_ || !selection_.host->include_attempt_count_in_response) return;
  response.Set(HeaderName::kXEnvoyAttemptCount, scheduler::Concat(retry_->count() + 1));
}

bool Exchange::RetryAfter(const StreamError& error) {
  if (response_started_) return false;
  switch (error.code) {
    case ErrorCode::kTimeout:  // of the whole: another attempt would have no time
    case ErrorCode::kIdleTimeout:
    case ErrorCode::kRequestTimeout:
    case ErrorCode::kMaxDuration:
      return false;
    default:
      return StartRetry(retry_->OnError(error));
  }
}

bool Exchange::RetryInsteadOf(const Headers& response) {
  const Retry::Verdict verdict = retry_->OnResponse(response);
  if (verdict == Retry::Verdict::kNo && retry_->count() > 0) {
    shard_.stats.Inc(cluster().stats.upstream_rq_retry_success);
  }
  return StartRetry(verdict);
}

bool Exchange::StartRetry(Retry::Verdict verdict) {
  StatSlab& stats = shard_.stats;
  const ClusterStats& counters = cluster().stats;
  retry_permit_.GiveBack();
  if (verdict == Retry::Verdict::kLimit) {
    stats.Inc(counters.upstream_rq_retry_limit_exceeded);
    record_.flags.Set(ResponseFlag::kUpstreamRetryLimitExceeded);
  }
  if (verdict != Retry::Verdict::kYes) return false;
  if (!retry_permit_.TryTake(upstream_, pending_.high_priority, Resource::kRetries)) {
    stats.Inc(counters.upstream_rq_retry_overflow);
    record_.flags.Set(ResponseFlag::kUpstreamOverflow);
    return false;
  }
  stats.Inc(counters.upstream_rq_retry);
  stats.Inc(counters.upstream_rq_retry_backoff_exponential);
  pending_.Clear();  // before its stream is released
  if (up_) {
    up_->SetObserver(nullptr);
    if (!up_->error) {
      stats.Inc(counters.upstream_rq_tx_reset);
      up_->Reset(ErrorCode::kReset);
    }
    std::exchange(up_, nullptr)->Release();
  }
  pool_ = {};
  // What was sent goes back before what was not.
  replayed_ = kept_.bytes();
  down_.body.MoveTo(kept_);
  std::swap(down_.body, kept_);
  request_ended_ = false;
  timeout_ = ErrorCode::kNone;
  deadlines_.attempt = deadlines_.upstream_duration = scheduler::kNever;
  deadlines_.attempt_idle_limit = 0;
  if (const Nanos wait = retry_->Backoff(shard_.random); wait > 0) {
    deadlines_.backoff = shard_.Now() + wait;
    ArmTimer();
  }
  retry_due_ = true;
  return true;
}

bool Exchange::BacksOff() const {
  return retry_due_ && deadlines_.backoff != scheduler::kNever && !down_.error && !timed_out();
}

bool Exchange::TakeRetry() {
  deadlines_.backoff = scheduler::kNever;
  if (!std::exchange(retry_due_, false) || down_.error) return false;
  if (!timed_out()) return true;
  ReplyError(timeout_);
  return false;
}

}  // namespace outrigger::proxy
