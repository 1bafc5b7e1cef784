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

}  // namespace
}  // namespace outrigger::proxy
