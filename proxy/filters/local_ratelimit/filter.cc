#include "proxy/filters/local_ratelimit/filter.h"

#include "proxy/router/header_mutation.h"
#include "proxy/router/matcher.h"

namespace outrigger::proxy::local_ratelimit {
namespace {

using scheduler::kSecond;
using scheduler::Nanos;

// The bucket that a request took from, or found empty: its answer speaks of that one.
struct Asked final : FilterState {
  explicit Asked(const SharedTokenBucket& of) : bucket(of) {}
  const SharedTokenBucket& bucket;
};

}  // namespace

FilterVerdict LocalRateLimitFilter::OnRequest(FilterStream& stream) const {
  const Settings* own = stream.settings<Settings>();
  const Settings& settings = own ? *own : *settings_;
  if (!IsIn(settings.enabled, stream.random.Next())) return FilterVerdict::kContinue;
  stream.stats.Inc(settings.stats.enabled);
  if (settings.bucket && settings.tells_client) stream.MakeState<Asked>(*settings.bucket);
  if (!settings.bucket || settings.bucket->TryTake(stream.netpoll.Now())) {
    stream.stats.Inc(settings.stats.ok);
    return FilterVerdict::kContinue;
  }
  stream.stats.Inc(settings.stats.rate_limited);
  if (!IsIn(settings.enforced, stream.random.Next())) {
    if (settings.request) Mutate(*settings.request, stream.request(), stream.record);
    return FilterVerdict::kContinue;
  }
  stream.stats.Inc(settings.stats.enforced);
  stream.record.flags.Set(ResponseFlag::kRateLimited);
  if (settings.response) Mutate(*settings.response, stream.reply_headers, stream.record);
  stream.reply = {.status = settings.status,
                  .body = "local_rate_limited",
                  .details = "local_rate_limited",
                  .grpc_status = settings.grpc_status};
  return FilterVerdict::kReply;
}

void LocalRateLimitFilter::OnResponse(FilterStream& stream) const {
  const Asked* asked = stream.state<Asked>();
  if (!asked) return;
  const Nanos now = stream.netpoll.Now();
  const Nanos wait = asked->bucket.UntilNext(now);
  Headers& response = *stream.response;
  response.Add("x-ratelimit-limit", scheduler::Concat(asked->bucket.most()));
  response.Add("x-ratelimit-remaining", scheduler::Concat(asked->bucket.Left(now)));
  response.Add("x-ratelimit-reset", scheduler::Concat((wait + kSecond - 1) / kSecond));
}

}  // namespace outrigger::proxy::local_ratelimit
