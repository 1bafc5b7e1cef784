#include "proxy/filters/chain.h"

#include "tests/proxy/filters/filter_test.h"
#include "tests/scheduler/pools.h"

namespace outrigger::proxy {
namespace {

// Writes down when it is called, and answers as it is told.
struct Probe : Filter {
  Probe(std::string& trace, char letter) : out(trace), name(letter) {}
  FilterVerdict OnRequest(FilterStream& stream) const override {
    out += name;
    if (wants_body) {
      stream.WantRequestBody();
      stream.WantResponseBody();
    }
    return verdict;
  }
  scheduler::Task<FilterVerdict> Wait(FilterStream& stream) const override {
    out += "w";
    const bool waited = co_await stream.SleepUntil(stream.netpoll.Now() + delay);
    co_return waited ? FilterVerdict::kContinue : FilterVerdict::kOver;
  }
  void OnResponse(FilterStream& stream) const override {
    out += name;
    stream.response->Add("x-probe", std::string(1, name));
  }
  void OnRequestBody(FilterStream&, BodyFlow& flow) const override { Pass(flow); }
  void OnResponseBody(FilterStream&, BodyFlow& flow) const override { Pass(flow); }
  // At most `piece` bytes a call, marked.
  void Pass(BodyFlow& flow) const {
    std::string taken = TextOf(flow.from).substr(0, piece);
    flow.from.Drain(taken.size());
    for (char& c : taken) c = static_cast<char>(c + 1);
    flow.to.PushCopy(taken);
    if (flow.end && flow.from.empty()) flow.trailers.Add("x-end", std::string(1, name));
  }

  std::string& out;
  const char name;
  FilterVerdict verdict = FilterVerdict::kContinue;
  bool wants_body = false;
  size_t piece = 1000;
  scheduler::Nanos delay = 0;
};

class ChainTest : public FilterTest {
 protected:
  ChainTest() {
    for (char name : {'a', 'b', 'c'}) {
      probes_.push_back(std::make_shared<Probe>(trace_, name));
      chain_.push_back(Chained(probes_.back(), static_cast<FilterName>(name)));
    }
  }

  std::string trace_;
  std::vector<std::shared_ptr<Probe>> probes_;
  FilterChain chain_;
  FilterRequest request_{netpoll_, slab_};
};

TEST_F(ChainTest, AnEmptyChainHasNoRun) {
  EXPECT_EQ(ChainRun::Make(
                {}, {request_.down, request_.selection, request_.event, netpoll_, slab_,
                     request_.random, request_.timeout, request_.record, request_.reply_headers}),
            nullptr);
}

TEST_F(ChainTest, RequestsGoForwardAndResponsesBack) {
  ChainRun& run = request_.Start(chain_);
  EXPECT_EQ(run.OnRequest(), FilterVerdict::kContinue);
  EXPECT_EQ(trace_, "abc");
  run.OnResponse(request_.up.headers);
  EXPECT_EQ(trace_, "abccba");
  EXPECT_EQ(TextOf(request_.up.headers), "x-probe=c;x-probe=b;x-probe=a;");
}

TEST_F(ChainTest, AReplyEndsTheWayInButEveryFilterSeesTheAnswer) {
  probes_[1]->verdict = FilterVerdict::kReply;
  ChainRun& run = request_.Start(chain_);
  EXPECT_EQ(run.OnRequest(), FilterVerdict::kReply);
  run.OnResponse(request_.reply_headers);
  EXPECT_EQ(trace_, "abcba");
}

TEST_F(ChainTest, DisabledFiltersSeeNothing) {
  chain_[0].disabled = chain_[1].disabled = true;
  // A route enables `b` and disables `c`; `x` is in another chain.
  request_.route.filters = std::make_shared<FilterOverrides>(
      FilterOverrides{{.name = 'b'}, {.name = 'c', .disabled = true}, {.name = 'x'}});
  ChainRun& run = request_.Start(chain_);
  EXPECT_EQ(run.OnRequest(), FilterVerdict::kContinue);
  run.OnResponse(request_.up.headers);
  EXPECT_EQ(trace_, "bb");
}

// What a filter keeps; says when it goes.
struct Kept final : FilterState {
  explicit Kept(std::string& out) : trace(out) {}
  ~Kept() override { trace += "~"; }
  std::string& trace;
};

struct KindedSettings final : FilterSettings {
  explicit KindedSettings(const FilterKind& kind, int number)
      : FilterSettings(kind), value(number) {}
  int value;
};

constinit const FilterKind kOne = {.name = "one"};
constinit const FilterKind kOther = {.name = "other"};

struct Keeper : Filter {
  explicit Keeper(std::string& trace) : out(trace) {}
  FilterVerdict OnRequest(FilterStream& stream) const override {
    EXPECT_EQ(stream.state<Kept>(), nullptr);
    stream.MakeState<Kept>(out);
    const auto* settings = stream.settings<KindedSettings>();
    out += settings ? std::to_string(settings->value) : "-";
    return FilterVerdict::kContinue;
  }
  void OnResponse(FilterStream& stream) const override { out += stream.state<Kept>() ? "k" : "n"; }
  std::string& out;
};

TEST_F(ChainTest, StateLivesAsLongAsTheRequest) {
  const FilterChain chain = {Chained(std::make_shared<Keeper>(trace_))};
  request_.Start(chain).OnRequest();
  EXPECT_EQ(trace_, "-");
  request_.End();
  EXPECT_EQ(trace_, "-~");
}

TEST_F(ChainTest, AFilterThatSawNoRequestHasNoState) {
  const FilterChain chain = {Chained(std::make_shared<Keeper>(trace_))};
  request_.Start(chain).OnResponse(request_.up.headers);
  EXPECT_EQ(trace_, "n");
}

TEST_F(ChainTest, SettingsReachTheFilterOfTheirNameAndKind) {
  const auto keeper = std::make_shared<Keeper>(trace_);
  const FilterChain chain = {Chained(keeper, 1, &kOne), Chained(keeper, 2, &kOne),
                             Chained(keeper, 3, &kOther)};
  const auto settings = std::make_shared<KindedSettings>(kOne, 7);
  request_.route.filters = std::make_shared<FilterOverrides>(
      FilterOverrides{{.name = 3, .settings = settings}, {.name = 2, .settings = settings}});
  request_.Start(chain).OnRequest();
  EXPECT_EQ(trace_, "-7-");
}

TEST_F(ChainTest, AWeightedClusterSpeaksForItsRoute) {
  const FilterChain chain = {Chained(std::make_shared<Keeper>(trace_), 1, &kOne)};
  request_.Override({.name = 1, .settings = std::make_shared<KindedSettings>(kOne, 7)});
  WeightedCluster weighted;
  weighted.filters = std::make_shared<FilterOverrides>(
      FilterOverrides{{.name = 1, .settings = std::make_shared<KindedSettings>(kOne, 8)}});
  request_.selection.weighted = &weighted;
  request_.Start(chain).OnRequest();
  EXPECT_EQ(trace_, "8");
}

TEST_F(ChainTest, WithoutARouteTheChainsSettingsHold) {
  const FilterChain chain = {Chained(std::make_shared<Keeper>(trace_), 1, &kOne)};
  request_.selection.route = nullptr;
  request_.Start(chain).OnRequest();
  EXPECT_EQ(trace_, "-");
}

TEST_F(ChainTest, BodiesPassOnlyTheFiltersThatWantThem) {
  probes_[0]->wants_body = probes_[2]->wants_body = true;
  probes_[2]->piece = 2;
  ChainRun& run = request_.Start(chain_);
  EXPECT_FALSE(run.wants_request_body());
  run.OnRequest();
  ASSERT_TRUE(run.wants_request_body() && run.wants_response_body());
  request_.down.body.PushCopy("aaa");
  request_.down.end_received = true;
  const auto [body, end] = run.OnRequestBody(request_.down);
  EXPECT_EQ(TextOf(body), "cc");  // `a` took all, `c` two of them
  EXPECT_FALSE(end);
  EXPECT_EQ(request_.down.consumed, 3u);
  EXPECT_EQ(TextOf(request_.down.trailers), "x-end=a;");
  body.Clear();
  const auto rest = run.OnRequestBody(request_.down);
  EXPECT_EQ(TextOf(rest.body), "c");
  EXPECT_TRUE(rest.end);
  EXPECT_EQ(TextOf(request_.down.trailers), "x-end=a;x-end=a;x-end=c;");
}

TEST_F(ChainTest, WhatAFilterLeavesOfABodyHoldsTheSenderBack) {
  probes_[0]->wants_body = probes_[1]->wants_body = true;
  probes_[1]->piece = 1;
  ChainRun& run = request_.Start(chain_);
  run.OnRequest();
  request_.up.body.PushCopy("aaa");
  const auto [body, end] = run.OnResponseBody(request_.up);
  EXPECT_EQ(TextOf(body), "c");  // `b` first, a byte a time
  EXPECT_FALSE(end);
  EXPECT_EQ(request_.up.consumed, 1u);
  EXPECT_EQ(request_.up.body.bytes(), 2u);
}

// --- Waiting, on a worker of its own.

TEST_F(ChainTest, ABodyDoesNotGatherBetweenFilters) {
  for (const auto& probe : probes_) probe->wants_body = true;
  probes_[0]->piece = 1 << 20;
  probes_[1]->piece = 1;
  probes_[2]->piece = 1 << 20;
  ChainRun& run = request_.Start(chain_);
  run.OnRequest();
  size_t passed = 0;
  for (int i = 0; i < 5; ++i) {
    request_.down.body.PushCopy(std::string(100'000, 'x'));
    const auto through = run.OnRequestBody(request_.down);
    passed += through.body.bytes();
    through.body.Clear();
  }
  EXPECT_EQ(passed, 5u);
  EXPECT_EQ(request_.down.consumed, 100'000u) << "what the first one took when it had room";
  EXPECT_EQ(request_.down.body.bytes(), 400'000u) << "holds the sender back";
  // The narrow one widens: those before it go on in the same call.
  probes_[1]->piece = 1 << 20;
  request_.down.end_received = true;
  const auto rest = run.OnRequestBody(request_.down);
  EXPECT_EQ(rest.body.bytes(), 500'000u - 5);
  EXPECT_TRUE(rest.end);
}

class WaitTest : public ChainTest {
 protected:
  WaitTest() : request_(pool_.processor(0).netpoll(), slab_) {
    for (const auto& probe : probes_) probe->verdict = FilterVerdict::kWait;
  }
  ~WaitTest() override { pool_.Stop(); }

  scheduler::Task<> Run(FilterVerdict& verdict) {
    ChainRun& run = request_.Start(chain_);
    verdict = run.OnRequest();
    verdict = co_await ChainRun::Finish(run);
  }
  scheduler::Task<> RunAndEnd(FilterVerdict& verdict, const std::function<void()>& end) {
    const scheduler::JoinHandle running = scheduler::Go("run", Run(verdict));
    co_await scheduler::Yield();
    end();
    request_.event.Set();
    co_await running.Join();
  }

  scheduler::Pool pool_{scheduler::Options(scheduler::Policy::kPinned, 1)};
  FilterRequest request_;
  FilterVerdict verdict_ = FilterVerdict::kWait;
};

TEST_F(WaitTest, GoesOnBehindTheFilterThatWaited) {
  probes_[1]->delay = scheduler::kMillisecond;
  probes_[2]->verdict = FilterVerdict::kReply;
  scheduler::RunToEnd(pool_, Run(verdict_));
  EXPECT_EQ(trace_, "awbwc");
  EXPECT_EQ(verdict_, FilterVerdict::kReply);
}

TEST_F(WaitTest, EndsWithARequestThatItsClientBrokeOff) {
  probes_[0]->delay = scheduler::kSecond * 1000;
  scheduler::RunToEnd(
      pool_, RunAndEnd(verdict_, [this] { request_.down.error.code = ErrorCode::kReset; }));
  EXPECT_EQ(verdict_, FilterVerdict::kOver);
  EXPECT_EQ(trace_, "aw");
}

TEST_F(WaitTest, EndsWithARequestThatRanOutOfTime) {
  probes_[0]->delay = scheduler::kSecond * 1000;
  scheduler::RunToEnd(pool_,
                      RunAndEnd(verdict_, [this] { request_.timeout = ErrorCode::kIdleTimeout; }));
  EXPECT_EQ(verdict_, FilterVerdict::kOver);
}

TEST_F(WaitTest, EndsWithTheWorker) {
  probes_[0]->delay = scheduler::kSecond * 1000;
  scheduler::Spawn(pool_, "run", Run(verdict_));
  pool_.Stop();
  EXPECT_EQ(verdict_, FilterVerdict::kOver);
}

}  // namespace
}  // namespace outrigger::proxy
