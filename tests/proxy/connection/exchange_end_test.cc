// How exchanges end where not by the upstream's answer: local replies, resets, timeouts, drain,
// stop.
#include <string>

#include "gtest/gtest.h"
#include "proxy/connection/echo.h"
#include "proxy/connection/exchange.h"
#include "tests/support/peer.h"
#include "tests/support/test_proxy.h"

namespace outrigger::proxy {
namespace {

constexpr std::string_view kReset =
    "upstream connect error or disconnect/reset before headers. reset reason: ";
const Fields kGrpc = {{"content-type", "application/grpc"}, {"te", "trailers"}};

class ExchangeEndTest : public testing::Test {
 protected:
  // One cluster, "up", with these hosts, behind "/".
  void StartWith(const std::vector<Address>& hosts) {
    proxy_.AddCluster("up", hosts);
    proxy_.AddRoute("/", "up");
    Start();
  }
  void Start() {
    proxy_.Start(&Exchange::Handle);
    client_ = std::make_unique<TestClient>(proxy_.address());
  }
  ClusterRoute& action() {
    return std::get<ClusterRoute>(proxy_.routes.virtual_hosts[0].routes[0].action);
  }
  Stream* Accept() {
    if (!Until({client_.get()}, [this] { return !upstream_.Idle(); })) return nullptr;
    up_ = upstream_.Accept();
    if (!Pump([&] { return !up_->requests().empty(); })) return nullptr;
    return up_->requests()[0];
  }
  bool Pump(const std::function<bool()>& done) {
    if (!up_) return Until({client_.get()}, done);
    return Until({client_.get(), up_.get()}, done);
  }
  bool Ended(Stream& stream) {
    return Pump([&] { return stream.end_received || stream.error; });
  }
  // "status body" of a whole answer; "reset" where it broke off.
  std::string Answer(Stream& stream) {
    if (!Ended(stream)) return "none";
    if (stream.error && !stream.end_received) return "reset";
    return std::string(stream.headers.Get(HeaderName::kStatus)) + " " + Take(stream);
  }
  std::string Grpc(Stream& stream) {
    if (!Ended(stream)) return "none";
    return Text(stream.headers);
  }
  std::string After(std::string_view reason) {
    return std::string("503 ").append(kReset).append(reason);
  }

  TestUpstream upstream_;
  TestProxy proxy_;
  std::unique_ptr<TestClient> client_;
  std::unique_ptr<TestUpstreamConnection> up_;
};

// --- No upstream is asked.

TEST_F(ExchangeEndTest, NoRoute) {
  proxy_.AddRoute("/known", "up");
  Start();
  EXPECT_EQ(Answer(client_->Get("/other")), "404 ");
  EXPECT_EQ(proxy_.LogLine(), "404 NR route_not_found 0 0");
  EXPECT_EQ(proxy_.Get(proxy_.http().no_route), 1u);
  EXPECT_EQ(proxy_.Get(proxy_.http().downstream_rq_4xx), 1u);
}

TEST_F(ExchangeEndTest, NoCluster) {
  proxy_.AddRoute("/", "missing");
  Start();
  EXPECT_EQ(Answer(client_->Get("/")), "503 ");
  EXPECT_EQ(proxy_.LogLine(), "503 NC cluster_not_found 0 0");
  action().cluster_not_found_status = 404;
  proxy_.Apply();
  EXPECT_EQ(Answer(client_->Get("/")), "404 ");
  EXPECT_EQ(proxy_.LogLine(), "404 NC cluster_not_found 0 0");
}

TEST_F(ExchangeEndTest, NoHost) {
  StartWith({});
  EXPECT_EQ(Answer(client_->Get("/")), "503 no healthy upstream");
  EXPECT_EQ(proxy_.LogLine(), "503 UH no_healthy_upstream 0 19");
  EXPECT_EQ(proxy_.Get(proxy_.cluster("up").upstream_cx_none_healthy), 1u);
}

TEST_F(ExchangeEndTest, HeadGetsNoBody) {
  StartWith({});
  Stream& stream = client_->Send(
      {{":method", "HEAD"}, {":scheme", "http"}, {":path", "/"}, {":authority", "a"}});
  EXPECT_EQ(Answer(stream), "503 ");
  EXPECT_EQ(stream.headers.Get(HeaderName::kContentLength), "19");
  EXPECT_EQ(proxy_.LogLine(), "503 UH no_healthy_upstream 0 0");
}

TEST_F(ExchangeEndTest, GrpcGetsAStatus) {
  proxy_.AddDirect("/text", 403, "50% off\n");
  proxy_.AddRoute("/up", "up");
  proxy_.AddCluster("up", {});
  Start();
  const auto grpc = [](Stream& stream) {
    return std::string(stream.headers.Get(HeaderName::kStatus)) + " " +
           std::string(stream.headers.Get(HeaderName::kGrpcStatus)) + " " +
           std::string(stream.headers.Get(HeaderName::kGrpcMessage));
  };
  Stream& no_host = client_->Get("/up", kGrpc);
  EXPECT_EQ(Answer(no_host), "200 ");
  EXPECT_EQ(grpc(no_host), "200 14 no healthy upstream");
  Stream& no_route = client_->Get("/none", kGrpc);
  Answer(no_route);
  EXPECT_EQ(grpc(no_route), "200 12 ");
  Stream& direct = client_->Get("/text", kGrpc);
  Answer(direct);
  EXPECT_EQ(grpc(direct), "200 7 50%25 off%0A");
}

TEST_F(ExchangeEndTest, DirectResponses) {
  proxy_.AddDirect("/text", 418, "short");
  proxy_.AddDirect("/", 204, "");
  Start();
  EXPECT_EQ(Answer(client_->Get("/text")), "418 short");
  EXPECT_EQ(proxy_.LogLine(), "418 - direct_response 0 5");
  EXPECT_EQ(Answer(client_->Get("/")), "204 ");
  // The body that nobody asked for is not waited for.
  Stream& post = client_->Post("/text");
  EXPECT_EQ(Answer(post), "418 short");
}

TEST_F(ExchangeEndTest, Redirects) {
  const auto add = [this](const std::string& path, const Redirect& redirect) {
    proxy_.AddDirect(path, 0, "").action = redirect;
  };
  add("/https", {.scheme = "https"});
  add("/host", {.status = 302, .host = "b.test", .port = 8443});
  add("/path", {.path = "/new"});
  add("/strip", {.strip_query = true});
  add("/prefix/", {.prefix_rewrite = "/p/"});
  Start();
  const auto location = [this](const std::string& path) {
    Stream& stream = client_->Get(path);
    Answer(stream);
    return std::string(stream.headers.Get(HeaderName::kStatus)) + " " +
           std::string(stream.headers.Get(HeaderName::kLocation));
  };
  EXPECT_EQ(location("/https?q"), "301 https://a.test/https?q");
  EXPECT_EQ(location("/host"), "302 http://b.test:8443/host");
  EXPECT_EQ(location("/path/x?q"), "301 http://a.test/new?q");
  EXPECT_EQ(location("/strip?q"), "301 http://a.test/strip");
  EXPECT_EQ(location("/prefix/x?q"), "301 http://a.test/p/x?q");
}

// --- The upstream cannot be had.

TEST_F(ExchangeEndTest, ARefusedConnection) {
  StartWith({RefusingAddress()});
  EXPECT_EQ(Answer(client_->Get("/")), After("remote connection failure"));
  EXPECT_EQ(proxy_.LogLine().substr(0, 6), "503 UF");
  EXPECT_EQ(proxy_.Get(proxy_.cluster("up").upstream_cx_connect_fail), 1u);
  EXPECT_EQ(proxy_.Get(proxy_.cluster("up").upstream_rq_pending_active), 0);
}

TEST_F(ExchangeEndTest, AConnectionThatIsClosedAtOnce) {
  StartWith({upstream_.address()});
  Stream& stream = client_->Get("/");
  ASSERT_TRUE(Pump([&] { return !upstream_.Idle(); }));
  { const Fd closed = upstream_.AcceptRaw(); }
  EXPECT_EQ(Answer(stream), After("connection termination"));
  EXPECT_EQ(proxy_.LogLine().substr(0, 6), "503 UC");
}

TEST_F(ExchangeEndTest, AnUpstreamThatSpeaksSomethingElse) {
  StartWith({upstream_.address()});
  Stream& stream = client_->Get("/");
  ASSERT_TRUE(Pump([&] { return !upstream_.Idle(); }));
  const Fd other = upstream_.AcceptRaw();
  WriteAll(other.get(), "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
  const std::string answer = Answer(stream);
  EXPECT_TRUE(answer.starts_with("50")) << answer;
  ReadToEnd(other.get());  // closed
}

TEST_F(ExchangeEndTest, TooManyWait) {
  StartWith({upstream_.address()});
  proxy_.clusters.at("up").circuit_breakers.max_pending_requests = 0;
  proxy_.Apply();
  Stream& stream = client_->Get("/");
  EXPECT_EQ(Answer(stream), After("overflow"));
  EXPECT_EQ(stream.headers.Get(HeaderName::kXEnvoyOverloaded), "true");
  EXPECT_EQ(proxy_.LogLine().substr(0, 6), "503 UO");
  EXPECT_EQ(proxy_.Get(proxy_.cluster("up").upstream_rq_pending_overflow), 1u);
}

// --- The upstream breaks off.

TEST_F(ExchangeEndTest, AResetBeforeTheAnswer) {
  StartWith({upstream_.address()});
  Stream& stream = client_->Get("/");
  Stream* request = Accept();
  ASSERT_NE(request, nullptr);
  request->Reset(ErrorCode::kReset);
  EXPECT_EQ(Answer(stream), After("remote reset"));
  EXPECT_EQ(proxy_.LogLine(), "503 UR upstream_reset_before_response_started{remote_reset} 0 85");
}

TEST_F(ExchangeEndTest, ARefusedStreamIsSentAgainOnce) {
  StartWith({upstream_.address()});
  Stream& stream = client_->Get("/");
  Stream* request = Accept();
  ASSERT_NE(request, nullptr);
  request->Reset(ErrorCode::kRefused);
  ASSERT_TRUE(Pump([this] { return up_->requests().size() == 2; }));
  up_->requests()[1]->Reset(ErrorCode::kRefused);
  EXPECT_EQ(Answer(stream),
            "503 upstream connect error or disconnect/reset before headers. retried and the latest "
            "reset reason: remote refused stream reset");
}

TEST_F(ExchangeEndTest, AResetWithinTheAnswer) {
  StartWith({upstream_.address()});
  Stream& stream = client_->Get("/");
  Stream* request = Accept();
  ASSERT_NE(request, nullptr);
  SendHeaders(*request, {{":status", "200"}}, false);
  SendBody(*request, "half", false);
  ASSERT_TRUE(Pump([&] { return stream.body.bytes() == 4; }));
  request->Reset(ErrorCode::kReset);
  EXPECT_EQ(Answer(stream), "reset");
  EXPECT_EQ(proxy_.LogLine().substr(0, 6), "200 UR");
  EXPECT_EQ(proxy_.Get(proxy_.http().downstream_rq_tx_reset), 1u);
}

TEST_F(ExchangeEndTest, AConnectionThatDiesWithinTheAnswer) {
  StartWith({upstream_.address()});
  Stream& stream = client_->Get("/");
  Stream* request = Accept();
  ASSERT_NE(request, nullptr);
  SendHeaders(*request, {{":status", "200"}}, false);
  ASSERT_TRUE(Pump([&] { return stream.headers_complete; }));
  up_->Close();
  up_.reset();
  EXPECT_EQ(Answer(stream), "reset");
  EXPECT_EQ(proxy_.LogLine().substr(0, 6), "200 UC");
}

// --- It takes too long.

TEST_F(ExchangeEndTest, TheRouteTimesOut) {
  proxy_.AddCluster("up", {upstream_.address()});
  proxy_.AddRoute("/", "up").timeout = 300 * scheduler::kMillisecond;
  Start();
  Stream& stream = client_->Get("/");
  Stream* request = Accept();
  ASSERT_NE(request, nullptr);
  EXPECT_EQ(Answer(stream), "504 upstream request timeout");
  EXPECT_EQ(proxy_.LogLine(), "504 UT response_timeout 0 24");
  ASSERT_TRUE(Pump([&] { return static_cast<bool>(request->error); })) << "the upstream is told";
  EXPECT_EQ(proxy_.Get(proxy_.cluster("up").upstream_rq_timeout), 1u);
  EXPECT_EQ(proxy_.Get(proxy_.cluster("up").upstream_rq_active), 0);
}

TEST_F(ExchangeEndTest, TheRouteTimesOutWithinTheAnswer) {
  proxy_.AddCluster("up", {upstream_.address()});
  proxy_.AddRoute("/", "up").timeout = 300 * scheduler::kMillisecond;
  Start();
  Stream& stream = client_->Get("/");
  Stream* request = Accept();
  ASSERT_NE(request, nullptr);
  SendHeaders(*request, {{":status", "200"}}, false);
  EXPECT_EQ(Answer(stream), "reset");
  EXPECT_EQ(proxy_.LogLine().substr(0, 6), "200 UT");
}

TEST_F(ExchangeEndTest, TheClockStartsAtTheRequestsEnd) {
  proxy_.AddCluster("up", {upstream_.address()});
  proxy_.AddRoute("/", "up").timeout = 20 * scheduler::kMillisecond;
  Start();
  Stream& stream = client_->Post("/");
  Stream* request = Accept();
  ASSERT_NE(request, nullptr);
  const scheduler::Nanos later = scheduler::MonotonicNow() + 60 * scheduler::kMillisecond;
  ASSERT_TRUE(Pump([&] { return scheduler::MonotonicNow() > later; }));
  EXPECT_FALSE(stream.headers_complete);
  SendBody(stream, "", true);
  EXPECT_EQ(Answer(stream), "504 upstream request timeout");
}

// Also where that end comes while the request waits for a stream.
TEST_F(ExchangeEndTest, TheClockStartsForARequestThatWaited) {
  Cluster& cluster = proxy_.AddCluster("up", {upstream_.address()});
  cluster.http2_options.max_concurrent_streams = 1;
  cluster.circuit_breakers.max_connections = 1;
  proxy_.AddRoute("/", "up").timeout = 200 * scheduler::kMillisecond;
  Start();
  Stream& first = client_->Get("/1");
  Stream* request = Accept();
  ASSERT_NE(request, nullptr);
  Stream& second = client_->Post("/2");
  ASSERT_TRUE(
      Pump([&] { return proxy_.Get(proxy_.cluster("up").upstream_rq_pending_active) == 1; }));
  SendBody(second, "", true);
  Stream& other = client_->Get("/3");  // behind it: the end has arrived when this one waits
  ASSERT_TRUE(
      Pump([&] { return proxy_.Get(proxy_.cluster("up").upstream_rq_pending_active) == 2; }));
  other.Reset(ErrorCode::kReset);
  SendHeaders(*request, {{":status", "200"}}, true);
  EXPECT_EQ(Answer(first), "200 ");
  ASSERT_TRUE(Pump([&] { return up_->requests().size() == 2; }));
  EXPECT_TRUE(up_->requests()[1]->end_received);
  EXPECT_EQ(Answer(second), "504 upstream request timeout");
}

TEST_F(ExchangeEndTest, AnIdleStream) {
  proxy_.listener.http.stream_idle_timeout = 300 * scheduler::kMillisecond;
  StartWith({upstream_.address()});
  Stream& whole = client_->Get("/");
  Stream* request = Accept();
  ASSERT_NE(request, nullptr);
  EXPECT_EQ(Answer(whole), "504 stream timeout");
  EXPECT_EQ(proxy_.LogLine(), "504 SI stream_idle_timeout 0 14");
  Stream& half = client_->Post("/");
  EXPECT_EQ(Answer(half), "408 stream timeout") << "it is the client who is idle";
  EXPECT_EQ(proxy_.Get(proxy_.http().downstream_rq_idle_timeout), 2u);
}

TEST_F(ExchangeEndTest, AConnectTimesOut) {
  // A full accept queue: the kernel drops what else comes.
  absl::StatusOr<Fd> full = Listen(*Address::Parse("127.0.0.1:0"), 0, false);
  Address address;
  {
    sockaddr_storage storage{};
    socklen_t length = sizeof(storage);
    getsockname(full->get(), reinterpret_cast<sockaddr*>(&storage), &length);
    address = Address::From(storage, length);
  }
  std::vector<Fd> filling;
  for (int i = 0; i < 4; ++i) filling.push_back(*StartConnect(address));
  proxy_.AddCluster("up", {address}).connect_timeout = 30 * scheduler::kMillisecond;
  proxy_.AddRoute("/", "up");
  Start();
  EXPECT_EQ(Answer(client_->Get("/")), After("connection timeout"));
  EXPECT_EQ(proxy_.LogLine().substr(0, 6), "503 UF");
  EXPECT_EQ(proxy_.Get(proxy_.cluster("up").upstream_cx_connect_timeout), 1u);
}

// --- The client goes.

TEST_F(ExchangeEndTest, AClientThatResetsCancelsTheUpstream) {
  StartWith({upstream_.address()});
  Stream& stream = client_->Get("/");
  Stream* request = Accept();
  ASSERT_NE(request, nullptr);
  stream.Reset(ErrorCode::kReset);
  ASSERT_TRUE(Pump([&] { return static_cast<bool>(request->error); }));
  EXPECT_EQ(request->error.code, ErrorCode::kReset);
  EXPECT_EQ(proxy_.LogLine(), "0 DR downstream_remote_disconnect 0 0");
  EXPECT_EQ(proxy_.Get(proxy_.http().downstream_rq_rx_reset), 1u);
  EXPECT_EQ(proxy_.Get(proxy_.cluster("up").upstream_rq_tx_reset), 1u);
  EXPECT_EQ(proxy_.Get(proxy_.cluster("up").upstream_rq_cancelled), 0u) << "it did not wait";
}

TEST_F(ExchangeEndTest, AClientThatDisconnectsCancelsTheUpstream) {
  StartWith({upstream_.address()});
  Stream& stream = client_->Post("/");
  SendBody(stream, "half", false);
  Stream* request = Accept();
  ASSERT_NE(request, nullptr);
  SendHeaders(*request, {{":status", "200"}}, false);
  ASSERT_TRUE(Pump([&] { return stream.headers_complete; }));
  client_->Close();
  ASSERT_TRUE(Until({up_.get()}, [&] { return static_cast<bool>(request->error); }));
  EXPECT_EQ(proxy_.LogLine(), "200 DC via_upstream 4 0");
  EXPECT_FALSE(up_->closed()) << "the upstream's connection is kept";
}

TEST_F(ExchangeEndTest, AClientThatLeavesTheQueueIsForgotten) {
  Cluster& cluster = proxy_.AddCluster("up", {upstream_.address()});
  cluster.http2_options.max_concurrent_streams = 1;
  cluster.circuit_breakers.max_connections = 1;
  proxy_.AddRoute("/", "up");
  Start();
  Stream& first = client_->Get("/1");
  Stream* request = Accept();
  ASSERT_NE(request, nullptr);
  Stream& waiting = client_->Get("/2");
  ASSERT_TRUE(
      Pump([&] { return proxy_.Get(proxy_.cluster("up").upstream_rq_pending_active) == 1; }));
  waiting.Reset(ErrorCode::kReset);
  ASSERT_TRUE(
      Pump([&] { return proxy_.Get(proxy_.cluster("up").upstream_rq_pending_active) == 0; }));
  SendHeaders(*request, {{":status", "200"}}, true);
  EXPECT_EQ(Answer(first), "200 ");
  Stream& last = client_->Get("/3");
  ASSERT_TRUE(Pump([&] { return up_->requests().size() == 2; }));
  EXPECT_EQ(up_->requests()[1]->headers.Get(HeaderName::kPath), "/3");
  SendHeaders(*up_->requests()[1], {{":status", "200"}}, true);
  EXPECT_EQ(Answer(last), "200 ");
}

// --- The proxy goes.

TEST_F(ExchangeEndTest, ADrainFinishesWhatIsInFlight) {
  StartWith({upstream_.address()});
  Stream& stream = client_->Post("/");
  Stream* request = Accept();
  ASSERT_NE(request, nullptr);
  proxy_.workers().Drain();
  ASSERT_TRUE(Pump([&] { return client_->session.draining(); }));
  SendBody(stream, "late", true);
  ASSERT_TRUE(Pump([&] { return request->end_received; }));
  EXPECT_EQ(Take(*request), "late");
  SendHeaders(*request, {{":status", "200"}}, false);
  SendBody(*request, "answer", true);
  EXPECT_EQ(Answer(stream), "200 answer");
  ASSERT_TRUE(Pump([&] { return client_->closed(); }));
}

TEST_F(ExchangeEndTest, StopEndsExchangesInEveryState) {
  Cluster& cluster = proxy_.AddCluster("up", {upstream_.address()});
  cluster.http2_options.max_concurrent_streams = 2;
  cluster.circuit_breakers.max_connections = 1;
  proxy_.AddRoute("/", "up");
  Start();
  Stream& streaming = client_->Post("/streaming");
  Stream* request = Accept();
  ASSERT_NE(request, nullptr);
  SendHeaders(*request, {{":status", "200"}}, false);
  SendBody(*request, std::string(500'000, 'x'), false);
  client_->Get("/waits_for_headers");
  for (int i = 0; i < 3; ++i) client_->Get("/waits_for_a_stream");
  ASSERT_TRUE(Pump([&] {
    return up_->requests().size() == 2 && streaming.body.bytes() > 0 &&
           proxy_.Get(proxy_.cluster("up").upstream_rq_pending_active) == 3;
  }));
  proxy_.Stop();
  EXPECT_EQ(proxy_.workers().connections(), 0u);
  EXPECT_EQ(proxy_.Get(proxy_.http().downstream_rq_active), 0);
  EXPECT_EQ(proxy_.Get(proxy_.cluster("up").upstream_rq_active), 0);
  EXPECT_EQ(proxy_.Get(proxy_.cluster("up").upstream_rq_pending_active), 0);
  EXPECT_EQ(proxy_.Get(proxy_.cluster("up").upstream_cx_active), 0);
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(proxy_.LogLine().empty());
}

}  // namespace
}  // namespace outrigger::proxy
