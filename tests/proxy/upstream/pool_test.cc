#include "proxy/upstream/pool.h"

#include "tests/proxy/upstream/upstream_test.h"

namespace outrigger::proxy {
namespace {

class PoolTest : public UpstreamTest {
 protected:
  // Streams of one connection at a time, and connections.
  Cluster& AddNarrow(uint32_t streams, uint32_t connections) {
    Cluster& cluster = AddUp({upstream_.address()});
    cluster.http2_options.max_concurrent_streams = streams;
    cluster.circuit_breakers.max_connections = connections;
    return cluster;
  }
  bool Waiting(int64_t count) {
    return Pump([&] { return Level(stats().upstream_rq_pending_active) == count; });
  }
  std::string Path(Stream& request) { return std::string(request.headers.Get(HeaderName::kPath)); }
};

TEST_F(PoolTest, AnotherConnectionComesWhenTheOpenOnesAreFull) {
  AddNarrow(2, 10);
  Start();
  std::vector<Stream*> streams;
  for (int i = 0; i < 2; ++i) streams.push_back(&client_->Get("/"));
  TestUpstreamConnection& first = Accept(upstream_);
  Request(first, 1);
  streams.push_back(&client_->Get("/"));
  TestUpstreamConnection& second = Accept(upstream_);
  Answer(Request(second, 0));
  for (size_t i = 0; i < 2; ++i) Answer(Request(first, i));
  for (Stream* stream : streams) EXPECT_EQ(Status(*stream), "200");
  EXPECT_TRUE(upstream_.Idle());
}

// The peer's own limit, which comes with its SETTINGS.
TEST_F(PoolTest, ThePeerSaysHowManyStreamsItTakes) {
  AddUp({upstream_.address()}).circuit_breakers.max_connections = 1;
  Start();
  Stream& one = client_->Get("/1");
  Http2Options narrow;
  narrow.max_concurrent_streams = 1;
  TestUpstreamConnection& up = Accept(upstream_, narrow);
  Answer(Request(up, 0));
  EXPECT_EQ(Status(one), "200");
  Stream& two = client_->Get("/2");
  Stream& three = client_->Get("/3");
  Stream& request = Request(up, 1);
  ASSERT_TRUE(Waiting(1));
  Answer(request);
  EXPECT_EQ(Status(two), "200");
  Answer(Request(up, 2));
  EXPECT_EQ(Status(three), "200");
}

TEST_F(PoolTest, WhoWaitsIsServedInTurn) {
  AddNarrow(1, 1);
  Start();
  std::vector<Stream*> streams = {&client_->Get("/0")};
  Request(Accept(upstream_), 0);
  for (int i = 1; i < 5; ++i) {
    streams.push_back(&client_->Get("/" + std::to_string(i)));
    ASSERT_TRUE(Waiting(i));
  }
  for (size_t i = 0; i < streams.size(); ++i) {
    Stream& request = Request(*connections_[0], i);
    EXPECT_EQ(Path(request), "/" + std::to_string(i));
    Answer(request);
    EXPECT_EQ(Status(*streams[i]), "200");
  }
  EXPECT_EQ(Level(stats().upstream_rq_pending_active), 0);
}

TEST_F(PoolTest, WhoLeavesHandsItsPermitOn) {
  AddNarrow(1, 1).circuit_breakers.max_requests = 1;
  Start();
  std::vector<Stream*> streams = {&client_->Get("/0")};
  Request(Accept(upstream_), 0);
  for (int i = 1; i < 3; ++i) {
    streams.push_back(&client_->Get("/" + std::to_string(i)));
    ASSERT_TRUE(Waiting(i));
  }
  for (size_t i = 0; i < streams.size(); ++i) {
    Answer(Request(*connections_[0], i));
    EXPECT_EQ(Status(*streams[i]), "200");
  }
  EXPECT_EQ(Count(stats().upstream_rq_active_overflow), 0u);
  EXPECT_EQ(Level(stats().upstream_rq_active), 0);
}

TEST_F(PoolTest, HighPriorityGoesFirstAndByItsOwnLimits) {
  AddNarrow(1, 1).high_circuit_breakers.max_connections = 1;
  proxy_.AddRoute("/high", "up").high_priority = true;
  std::swap(proxy_.routes.virtual_hosts[0].routes[0], proxy_.routes.virtual_hosts[0].routes[1]);
  Start();
  client_->Get("/1");
  Request(Accept(upstream_), 0);
  client_->Get("/2");
  ASSERT_TRUE(Waiting(1));
  Stream& high = client_->Get("/high");
  TestUpstreamConnection& second = Accept(upstream_);
  EXPECT_EQ(Path(Request(second, 0)), "/high");
  Answer(Request(second, 0));
  EXPECT_EQ(Status(high), "200");
}

// One that opens no more streams says nothing of how many the peer lets in.
TEST_F(PoolTest, ASpentConnectionStartsNoMoreThanItsWaitersNeed) {
  AddUp({upstream_.address()}).max_requests_per_connection = 2;
  Start();
  client_->Get("/1");
  client_->Get("/2");
  Request(Accept(upstream_), 1);
  client_->Get("/3");
  client_->Get("/4");
  Request(Accept(upstream_), 1);
  EXPECT_EQ(Count(stats().upstream_cx_total), 2u);
}

TEST_F(PoolTest, TheQueueIsBounded) {
  AddNarrow(1, 1).circuit_breakers.max_pending_requests = 2;
  Start();
  Stream& first = client_->Get("/");
  Stream& request = Request(Accept(upstream_), 0);
  client_->Get("/");
  client_->Get("/");
  ASSERT_TRUE(Waiting(2));
  EXPECT_EQ(Status(client_->Get("/")), "503");
  EXPECT_EQ(Count(stats().upstream_rq_pending_overflow), 1u);
  Answer(request);
  EXPECT_EQ(Status(first), "200") << "the others are not harmed";
}

TEST_F(PoolTest, TheNumberOfRequestsIsBounded) {
  AddUp({upstream_.address()}).circuit_breakers.max_requests = 2;
  Start();
  Stream& one = client_->Get("/1");
  TestUpstreamConnection& up = Accept(upstream_);
  Request(up, 0);  // so that the second one comes after it
  Stream& two = client_->Get("/2");
  Request(up, 1);
  Stream& three = client_->Get("/3");
  EXPECT_EQ(Status(three), "503");
  EXPECT_EQ(three.headers.Get(HeaderName::kXEnvoyOverloaded), "true");
  EXPECT_EQ(Count(stats().upstream_rq_active_overflow), 1u);
  EXPECT_EQ(Count(stats().upstream_rq_total), 2u);
  Answer(Request(up, 0));
  EXPECT_EQ(Status(one), "200");
  Stream& four = client_->Get("/4");
  Answer(Request(up, 2));
  EXPECT_EQ(Status(four), "200");
  Answer(Request(up, 1));
  EXPECT_EQ(Status(two), "200");
  EXPECT_TRUE(Pump([&] { return Level(stats().upstream_rq_active) == 0; }));
}

TEST_F(PoolTest, ARequestThatIsGivenUpGivesItsPermitBack) {
  AddUp({upstream_.address()}).circuit_breakers.max_requests = 1;
  Start();
  Stream& one = client_->Get("/1");
  TestUpstreamConnection& up = Accept(upstream_);
  Request(up, 0);
  one.Reset(ErrorCode::kReset);
  ASSERT_TRUE(Pump([&] { return Level(stats().upstream_rq_active) == 0; }));
  Stream& two = client_->Get("/2");
  Answer(Request(up, 1));
  EXPECT_EQ(Status(two), "200");
}

TEST_F(PoolTest, NoPermitsNoRequests) {
  AddUp({upstream_.address()}).circuit_breakers.max_pending_requests = 0;
  Start();
  EXPECT_EQ(Status(client_->Get("/")), "503");
  EXPECT_EQ(Count(stats().upstream_cx_total), 0u);
  EXPECT_EQ(Count(stats().upstream_rq_pending_total), 0u);
}

TEST_F(PoolTest, AChangedLimitHoldsForTheRequestsThatAreOpen) {
  AddUp({upstream_.address()}).circuit_breakers.max_requests = 2;
  Start();
  client_->Get("/1");
  TestUpstreamConnection& up = Accept(upstream_);
  Request(up, 0);
  proxy_.clusters.at("up").circuit_breakers.max_requests = 1;
  proxy_.Apply();
  EXPECT_EQ(Status(client_->Get("/2")), "503") << "one is in use";
  proxy_.clusters.at("up").circuit_breakers.max_requests = 2;
  proxy_.Apply();
  Stream& three = client_->Get("/3");
  Answer(Request(up, 1));
  EXPECT_EQ(Status(three), "200");
}

// Envoy: without any connection those who wait would wait for ever.
TEST_F(PoolTest, EachHostMayHaveOneConnectionWhateverTheLimit) {
  TestUpstream other;
  AddUp({upstream_.address(), other.address()}).circuit_breakers.max_connections = 1;
  Start();
  Stream& one = client_->Get("/1");
  Stream& two = client_->Get("/2");
  Answer(Request(Accept(upstream_), 0));
  Answer(Request(Accept(other), 0));
  EXPECT_EQ(Status(one), "200");
  EXPECT_EQ(Status(two), "200");
  EXPECT_EQ(Count(stats().upstream_cx_overflow), 1u);
}

TEST_F(PoolTest, AConnectionThatSaysGoawayGetsNoMoreRequests) {
  AddUp({upstream_.address()});
  Start();
  Stream& one = client_->Get("/1");
  TestUpstreamConnection& first = Accept(upstream_);
  Stream& request = Request(first, 0);
  first.session.Drain();
  ASSERT_TRUE(Pump([&] { return Count(stats().upstream_cx_close_notify) == 1; }));
  Stream& two = client_->Get("/2");
  Answer(Request(Accept(upstream_), 0));
  EXPECT_EQ(Status(two), "200");
  Answer(request);
  EXPECT_EQ(Status(one), "200") << "what it had, it finishes";
}

TEST_F(PoolTest, AsManyConnectionsStartAsTheQueueNeeds) {
  AddNarrow(1, 10);
  Start();
  std::vector<Stream*> streams;
  for (int i = 0; i < 3; ++i) streams.push_back(&client_->Get("/"));
  for (int i = 0; i < 3; ++i) Answer(Request(Accept(upstream_), 0));
  for (Stream* stream : streams) EXPECT_EQ(Status(*stream), "200");
  EXPECT_EQ(Count(stats().upstream_cx_total), 3u);
}

TEST_F(PoolTest, CountsWhatItDoesWithItsHost) {
  Cluster& cluster = AddUp({upstream_.address()});
  const std::shared_ptr<const HostSet> hosts = cluster.hosts;
  Start();
  Stream& one = client_->Get("/1");
  TestUpstreamConnection& up = Accept(upstream_);
  Stream& two = client_->Get("/2");
  Request(up, 1);
  const auto figure = [&](std::atomic<uint64_t> HostCounters::*counter) {
    return (hosts->hosts[0]->counters.Of(0).*counter).load();
  };
  EXPECT_EQ(figure(&HostCounters::rq_active), 2u);
  for (size_t i = 0; i < 2; ++i) {  // in whichever order they came
    Stream& request = Request(up, i);
    SendHeaders(request, {{":status", Path(request) == "/1" ? "200" : "500"}}, true);
  }
  EXPECT_EQ(Status(one), "200");
  EXPECT_EQ(Status(two), "500");
  EXPECT_TRUE(Pump([&] { return figure(&HostCounters::rq_active) == 0; }));
  EXPECT_EQ(figure(&HostCounters::rq_total), 2u);
  EXPECT_EQ(figure(&HostCounters::rq_success), 1u);
  EXPECT_EQ(figure(&HostCounters::rq_error), 1u);
  EXPECT_EQ(figure(&HostCounters::cx_active), 1u);
  EXPECT_EQ(figure(&HostCounters::cx_total), 1u);
}

TEST_F(PoolTest, AConnectThatFailsEndsAllThatWaitForIt) {
  const SilentAddress silent;
  AddUp({silent.address()}).connect_timeout = 200 * scheduler::kMillisecond;
  Start();
  std::vector<Stream*> streams;
  for (int i = 0; i < 3; ++i) streams.push_back(&client_->Get("/"));
  for (Stream* stream : streams) EXPECT_EQ(Status(*stream), "503");
  EXPECT_EQ(Level(stats().upstream_rq_pending_active), 0);
}

TEST_F(PoolTest, WhoWaitsOutlivesTheConnectionAhead) {
  AddNarrow(1, 1);
  Start();
  Stream& lost = client_->Get("/lost");
  TestUpstreamConnection& first = Accept(upstream_);
  Request(first, 0);
  Stream& waits = client_->Get("/waits");
  ASSERT_TRUE(Waiting(1));
  first.Close();
  EXPECT_EQ(Status(lost), "503");
  Answer(Request(Accept(upstream_), 0));
  EXPECT_EQ(Status(waits), "200");
}

TEST_F(PoolTest, AConnectionOfHttp1HasOneRequestAndTheLastUsedGoesFirst) {
  AddUp({upstream_.address()}).http2 = false;
  Start();
  Stream& one = client_->Get("/1");
  const Fd first = AcceptHttp1(upstream_);
  EXPECT_EQ(Head(first), "GET /1 HTTP/1.1");
  Stream& two = client_->Get("/2");
  const Fd second = AcceptHttp1(upstream_);
  EXPECT_EQ(Head(second), "GET /2 HTTP/1.1");
  AnswerHttp1(second);
  EXPECT_EQ(Status(two), "200");
  AnswerHttp1(first);
  EXPECT_EQ(Status(one), "200");
  for (const std::string path : {"/3", "/4"}) {
    Stream& next = client_->Get(path);
    ASSERT_TRUE(Pump([&] { return Level(stats().upstream_rq_active) == 1; }));
    EXPECT_EQ(Head(first), "GET " + path + " HTTP/1.1");
    AnswerHttp1(first);
    EXPECT_EQ(Status(next), "200");
  }
  EXPECT_EQ(Count(stats().upstream_cx_total), 2u);
}

TEST_F(PoolTest, WhoWaitsForHttp1IsServedInTurn) {
  AddNarrow(1024, 1).http2 = false;
  Start();
  std::vector<Stream*> streams = {&client_->Get("/0")};
  const Fd up = AcceptHttp1(upstream_);
  for (int i = 1; i < 5; ++i) {
    streams.push_back(&client_->Get("/" + std::to_string(i)));
    ASSERT_TRUE(Waiting(i));
  }
  for (size_t i = 0; i < streams.size(); ++i) {
    EXPECT_EQ(Head(up), "GET /" + std::to_string(i) + " HTTP/1.1");
    AnswerHttp1(up);
    EXPECT_EQ(Status(*streams[i]), "200");
  }
  EXPECT_EQ(Count(stats().upstream_cx_total), 1u);
}

TEST_F(PoolTest, WhatAnHttp1UpstreamClosesIsReplaced) {
  AddNarrow(1024, 1).http2 = false;
  Start();
  Stream& one = client_->Get("/1");
  {
    const Fd up = AcceptHttp1(upstream_);
    Head(up);
    Stream& two = client_->Get("/2");
    ASSERT_TRUE(Waiting(1));
    AnswerHttp1(up, "connection: close\r\n");
    EXPECT_EQ(Status(one), "200");
    const Fd next = AcceptHttp1(upstream_);
    EXPECT_EQ(Head(next), "GET /2 HTTP/1.1");
    AnswerHttp1(next);
    EXPECT_EQ(Status(two), "200");
  }
  ASSERT_TRUE(Pump([&] { return Level(stats().upstream_cx_active) == 0; }));
  Stream& three = client_->Get("/3");
  const Fd last = AcceptHttp1(upstream_);
  Head(last);
  AnswerHttp1(last);
  EXPECT_EQ(Status(three), "200");
}

TEST_F(PoolTest, AnotherProtocolHasItsOwnConnections) {
  AddUp({upstream_.address()}).http2 = false;
  Start();
  Stream& one = client_->Get("/1");
  const Fd old = AcceptHttp1(upstream_);
  Head(old);
  AnswerHttp1(old);
  EXPECT_EQ(Status(one), "200");
  proxy_.clusters.at("up").http2 = true;
  proxy_.Apply();
  EXPECT_EQ(ReadToEnd(old.get()), "");
  Stream& two = client_->Get("/2");
  Answer(Request(Accept(upstream_), 0));
  EXPECT_EQ(Status(two), "200");
}

// As the client speaks: the versions share a host, its limits and nothing else.
TEST_F(PoolTest, EachVersionHasConnectionsOfItsOwn) {
  Cluster& cluster = AddNarrow(1, 1);
  cluster.as_downstream = true;
  Start();
  Stream& two = client_->Get("/2");
  Request(Accept(upstream_), 0);
  const Fd old_client = ConnectTo(proxy_.address());
  WriteAll(old_client.get(), "GET /1 HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
  const Fd up = AcceptHttp1(upstream_);
  EXPECT_EQ(Head(up), "GET /1 HTTP/1.1");
  AnswerHttp1(up);
  EXPECT_TRUE(ReadToEnd(old_client.get()).starts_with("HTTP/1.1 200 OK"));
  Answer(Request(*connections_[0], 0));
  EXPECT_EQ(Status(two), "200");
  EXPECT_EQ(Count(stats().upstream_cx_http1_total), 1u);
  EXPECT_EQ(Count(stats().upstream_cx_http2_total), 1u);
}

}  // namespace
}  // namespace outrigger::proxy
