#include "proxy/filters/fault/filter.h"

#include <algorithm>
#include <climits>

#include "absl/strings/numbers.h"
#include "proxy/filters/fault/throttle.h"
#include "proxy/router/matcher.h"
#include "scheduler/base/text.h"

namespace outrigger::proxy::fault {
namespace {

using scheduler::kMillisecond;
using scheduler::Nanos;

// Longer than any stream lives; what a header asks for beyond that makes no difference.
constexpr uint64_t kLongestMs = 365ull * 24 * 3600 * 1000;

// A whole number in the first field of that name: who sends it is not trusted to send one.
std::optional<uint64_t> NumberIn(const Headers& request, std::string_view name) {
  const Header* header = request.Find(name);
  uint64_t value;
  if (!header || !absl::SimpleAtoi(scheduler::ToAbsl(header->value), &value)) return std::nullopt;
  return value;
}

// A header may lower the share, never raise it.
Fraction Lowered(Fraction share, const Headers& request, std::string_view name) {
  if (const auto asked = NumberIn(request, name); asked && *asked < share.numerator) {
    share.numerator = static_cast<uint32_t>(*asked);
  }
  return share;
}

bool Concerns(const Settings& settings, FilterStream& stream) {
  if (!settings.upstream_cluster.empty() && settings.upstream_cluster != stream.selection.cluster) {
    return false;
  }
  const Headers& request = stream.request();
  if (!settings.downstream_nodes.empty()) {
    const Header* node = request.Find("x-envoy-downstream-service-node");
    if (!node || std::find(settings.downstream_nodes.begin(), settings.downstream_nodes.end(),
                           node->value) == settings.downstream_nodes.end()) {
      return false;
    }
  }
  return std::all_of(
      settings.headers.begin(), settings.headers.end(),
      [&request](const HeaderMatcher& matcher) { return Matches(matcher, request); });
}

// 0: none.
Nanos DelayOf(const Delay& delay, FilterStream& stream) {
  const Headers& request = stream.request();
  if (delay.fixed > 0) return IsIn(delay.share, stream.random.Next()) ? delay.fixed : 0;
  const Fraction share = Lowered(delay.share, request, "x-envoy-fault-delay-request-percentage");
  if (!IsIn(share, stream.random.Next())) return 0;
  const uint64_t ms = NumberIn(request, "x-envoy-fault-delay-request").value_or(0);
  return static_cast<Nanos>(std::min(ms, kLongestMs)) * kMillisecond;
}

// 0: none.
uint64_t KibPerSecond(const RateLimit& limit, FilterStream& stream) {
  const Headers& request = stream.request();
  Fraction share = limit.share;
  uint64_t rate = limit.kib_per_second;
  if (rate == 0) {
    rate = NumberIn(request, "x-envoy-fault-throughput-response").value_or(0);
    share = Lowered(share, request, "x-envoy-fault-throughput-response-percentage");
  }
  return IsIn(share, stream.random.Next()) ? rate : 0;
}

struct AbortStatus {
  uint32_t http = 0;  // 0: no abort
  int grpc = -1;
};

AbortStatus StatusOf(const Abort& abort, FilterStream& stream) {
  const Headers& request = stream.request();
  Fraction share = abort.share;
  if (abort.by == Abort::By::kHeader) {
    share = Lowered(share, request, "x-envoy-fault-abort-request-percentage");
  }
  if (!IsIn(share, stream.random.Next())) return {};
  if (abort.by == Abort::By::kHttpStatus) return {abort.status};
  if (abort.by == Abort::By::kGrpcStatus) return {200, static_cast<int>(abort.status)};
  const auto http = NumberIn(request, "x-envoy-fault-abort-request");
  if (http && *http >= 200 && *http < 600) return {static_cast<uint32_t>(*http)};
  const auto grpc = NumberIn(request, "x-envoy-fault-abort-grpc-request");
  if (grpc) return {200, static_cast<int>(std::min<uint64_t>(*grpc, INT_MAX))};
  return {};
}

}  // namespace

// A request with a fault, however many: one of active_faults until it ends.
class FaultFilter::Active final : public FilterState {
 public:
  Active(const FaultFilter& filter, StatSlab& stats) : filter_(filter), stats_(stats) {
    stats_.Inc(filter_.stats_.active_faults);
  }
  ~Active() override { End(); }

  void End() {
    if (std::exchange(ended_, true)) return;
    stats_.Dec(filter_.stats_.active_faults);
    filter_.active_.GiveBack();
  }

  Nanos delayed_until = 0;
  std::optional<Throttle> throttle;  // of the response

 private:
  const FaultFilter& filter_;
  StatSlab& stats_;
  bool ended_ = false;
};

const Settings& FaultFilter::For(const FilterStream& stream) const {
  const Settings* own = stream.settings<Settings>();
  return own ? *own : *settings_;
}

bool FaultFilter::TryStart(FilterStream& stream) const {
  if (stream.state<Active>()) return true;
  const Settings& settings = For(stream);
  if (!active_.TryTake(settings.max_active_faults.value_or(UINT64_MAX))) {
    stream.stats.Inc(stats_.faults_overflow);
    return false;
  }
  stream.MakeState<Active>(*this, stream.stats);
  return true;
}

void FaultFilter::MaybeThrottle(FilterStream& stream) const {
  const Settings& settings = For(stream);
  if (!settings.response_rate_limit) return;
  const uint64_t rate = KibPerSecond(*settings.response_rate_limit, stream);
  if (rate == 0 || !TryStart(stream)) return;
  stream.stats.Inc(stats_.response_rl_injected);
  stream.state<Active>()->throttle.emplace(stream, rate);
  stream.WantResponseBody();
}

void FaultFilter::OnResponseBody(FilterStream& stream, BodyFlow& flow) const {
  stream.state<Active>()->throttle->Pass(flow, stream.netpoll.Now());
}

FilterVerdict FaultFilter::OnRequest(FilterStream& stream) const {
  const Settings& settings = For(stream);
  if (!Concerns(settings, stream)) return FilterVerdict::kContinue;
  MaybeThrottle(stream);
  if (settings.delay) {
    const Nanos delay = DelayOf(*settings.delay, stream);
    if (delay > 0 && TryStart(stream)) {
      stream.state<Active>()->delayed_until = stream.netpoll.Now() + delay;
      stream.stats.Inc(stats_.delays_injected);
      stream.record.flags.Set(ResponseFlag::kDelayInjected);
      return FilterVerdict::kWait;
    }
  }
  return MaybeAbort(stream);
}

scheduler::Task<FilterVerdict> FaultFilter::Wait(FilterStream& stream) const {
  Active& active = *stream.state<Active>();
  const bool waited = co_await stream.SleepUntil(active.delayed_until);
  if (!waited) co_return FilterVerdict::kOver;
  const FilterVerdict verdict = MaybeAbort(stream);
  if (verdict == FilterVerdict::kContinue && !active.throttle) active.End();
  co_return verdict;
}

FilterVerdict FaultFilter::MaybeAbort(FilterStream& stream) const {
  const Settings& settings = For(stream);
  if (!settings.abort) return FilterVerdict::kContinue;
  const AbortStatus status = StatusOf(*settings.abort, stream);
  if (status.http == 0 || !TryStart(stream)) return FilterVerdict::kContinue;
  stream.stats.Inc(stats_.aborts_injected);
  stream.record.flags.Set(ResponseFlag::kFaultInjected);
  stream.reply = {.status = status.http,
                  .body = "fault filter abort",
                  .details = "fault_filter_abort",
                  .grpc_status = status.grpc};
  return FilterVerdict::kReply;
}

}  // namespace outrigger::proxy::fault
