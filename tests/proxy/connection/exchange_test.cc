#include "proxy/connection/exchange.h"

#include <sys/socket.h>

#include <string>

#include "gtest/gtest.h"
#include "proxy/connection/echo.h"
#include "tests/support/peer.h"
#include "tests/support/test_proxy.h"

namespace outrigger::proxy {
namespace {

// Requests that reach their upstream: one that echoes, or one whose steps the test decides.
class ExchangeTest : public testing::Test {
 protected:
  ExchangeTest() { echo_.Start(&Echo); }

  void StartWithEcho() {
    proxy_.AddCluster("up", {echo_.address()});
    proxy_.AddRoute("/", "up");
    Start();
  }
  void StartWithUpstream() {
    proxy_.AddCluster("up", {upstream_.address()});
    proxy_.AddRoute("/", "up");
    Start();
  }
  void Start(const Http2Options& client_options = {}) {
    proxy_.Start(&Exchange::Handle);
    client_ = std::make_unique<TestClient>(proxy_.address(), client_options);
  }
  // The upstream's side of `stream`'s exchange, once its headers are there.
  Stream* Accept() {
    if (!Until({client_.get()}, [this] { return !upstream_.Idle(); })) return nullptr;
    up_ = upstream_.Accept();
    return Next(0);
  }
  Stream* Next(size_t i) {
    const bool there = Pump([&] { return up_->requests().size() > i; });
    EXPECT_TRUE(there) << "no request came";
    return there ? up_->requests()[i] : nullptr;
  }
  bool Pump(const std::function<bool()>& done) {
    if (!up_) return Until({client_.get()}, done);
    return Until({client_.get(), up_.get()}, done);
  }
  bool Ended(Stream& stream) {
    return Pump([&] { return stream.end_received || stream.error; });
  }
  std::string Status(Stream& stream) {
    return std::string(stream.headers.Get(HeaderName::kStatus));
  }

  TestProxy echo_;
  TestUpstream upstream_;
  TestProxy proxy_;
  std::unique_ptr<TestClient> client_;
  std::unique_ptr<TestUpstreamConnection> up_;
};

TEST_F(ExchangeTest, ARequestGoesThereAndBack) {
  StartWithEcho();
  Stream& stream = client_->Get("/path?q", {{"x-a", "1"}, {"te", "trailers"}});
  ASSERT_TRUE(Ended(stream));
  EXPECT_EQ(Status(stream), "200");
  EXPECT_EQ(stream.headers.Find("x-echo-path")->value, "/path?q");
  EXPECT_EQ(stream.headers.Find("x-echo-header-x-a")->value, "1");
  EXPECT_EQ(stream.headers.Find("x-echo-header-authority")->value, "a.test");
  EXPECT_EQ(stream.headers.Find("x-echo-header-x-forwarded-proto")->value, "http");
  EXPECT_EQ(stream.headers.Find("x-echo-header-x-request-id")->value.size(), 36u);
  EXPECT_EQ(stream.headers.Find("x-echo-header-x-envoy-expected-rq-timeout-ms")->value, "15000");
  EXPECT_EQ(stream.headers.Get(HeaderName::kServer), "envoy");
  EXPECT_FALSE(stream.headers.Get(HeaderName::kDate).empty());
  EXPECT_FALSE(stream.headers.Get(HeaderName::kXEnvoyUpstreamServiceTime).empty());
  EXPECT_EQ(proxy_.LogLine(), "200 - via_upstream 0 0");
  EXPECT_EQ(proxy_.Get(proxy_.http().downstream_rq_2xx), 1u);
  EXPECT_EQ(proxy_.Get(proxy_.http().downstream_rq_active), 0);
  EXPECT_EQ(proxy_.Get(proxy_.cluster("up").upstream_rq_2xx), 1u);
  EXPECT_EQ(proxy_.Get(proxy_.cluster("up").upstream_rq_active), 0);
}

TEST_F(ExchangeTest, ManyAtOnceShareOneConnection) {
  StartWithEcho();
  std::vector<Stream*> streams;
  for (int i = 0; i < 50; ++i) {
    streams.push_back(&client_->Post("/" + std::to_string(i)));
    SendBody(*streams.back(), "body " + std::to_string(i), true);
  }
  for (size_t i = 0; i < streams.size(); ++i) {
    ASSERT_TRUE(Ended(*streams[i]));
    EXPECT_EQ(Take(*streams[i]), "body " + std::to_string(i));
    EXPECT_EQ(streams[i]->headers.Find("x-echo-path")->value, "/" + std::to_string(i));
  }
  EXPECT_EQ(proxy_.Get(proxy_.cluster("up").upstream_cx_total), 1u);
}

TEST_F(ExchangeTest, BodiesStreamBothWays) {
  StartWithEcho();
  Stream& stream = client_->Post("/");
  std::string sent, got;
  for (int i = 0; i < 30; ++i) {
    const std::string part = std::to_string(i) + std::string(i * 3000, 'x');
    SendBody(stream, part, false);
    sent += part;
    ASSERT_TRUE(Pump([&] {
      got += Take(stream);
      return got.size() == sent.size();
    })) << "each part comes back before the next is sent";
  }
  SendBody(stream, "", true);
  ASSERT_TRUE(Ended(stream));
  EXPECT_EQ(got, sent);
  EXPECT_EQ(proxy_.LogLine(), "200 - via_upstream " + std::to_string(sent.size()) + " " +
                                  std::to_string(sent.size()));
}

TEST_F(ExchangeTest, TrailersPassBothWays) {
  StartWithUpstream();
  Stream& stream = client_->Post("/", {{"te", "trailers"}});
  SendBody(stream, "body", false);
  SendTrailers(stream, {{"x-up", "1"}});
  Stream* request = Accept();
  ASSERT_NE(request, nullptr);
  ASSERT_TRUE(Pump([&] { return request->end_received; }));
  EXPECT_EQ(Take(*request), "body");
  EXPECT_EQ(Text(request->trailers), "x-up=1;");
  SendHeaders(*request, {{":status", "200"}}, false);
  ASSERT_TRUE(Pump([&] { return stream.headers_complete; })) << "headers do not wait for a body";
  SendTrailers(*request, {{"grpc-status", "0"}, {"grpc-message", "fine"}});
  ASSERT_TRUE(Ended(stream));
  EXPECT_EQ(Text(stream.trailers), "grpc-status=0;grpc-message=fine;");
}

TEST_F(ExchangeTest, GrpcPasses) {
  StartWithEcho();
  Stream& stream =
      client_->Post("/s/m", {{"content-type", "application/grpc"}, {"te", "trailers"}});
  const std::string message("\0\0\0\0\3abc", 8);
  SendBody(stream, message, true);
  ASSERT_TRUE(Ended(stream));
  EXPECT_EQ(Take(stream), message);
  EXPECT_EQ(Text(stream.trailers), "grpc-status=0;");
}

TEST_F(ExchangeTest, HeadHasHeadersOnly) {
  StartWithEcho();
  Stream& stream = client_->Send(
      {{":method", "HEAD"}, {":scheme", "http"}, {":path", "/?body_bytes=5"}, {":authority", "a"}});
  ASSERT_TRUE(Ended(stream));
  EXPECT_EQ(Status(stream), "200");
  EXPECT_EQ(stream.headers.Get(HeaderName::kContentLength), "5");
  EXPECT_EQ(stream.received, 0u);
}

TEST_F(ExchangeTest, Http1ClientsMeetHttp2Upstreams) {
  StartWithEcho();
  Fd fd = ConnectTo(proxy_.address());
  WriteAll(fd.get(),
           "POST /one HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n"
           "3\r\nabc\r\n0\r\n\r\n"
           "GET /two?status=404 HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
  const std::string answer = ReadToEnd(fd.get());
  EXPECT_EQ(answer.substr(0, 15), "HTTP/1.1 200 OK");
  EXPECT_NE(answer.find("x-echo-path: /one"), std::string::npos) << answer;
  EXPECT_NE(answer.find("3\r\nabc\r\n0\r\n\r\n"), std::string::npos) << answer;
  EXPECT_NE(answer.find("HTTP/1.1 404"), std::string::npos) << answer;
}

TEST_F(ExchangeTest, InterimResponsesPass) {
  StartWithUpstream();
  Stream& stream = client_->Post("/", {{"expect", "100-continue"}});
  Stream* request = Accept();
  ASSERT_NE(request, nullptr);
  request->SendInformational(100);
  ASSERT_TRUE(Pump([&] { return stream.informational == 100; }));
  SendBody(stream, "x", true);
  ASSERT_TRUE(Pump([&] { return request->end_received; }));
  SendHeaders(*request, {{":status", "204"}}, true);
  ASSERT_TRUE(Ended(stream));
  EXPECT_EQ(Status(stream), "204");
}

// What lies in the proxy for a client that does not read is bounded, whatever the upstream sends.
TEST_F(ExchangeTest, ASlowClientHoldsTheUpstreamBack) {
  proxy_.listener.per_connection_buffer_limit_bytes = 128 * 1024;
  StartWithUpstream();
  Stream& stream = client_->Get("/");
  Stream* request = Accept();
  ASSERT_NE(request, nullptr);
  constexpr size_t kBody = 8 << 20;
  SendHeaders(*request, {{":status", "200"}}, false);
  SendBody(*request, std::string(kBody, 'x'), true);
  // The client takes nothing: 64 KiB in its window, the limit and a window in the proxy.
  size_t before = 0, taken = 1;
  for (int same = 0; same < 5; same = taken == before ? same + 1 : 0) {
    before = taken;
    proxy_.OnWorkers([](scheduler::Processor&) {});
    ASSERT_TRUE(Pump([] { return true; }));
    client_->Read();
    up_->Read();
    taken = kBody - request->send_buffered();
  }
  EXPECT_GE(taken, 128u * 1024);
  EXPECT_LE(taken, (64u + 128 + 64 + 64) * 1024);
  size_t got = 0;
  ASSERT_TRUE(Pump([&] {
    got += Take(stream).size();
    return stream.end_received && stream.body.empty();
  }));
  EXPECT_EQ(got, kBody);
}

TEST_F(ExchangeTest, ASlowUpstreamHoldsTheClientBack) {
  StartWithUpstream();
  proxy_.clusters.at("up").per_connection_buffer_limit_bytes = 128 * 1024;
  proxy_.Apply();
  Stream& stream = client_->Post("/");
  constexpr size_t kBody = 8 << 20;
  SendBody(stream, std::string(kBody, 'x'), true);
  Stream* request = Accept();
  ASSERT_NE(request, nullptr);
  size_t before = 0, taken = 1;
  for (int same = 0; same < 5; same = taken == before ? same + 1 : 0) {
    before = taken;
    proxy_.OnWorkers([](scheduler::Processor&) {});
    ASSERT_TRUE(Pump([] { return true; }));
    client_->Read();
    up_->Read();
    taken = kBody - stream.send_buffered();
  }
  EXPECT_GE(taken, 128u * 1024);
  EXPECT_LE(taken, (64u + 128 + 64 + 64) * 1024);
  size_t got = 0;
  ASSERT_TRUE(Pump([&] {
    got += Take(*request).size();
    return request->end_received && request->body.empty();
  }));
  EXPECT_EQ(got, kBody);
}

TEST_F(ExchangeTest, TheUpstreamIsToldRewrites) {
  proxy_.AddCluster("up", {echo_.address()});
  ClusterRoute& action = proxy_.AddRoute("/api/", "up");
  action.prefix_rewrite = "/v1/";
  action.host_rewrite_literal = "up.test";
  Start();
  Stream& stream = client_->Get("/api/x?q=1");
  ASSERT_TRUE(Ended(stream));
  EXPECT_EQ(stream.headers.Find("x-echo-path")->value, "/v1/x?q=1");
  EXPECT_EQ(stream.headers.Find("x-echo-header-authority")->value, "up.test");
  EXPECT_EQ(stream.headers.Find("x-echo-header-x-envoy-original-path")->value, "/api/x?q=1");
}

// An upstream need not wait for the request's end, nor the client for its own.
TEST_F(ExchangeTest, AnAnswerBeforeTheRequestsEnd) {
  StartWithUpstream();
  Stream& stream = client_->Post("/");
  SendBody(stream, std::string(500'000, 'u'), false);
  Stream* request = Accept();
  ASSERT_NE(request, nullptr);
  SendHeaders(*request, {{":status", "413"}}, false);
  SendBody(*request, "too large", true);
  ASSERT_TRUE(Ended(stream));
  EXPECT_EQ(Status(stream), "413");
  EXPECT_EQ(Take(stream), "too large");
  EXPECT_EQ(proxy_.LogLine().substr(0, 18), "413 - via_upstream");
}

// The upstream has said all and gone; what it said is whole, however slowly the client takes it.
TEST_F(ExchangeTest, AWholeAnswerSurvivesItsUpstream) {
  proxy_.listener.per_connection_buffer_limit_bytes = 1;
  StartWithUpstream();
  Stream& stream = client_->Post("/");
  Stream* request = Accept();
  ASSERT_NE(request, nullptr);
  SendHeaders(*request, {{":status", "200"}}, false);
  SendBody(*request, std::string(120'000, 'x'), true);  // then NO_ERROR: the request is still open
  ASSERT_TRUE(Pump([&] { return request->send_buffered() == 0 && !up_->unsent(); }));
  ASSERT_TRUE(Pump([&] { return stream.body.bytes() == 64 * 1024; }));
  shutdown(up_->fd(), SHUT_WR);
  EXPECT_TRUE(
      proxy_.Eventually([&] { return proxy_.Get(proxy_.cluster("up").upstream_cx_active) == 0; }));
  size_t got = 0;
  ASSERT_TRUE(Until({client_.get()}, [&] {
    got += Take(stream).size();
    return stream.error || (stream.end_received && stream.body.empty());
  }));
  EXPECT_FALSE(stream.error && !stream.end_received);
  EXPECT_EQ(got, 120'000u);
}

// Routes, clusters and settings change under open requests: each keeps what it began with.
TEST_F(ExchangeTest, ANewConfigurationSparesOpenRequests) {
  StartWithUpstream();
  Stream& open = client_->Post("/");
  Stream* request = Accept();
  ASSERT_NE(request, nullptr);
  proxy_.clusters.clear();
  proxy_.routes.virtual_hosts[0].routes.clear();
  proxy_.AddCluster("echo", {echo_.address()});
  proxy_.AddRoute("/", "echo");
  proxy_.listener.http.server_name = "new";
  proxy_.Apply();
  Stream& next = client_->Get("/next");
  ASSERT_TRUE(Ended(next));
  EXPECT_EQ(next.headers.Find("x-echo-path")->value, "/next");
  EXPECT_EQ(next.headers.Get(HeaderName::kServer), "new");
  SendBody(open, "late", true);
  ASSERT_TRUE(Pump([&] { return request->end_received; }));
  EXPECT_EQ(Take(*request), "late");
  SendHeaders(*request, {{":status", "200"}}, true);
  ASSERT_TRUE(Ended(open));
  EXPECT_EQ(Status(open), "200");
  EXPECT_EQ(open.headers.Get(HeaderName::kServer), "envoy");
  ASSERT_TRUE(Pump([&] { return up_->closed(); })) << "the old cluster's connection goes";
}

// Headers that wait for a full socket outlive the configuration they were made by.
TEST_F(ExchangeTest, QueuedHeadersOutliveTheirConfiguration) {
  proxy_.AddCluster("up", {echo_.address()});
  proxy_.AddRoute("/", "up");
  proxy_.listener.http.server_name = std::string(64, 's');
  Http2Options wide;
  wide.initial_stream_window_size = 1 << 28;
  wide.initial_connection_window_size = 1 << 30;
  Start(wide);
  Stream& large = client_->Get("/?body_bytes=50000000");
  ASSERT_TRUE(Pump([&] { return large.headers_complete; }));
  client_->set_reading(false);
  Stream& queued = client_->Get("/queued");
  ASSERT_TRUE(Pump([&] { return proxy_.Get(proxy_.cluster("up").upstream_rq_2xx) == 1; }));
  proxy_.listener.http.server_name = "new";
  proxy_.Apply();
  proxy_.OnWorkers([](scheduler::Processor&) {});
  client_->set_reading(true);
  ASSERT_TRUE(Pump([&] {
    Take(large);
    return queued.end_received && large.end_received;
  }));
  EXPECT_EQ(queued.headers.Get(HeaderName::kServer), std::string(64, 's'));
}

TEST_F(ExchangeTest, UpstreamGoawayMovesOnlyNewRequests) {
  StartWithUpstream();
  Stream& warm = client_->Get("/0");
  Stream* request = Accept();
  ASSERT_NE(request, nullptr);
  SendHeaders(*request, {{":status", "200"}}, true);
  ASSERT_TRUE(Ended(warm));
  Stream& first = client_->Get("/1");
  request = Next(1);  // and all that the proxy had to say before it
  ASSERT_NE(request, nullptr);
  up_->session.Drain();
  const size_t before = up_->received();
  ASSERT_TRUE(Pump([&] { return up_->received() > before; })) << "it has seen the notice";
  Stream& second = client_->Get("/2");
  ASSERT_TRUE(Pump([&] { return !upstream_.Idle(); })) << "a connection of its own";
  std::unique_ptr<TestUpstreamConnection> other = upstream_.Accept();
  ASSERT_TRUE(Until({client_.get(), up_.get(), other.get()},
                    [&] { return other->requests().size() == 1; }));
  SendHeaders(*other->requests()[0], {{":status", "202"}}, true);
  SendHeaders(*request, {{":status", "201"}}, true);
  ASSERT_TRUE(Until({client_.get(), up_.get(), other.get()},
                    [&] { return first.end_received && second.end_received; }));
  EXPECT_EQ(Status(first), "201");
  EXPECT_EQ(Status(second), "202");
}

}  // namespace
}  // namespace outrigger::proxy
