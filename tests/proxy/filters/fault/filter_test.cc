#include "proxy/filters/fault/filter.h"

#include "tests/proxy/filters/filter_test.h"
#include "tests/scheduler/pools.h"

namespace outrigger::proxy::fault {
namespace {

using scheduler::kMillisecond;

constexpr Fraction kAll = {100};
constexpr Fraction kNone = {0};

class FaultFilterTest : public FilterTest {
 protected:
  ~FaultFilterTest() override { pool_.Stop(); }

  void Use(const Settings& settings) {
    chain_ = {Chained(std::make_shared<FaultFilter>(std::make_shared<Settings>(settings), stats_),
                      0, &kKind)};
  }
  void Set(std::string_view name, std::string_view value) {
    request_.down.headers.Add(name, value);
  }
  FilterVerdict OnRequest() { return OnRequest(request_); }
  FilterVerdict OnRequest(FilterRequest& request) {
    request.selection.cluster = "c";
    run_ = &request.Start(chain_);
    return run_->OnRequest();
  }
  // On the worker, to the end of all waits.
  FilterVerdict Finish() {
    FilterVerdict verdict = FilterVerdict::kWait;
    scheduler::RunToEnd(pool_, FinishOnWorker(verdict));
    return verdict;
  }
  scheduler::Task<> FinishOnWorker(FilterVerdict& verdict) {
    verdict = OnRequest();
    EXPECT_EQ(verdict, FilterVerdict::kWait);
    EXPECT_EQ(Get(stats_.active_faults).value, 1);
    if (verdict == FilterVerdict::kWait) verdict = co_await ChainRun::Finish(*run_);
  }
  uint32_t status() const { return run_->reply.status; }

  const Stats stats_ = MakeStats(registry_, "in");
  scheduler::Pool pool_{scheduler::Options(scheduler::Policy::kPinned, 1)};
  FilterRequest request_{pool_.processor(0).netpoll(), slab_};
  FilterChain chain_;
  ChainRun* run_ = nullptr;
};

Settings Aborting(Abort abort) {
  Settings settings;
  settings.abort = abort;
  return settings;
}
Settings Delaying(Delay delay) {
  Settings settings;
  settings.delay = delay;
  return settings;
}
const Settings k418 = Aborting({kAll, Abort::By::kHttpStatus, 418});
const Settings kByHeader = Aborting({kAll, Abort::By::kHeader});

TEST_F(FaultFilterTest, WithoutFaultsRequestsPass) {
  Use(Settings());
  EXPECT_EQ(OnRequest(), FilterVerdict::kContinue);
}

TEST_F(FaultFilterTest, AbortsWithEnvoysWords) {
  Use(k418);
  EXPECT_EQ(OnRequest(), FilterVerdict::kReply);
  EXPECT_EQ(status(), 418u);
  EXPECT_EQ(run_->reply.body, "fault filter abort");
  EXPECT_EQ(run_->reply.details, "fault_filter_abort");
  EXPECT_EQ(request_.flags(), "FI");
  EXPECT_EQ(Get(stats_.aborts_injected), 1u);
  EXPECT_EQ(Get(stats_.active_faults).value, 1);
  request_.End();
  EXPECT_EQ(Get(stats_.active_faults).value, 0);
}

TEST_F(FaultFilterTest, AGrpcStatusComesWith200) {
  Use(Aborting({kAll, Abort::By::kGrpcStatus, 14}));
  EXPECT_EQ(OnRequest(), FilterVerdict::kReply);
  EXPECT_EQ(status(), 200u);
  EXPECT_EQ(run_->reply.grpc_status, 14);
}

TEST_F(FaultFilterTest, AShareOfRequestsIsAborted) {
  Use(Aborting({{25, 100}, Abort::By::kHttpStatus, 418}));
  int aborted = 0;
  for (int i = 0; i < 4000; ++i) {
    FilterRequest request(netpoll_, slab_);
    request.random = Random(static_cast<uint64_t>(i));
    if (OnRequest(request) == FilterVerdict::kReply) ++aborted;
  }
  EXPECT_NEAR(aborted, 1000, 150);
}

TEST_F(FaultFilterTest, AHeaderSaysWhichStatus) {
  Use(kByHeader);
  EXPECT_EQ(OnRequest(), FilterVerdict::kContinue);
  for (const char* bad : {"199", "600", "", "-1", "4x", "18446744073709551616"}) {
    FilterRequest request(netpoll_, slab_);
    request.down.headers.Add("x-envoy-fault-abort-request", bad);
    EXPECT_EQ(OnRequest(request), FilterVerdict::kContinue) << bad;
  }
  Set("x-envoy-fault-abort-request", "429");
  Set("x-envoy-fault-abort-request", "500");
  EXPECT_EQ(OnRequest(), FilterVerdict::kReply);
  EXPECT_EQ(status(), 429u) << "the first";
  EXPECT_EQ(run_->reply.grpc_status, -1);
}

TEST_F(FaultFilterTest, OrWhichGrpcStatus) {
  Use(kByHeader);
  Set("x-envoy-fault-abort-request", "9");
  Set("x-envoy-fault-abort-grpc-request", "5");
  EXPECT_EQ(OnRequest(), FilterVerdict::kReply);
  EXPECT_EQ(status(), 200u);
  EXPECT_EQ(run_->reply.grpc_status, 5);
}

TEST_F(FaultFilterTest, AHeaderLowersTheShareAndNeverRaisesIt) {
  Set("x-envoy-fault-abort-request", "429");
  Set("x-envoy-fault-abort-request-percentage", "0");
  Use(kByHeader);
  EXPECT_EQ(OnRequest(), FilterVerdict::kContinue);
  FilterRequest other(netpoll_, slab_);
  other.down.headers.Add("x-envoy-fault-abort-request", "429");
  other.down.headers.Add("x-envoy-fault-abort-request-percentage", "100");
  Use(Aborting({kNone, Abort::By::kHeader}));
  EXPECT_EQ(OnRequest(other), FilterVerdict::kContinue);
  Use(k418);
  EXPECT_EQ(OnRequest(), FilterVerdict::kReply) << "a fixed abort does not ask the header";
}

TEST_F(FaultFilterTest, OnlyForAClusterOrANode) {
  Settings settings = k418;
  settings.upstream_cluster = "d";
  Use(settings);
  EXPECT_EQ(OnRequest(), FilterVerdict::kContinue);
  settings.upstream_cluster = "c";
  settings.downstream_nodes = {"m", "n"};
  Use(settings);
  EXPECT_EQ(OnRequest(), FilterVerdict::kContinue);
  Set("x-envoy-downstream-service-node", "n");
  EXPECT_EQ(OnRequest(), FilterVerdict::kReply);
}

TEST_F(FaultFilterTest, OnlyForHeadersThatMatch) {
  Settings settings = k418;
  HeaderMatcher one;
  one.key.name = "x-one";
  HeaderMatcher two;
  two.key.name = "x-two";
  settings.headers = {one, two};
  Use(settings);
  Set("x-one", "1");
  EXPECT_EQ(OnRequest(), FilterVerdict::kContinue);
  Set("x-two", "2");
  EXPECT_EQ(OnRequest(), FilterVerdict::kReply);
}

TEST_F(FaultFilterTest, ARoutesSettingsTakeThePlaceOfTheChains) {
  Use(k418);
  request_.Override({.settings = std::make_shared<Settings>()});
  EXPECT_EQ(OnRequest(), FilterVerdict::kContinue);
  Use(Settings());
  request_.Override({.settings = std::make_shared<Settings>(k418)});
  EXPECT_EQ(OnRequest(), FilterVerdict::kReply);
}

TEST_F(FaultFilterTest, NoMoreFaultsAtOnceThanAllowed) {
  Settings settings = k418;
  settings.max_active_faults = 1;
  Use(settings);
  EXPECT_EQ(OnRequest(), FilterVerdict::kReply);
  FilterRequest second(netpoll_, slab_);
  EXPECT_EQ(OnRequest(second), FilterVerdict::kContinue);
  EXPECT_EQ(Get(stats_.faults_overflow), 1u);
  request_.End();
  FilterRequest third(netpoll_, slab_);
  EXPECT_EQ(OnRequest(third), FilterVerdict::kReply);
  EXPECT_EQ(Get(stats_.aborts_injected), 2u);
}

TEST_F(FaultFilterTest, DelaysAndLetsPass) {
  Use(Delaying({kAll, 5 * kMillisecond}));
  const scheduler::Nanos start = scheduler::MonotonicNow();
  EXPECT_EQ(Finish(), FilterVerdict::kContinue);
  EXPECT_GE(scheduler::MonotonicNow() - start, 5 * kMillisecond);
  EXPECT_EQ(request_.flags(), "DI");
  EXPECT_EQ(Get(stats_.delays_injected), 1u);
  EXPECT_EQ(Get(stats_.active_faults).value, 0) << "over with the delay";
}

TEST_F(FaultFilterTest, DelaysAndAborts) {
  Settings settings = k418;
  settings.delay = {kAll, kMillisecond};
  settings.max_active_faults = 1;  // both are one
  Use(settings);
  EXPECT_EQ(Finish(), FilterVerdict::kReply);
  EXPECT_EQ(request_.flags(), "DI,FI");
  EXPECT_EQ(Get(stats_.active_faults).value, 1);
}

TEST_F(FaultFilterTest, AHeaderSaysHowLong) {
  Use(Delaying({kAll, 0}));
  EXPECT_EQ(OnRequest(), FilterVerdict::kContinue);
  for (const char* bad : {"0", "-1", "1s", ""}) {
    FilterRequest request(netpoll_, slab_);
    request.down.headers.Add("x-envoy-fault-delay-request", bad);
    EXPECT_EQ(OnRequest(request), FilterVerdict::kContinue) << bad;
  }
  FilterRequest endless(netpoll_, slab_);
  endless.down.headers.Add("x-envoy-fault-delay-request", "18446744073709551615");
  EXPECT_EQ(OnRequest(endless), FilterVerdict::kWait);
  endless.End();
  Set("x-envoy-fault-delay-request", "1");
  EXPECT_EQ(Finish(), FilterVerdict::kContinue);
  Set("x-envoy-fault-delay-request-percentage", "0");
  EXPECT_EQ(OnRequest(), FilterVerdict::kContinue);
}

TEST_F(FaultFilterTest, ASlowResponseIsAFaultToItsEnd) {
  Settings settings;
  settings.response_rate_limit = {kAll, 1};
  Use(settings);
  FilterRequest request(netpoll_, slab_);
  EXPECT_EQ(OnRequest(request), FilterVerdict::kContinue);
  EXPECT_EQ(Get(stats_.response_rl_injected), 1u);
  ASSERT_TRUE(run_->wants_response_body());
  request.up.body.PushCopy(std::string(1000, 'x'));
  request.up.end_received = true;
  const auto passed = run_->OnResponseBody(request.up);
  EXPECT_LT(passed.body.bytes(), 1000u);
  EXPECT_FALSE(passed.end);
  EXPECT_EQ(Get(stats_.active_faults).value, 1);
  request.End();
  EXPECT_EQ(Get(stats_.active_faults).value, 0);
}

TEST_F(FaultFilterTest, ADelayBeforeASlowResponseDoesNotEndTheFault) {
  Settings settings = Delaying({kAll, kMillisecond});
  settings.response_rate_limit = {kAll, 1};
  Use(settings);
  EXPECT_EQ(Finish(), FilterVerdict::kContinue);
  EXPECT_EQ(Get(stats_.active_faults).value, 1);
}

TEST_F(FaultFilterTest, AHeaderSaysHowSlow) {
  Settings settings;
  settings.response_rate_limit = {kAll, 0};
  Use(settings);
  EXPECT_EQ(OnRequest(), FilterVerdict::kContinue);
  EXPECT_FALSE(run_->wants_response_body());
  Set("x-envoy-fault-throughput-response", "10");
  EXPECT_EQ(OnRequest(), FilterVerdict::kContinue);
  EXPECT_TRUE(run_->wants_response_body());
  Set("x-envoy-fault-throughput-response-percentage", "0");
  EXPECT_EQ(OnRequest(), FilterVerdict::kContinue);
  EXPECT_FALSE(run_->wants_response_body());
}

TEST_F(FaultFilterTest, ADelayThatOverflowsLeavesTheAbortItsChance) {
  Settings settings = k418;
  settings.delay = {kAll, kMillisecond};
  settings.max_active_faults = 0;
  Use(settings);
  EXPECT_EQ(OnRequest(), FilterVerdict::kContinue);
  EXPECT_EQ(Get(stats_.faults_overflow), 2u) << "each try counts, as with Envoy";
}

}  // namespace
}  // namespace outrigger::proxy::fault
