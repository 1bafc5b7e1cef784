// Where an exchange runs its filters: over real sockets, with filters that the test makes.
#include <memory>
#include <string>

#include "gtest/gtest.h"
#include "proxy/connection/exchange.h"
#include "proxy/filters/filter.h"
#include "tests/support/peer.h"
#include "tests/support/test_proxy.h"

namespace outrigger::proxy {
namespace {

using scheduler::kMillisecond;
using scheduler::kSecond;

// What a test's filter does, by the request's path.
struct TestFilter final : Filter {
  explicit TestFilter(Gauge kept) : gauge(kept) {}

  struct Kept final : FilterState {
    Kept(FilterStream& stream, Gauge counted) : stats(stream.stats), gauge(counted), timer(stream) {
      stats.Inc(gauge);
    }
    ~Kept() override { stats.Dec(gauge); }
    StatSlab& stats;
    const Gauge gauge;
    EventTimer timer;
  };

  FilterVerdict OnRequest(FilterStream& stream) const override {
    const std::string_view path = stream.request().Get(HeaderName::kPath);
    stream.MakeState<Kept>(stream, gauge);
    stream.request().Add("x-cluster", stream.selection.cluster);
    if (path == "/reply") {
      stream.reply = {.status = 403, .body = "no", .details = "denied"};
      stream.record.flags.Set(ResponseFlag::kUnauthorizedExternalService);
      return FilterVerdict::kReply;
    }
    if (path == "/bodies") {
      stream.WantRequestBody();
      stream.WantResponseBody();
    }
    if (path == "/drip") stream.WantResponseBody();
    return path.starts_with("/wait") ? FilterVerdict::kWait : FilterVerdict::kContinue;
  }
  scheduler::Task<FilterVerdict> Wait(FilterStream& stream) const override {
    const bool forever = stream.request().Get(HeaderName::kPath) == "/wait-forever";
    const bool waited = co_await stream.SleepUntil(stream.netpoll.Now() +
                                                   (forever ? 1000 * kSecond : kMillisecond));
    co_return waited ? FilterVerdict::kContinue : FilterVerdict::kOver;
  }
  void OnRequestBody(FilterStream&, BodyFlow& flow) const override { Shout(flow); }
  void OnResponse(FilterStream& stream) const override {
    stream.response->Add("x-seen", stream.response->Get(HeaderName::kStatus));
  }
  void OnResponseBody(FilterStream& stream, BodyFlow& flow) const override {
    if (stream.request().Get(HeaderName::kPath) != "/drip") return Shout(flow);
    // A byte a millisecond.
    if (flow.from.empty()) return;
    flow.to.Push(flow.from.front().Prefix(1));
    flow.from.Drain(1);
    stream.state<Kept>()->timer.Set(stream.netpoll.Now() + kMillisecond);
  }
  static void Shout(BodyFlow& flow) {
    std::string text = Text(flow.from);
    flow.from.Clear();
    for (char& c : text) c = static_cast<char>(c - 'a' + 'A');
    flow.to.PushCopy(text);
    if (flow.end) flow.trailers.Add("x-end", "filtered");
  }

  const Gauge gauge;
};

class ExchangeFiltersTest : public testing::Test {
 protected:
  void Start() {
    gauge_ = proxy_.stats().AddGauge("test.kept", "");
    proxy_.listener.http.filters = {{.filter = std::make_shared<TestFilter>(gauge_)}};
    proxy_.AddCluster("up", {upstream_.address()});
    proxy_.AddDirect("/direct", 201, "made");
    proxy_.AddRoute("/", "up");
    proxy_.Start(&Exchange::Handle);
    client_ = std::make_unique<TestClient>(proxy_.address());
  }
  Stream* Accept() {
    if (!Until({client_.get()}, [this] { return !upstream_.Idle(); })) return nullptr;
    up_ = upstream_.Accept();
    return Pump([&] { return !up_->requests().empty(); }) ? up_->requests()[0] : nullptr;
  }
  bool Pump(const std::function<bool()>& done) {
    if (!up_) return Until({client_.get()}, done);
    return Until({client_.get(), up_.get()}, done);
  }
  bool Ended(Stream& stream) {
    return Pump([&] { return stream.end_received || stream.error; });
  }
  static std::string Get(const Headers& headers, std::string_view name) {
    const Header* header = headers.Find(name);
    return header ? std::string(header->value) : "none";
  }
  bool Kept(int64_t count) {
    return proxy_.Eventually([this, count] { return proxy_.Get(gauge_) == count; });
  }

  TestUpstream upstream_;
  TestProxy proxy_;
  Gauge gauge_;
  std::unique_ptr<TestClient> client_;
  std::unique_ptr<TestUpstreamConnection> up_;
};

TEST_F(ExchangeFiltersTest, SeeTheRequestAndTheResponse) {
  Start();
  Stream& stream = client_->Get("/");
  Stream* request = Accept();
  ASSERT_NE(request, nullptr);
  EXPECT_EQ(Get(request->headers, "x-cluster"), "up");
  EXPECT_TRUE(Kept(1));
  SendHeaders(*request, {{":status", "204"}}, true);
  ASSERT_TRUE(Ended(stream));
  EXPECT_EQ(Get(stream.headers, "x-seen"), "204");
  EXPECT_EQ(proxy_.LogLine(), "204 - via_upstream 0 0");
  EXPECT_TRUE(Kept(0)) << "state goes with the request";
}

TEST_F(ExchangeFiltersTest, MayAnswerThemselves) {
  Start();
  Stream& stream = client_->Get("/reply");
  ASSERT_TRUE(Ended(stream));
  EXPECT_EQ(stream.headers.Get(HeaderName::kStatus), "403");
  EXPECT_EQ(Take(stream), "no");
  EXPECT_EQ(Get(stream.headers, "x-seen"), "403") << "filters see what filters answer";
  EXPECT_EQ(proxy_.LogLine(), "403 UAEX denied 0 2");
  EXPECT_TRUE(Kept(0));
  EXPECT_TRUE(upstream_.Idle());
}

TEST_F(ExchangeFiltersTest, SeeWhatARouteAnswers) {
  Start();
  Stream& stream = client_->Get("/direct");
  ASSERT_TRUE(Ended(stream));
  EXPECT_EQ(Get(stream.headers, "x-seen"), "201");
}

TEST_F(ExchangeFiltersTest, SeeAnswersToGrpcAsTheyAreSent) {
  Start();
  Stream& stream = client_->Get("/reply", {{"content-type", "application/grpc"}});
  ASSERT_TRUE(Ended(stream));
  EXPECT_EQ(Get(stream.headers, "x-seen"), "200");
  EXPECT_EQ(stream.headers.Get(HeaderName::kGrpcStatus), "7");
}

TEST_F(ExchangeFiltersTest, BodiesAndTrailersPassThem) {
  Start();
  Stream& stream = client_->Post("/bodies", {{"te", "trailers"}});
  SendBody(stream, "up", false);
  Stream* request = Accept();
  ASSERT_NE(request, nullptr);
  ASSERT_TRUE(Pump([&] { return request->body.bytes() == 2; })) << "as it comes";
  SendBody(stream, "stream", true);
  ASSERT_TRUE(Pump([&] { return request->end_received; }));
  EXPECT_EQ(Take(*request), "UPSTREAM");
  EXPECT_EQ(Text(request->trailers), "x-end=filtered;");
  SendHeaders(*request, {{":status", "200"}}, false);
  SendBody(*request, "down", false);
  SendTrailers(*request, {{"x-own", "1"}});
  ASSERT_TRUE(Ended(stream));
  EXPECT_EQ(Take(stream), "DOWN");
  EXPECT_EQ(Text(stream.trailers), "x-own=1;x-end=filtered;");
}

TEST_F(ExchangeFiltersTest, AFilterMayLetABodyPassInItsOwnTime) {
  Start();
  Stream& stream = client_->Get("/drip");
  Stream* request = Accept();
  ASSERT_NE(request, nullptr);
  SendHeaders(*request, {{":status", "200"}}, false);
  SendBody(*request, "drops", false);
  SendTrailers(*request, {{"x-last", "1"}});
  ASSERT_TRUE(Ended(stream));
  EXPECT_EQ(Take(stream), "drops");
  EXPECT_EQ(Text(stream.trailers), "x-last=1;");
}

TEST_F(ExchangeFiltersTest, WhatAFilterLeavesHoldsTheUpstreamBack) {
  Start();
  client_->Get("/drip");
  Stream* request = Accept();
  ASSERT_NE(request, nullptr);
  SendHeaders(*request, {{":status", "200"}}, false);
  SendBody(*request, std::string(4'000'000, 'x'), true);
  const size_t all = request->send_buffered();
  size_t before = 0;
  // It takes the window's worth, and then no more but the drops.
  ASSERT_TRUE(Pump([&] {
    const size_t now = request->send_buffered();
    const bool stuck = now == before && now < all;
    before = now;
    return stuck;
  }));
  EXPECT_GT(request->send_buffered(), 2'000'000u);
}

TEST_F(ExchangeFiltersTest, WhatTheUpstreamHasSaidPassesInItsOwnTime) {
  Start();
  proxy_.clusters.at("up").max_stream_duration = 300 * kMillisecond;
  std::get<ClusterRoute>(proxy_.routes.virtual_hosts[0].routes.back().action).timeout =
      300 * kMillisecond;
  proxy_.Apply();
  Stream& stream = client_->Get("/drip");
  Stream* request = Accept();
  ASSERT_NE(request, nullptr);
  SendHeaders(*request, {{":status", "200"}}, false);
  SendBody(*request, std::string(400, 'x'), true);
  ASSERT_TRUE(Ended(stream));
  EXPECT_EQ(Take(stream), std::string(400, 'x'));
}

TEST_F(ExchangeFiltersTest, AWaitTakesAGrpcTimeoutOnce) {
  Start();
  auto& action = std::get<ClusterRoute>(proxy_.routes.virtual_hosts[0].routes.back().action);
  action.grpc_timeout_max = 100 * kSecond;
  action.grpc_timeout_offset = kSecond;
  proxy_.Apply();
  client_->Get("/wait", {{"grpc-timeout", "10S"}});
  Stream* request = Accept();
  ASSERT_NE(request, nullptr);
  EXPECT_EQ(Get(request->headers, "grpc-timeout"), "9000m");
}

TEST_F(ExchangeFiltersTest, AFilterMayWait) {
  Start();
  Stream& stream = client_->Post("/wait");
  SendBody(stream, "body", true);
  Stream* request = Accept();
  ASSERT_NE(request, nullptr);
  ASSERT_TRUE(Pump([&] { return request->end_received; }));
  EXPECT_EQ(Take(*request), "body");
  SendHeaders(*request, {{":status", "200"}}, true);
  ASSERT_TRUE(Ended(stream));
}

TEST_F(ExchangeFiltersTest, AClientThatLeavesEndsTheWait) {
  Start();
  Stream& stream = client_->Get("/wait-forever");
  client_->Flush();
  ASSERT_TRUE(Kept(1));
  stream.Reset(ErrorCode::kReset);
  client_->Flush();
  EXPECT_EQ(proxy_.LogLine(), "0 DR downstream_remote_disconnect 0 0");
  EXPECT_TRUE(Kept(0));
  EXPECT_TRUE(upstream_.Idle());
}

TEST_F(ExchangeFiltersTest, AnIdleStreamEndsTheWait) {
  proxy_.listener.http.stream_idle_timeout = 5 * kMillisecond;
  Start();
  Stream& stream = client_->Get("/wait-forever");
  ASSERT_TRUE(Ended(stream));
  EXPECT_EQ(stream.headers.Get(HeaderName::kStatus), "504");
  EXPECT_EQ(proxy_.LogLine(), "504 SI stream_idle_timeout 0 14");
}

TEST_F(ExchangeFiltersTest, TheWorkersEndEndsTheWait) {
  Start();
  client_->Get("/wait-forever");
  client_->Flush();
  ASSERT_TRUE(Kept(1));
  proxy_.Stop();
  EXPECT_EQ(proxy_.Get(gauge_), 0);
}

}  // namespace
}  // namespace outrigger::proxy
