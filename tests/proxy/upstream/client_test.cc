#include "proxy/upstream/client.h"

#include "tests/proxy/upstream/upstream_test.h"

namespace outrigger::proxy {
namespace {

using ClientTest = UpstreamTest;

TEST_F(ClientTest, CountsItsLife) {
  AddUp({upstream_.address()});
  Start();
  Stream& stream = client_->Get("/");
  TestUpstreamConnection& up = Accept(upstream_);
  Answer(Request(up, 0));
  EXPECT_EQ(Status(stream), "200");
  EXPECT_EQ(Count(stats().upstream_cx_total), 1u);
  EXPECT_EQ(Count(stats().upstream_cx_http2_total), 1u);
  EXPECT_EQ(Level(stats().upstream_cx_active), 1);
  shutdown(up.fd(), SHUT_WR);
  EXPECT_TRUE(Pump([&] { return Level(stats().upstream_cx_active) == 0; }));
  EXPECT_TRUE(Pump([&] { return up.closed(); }));
  EXPECT_EQ(Count(stats().upstream_cx_destroy), 1u);
  EXPECT_GT(Count(stats().upstream_cx_tx_bytes_total), 24u) << "more than the preface";
  EXPECT_GT(Count(stats().upstream_cx_rx_bytes_total), 0u);
}

TEST_F(ClientTest, CountsHttp1) {
  AddUp({upstream_.address()}).http2 = false;
  Start();
  Stream& stream = client_->Get("/x");
  const Fd up = AcceptHttp1(upstream_);
  EXPECT_EQ(Head(up), "GET /x HTTP/1.1");
  AnswerHttp1(up, "connection: close\r\n");
  EXPECT_EQ(Status(stream), "200");
  EXPECT_EQ(ReadToEnd(up.get()), "");
  EXPECT_TRUE(Pump([&] { return Level(stats().upstream_cx_active) == 0; }));
  EXPECT_EQ(Count(stats().upstream_cx_http1_total), 1u);
  EXPECT_EQ(Count(stats().upstream_cx_http2_total), 0u);
  EXPECT_EQ(Count(stats().upstream_cx_close_notify), 1u);
  EXPECT_EQ(Count(stats().upstream_cx_protocol_error), 0u);
}

TEST_F(ClientTest, AFaultOfHttp1EndsTheConnectionAtOnce) {
  AddUp({upstream_.address()}).http2 = false;
  Start();
  Stream& stream = client_->Get("/");
  const Fd up = AcceptHttp1(upstream_);
  Head(up);
  WriteAll(up.get(), "hello\r\n\r\n");
  EXPECT_EQ(Status(stream), "502");
  EXPECT_EQ(ReadToEnd(up.get()), "");
  EXPECT_TRUE(Pump([&] { return Count(stats().upstream_cx_protocol_error) == 1; }));
  EXPECT_EQ(Level(stats().upstream_cx_active), 0);
}

TEST_F(ClientTest, AnIdleConnectionOfHttp1IsClosed) {
  Cluster& cluster = AddUp({upstream_.address()});
  cluster.http2 = false;
  cluster.idle_timeout = 50 * scheduler::kMillisecond;
  Start();
  Stream& stream = client_->Get("/");
  const Fd up = AcceptHttp1(upstream_);
  Head(up);
  AnswerHttp1(up);
  EXPECT_EQ(Status(stream), "200");
  EXPECT_EQ(ReadToEnd(up.get()), "");
  EXPECT_TRUE(Pump([&] { return Count(stats().upstream_cx_idle_timeout) == 1; }));
}

TEST_F(ClientTest, ARefusedConnectIsOver) {
  AddUp({RefusingAddress()});
  Start();
  EXPECT_EQ(Status(client_->Get("/")), "503");
  EXPECT_TRUE(Pump([&] { return Level(stats().upstream_cx_active) == 0; }));
  EXPECT_GE(Count(stats().upstream_cx_connect_fail), 1u);
  EXPECT_EQ(Count(stats().upstream_cx_destroy), Count(stats().upstream_cx_total));
}

TEST_F(ClientTest, AConnectHasItsTime) {
  const SilentAddress silent;
  AddUp({silent.address()}).connect_timeout = 50 * scheduler::kMillisecond;
  Start();
  EXPECT_EQ(Status(client_->Get("/")), "503");
  EXPECT_TRUE(Pump([&] { return Level(stats().upstream_cx_active) == 0; }));
  EXPECT_GE(Count(stats().upstream_cx_connect_timeout), 1u);
}

TEST_F(ClientTest, AConnectThatNobodyWantsAnyMoreIsGivenUp) {
  const SilentAddress silent;
  AddUp({silent.address()}).connect_timeout = 3600 * kSecond;
  Start();
  Stream& stream = client_->Get("/");
  ASSERT_TRUE(Pump([&] { return Level(stats().upstream_rq_pending_active) == 1; }));
  SetHosts({});
  EXPECT_EQ(Level(stats().upstream_cx_active), 1) << "as long as somebody waits for it";
  stream.Reset(ErrorCode::kReset);
  EXPECT_TRUE(Pump([&] { return Level(stats().upstream_cx_active) == 0; }));
}

TEST_F(ClientTest, StopEndsAConnect) {
  const SilentAddress silent;
  AddUp({silent.address()}).connect_timeout = 3600 * kSecond;
  Start();
  client_->Get("/");
  ASSERT_TRUE(Pump([&] { return Level(stats().upstream_rq_pending_active) == 1; }));
  proxy_.Stop();
  EXPECT_EQ(Level(stats().upstream_cx_active), 0);
  EXPECT_EQ(Level(stats().upstream_rq_pending_active), 0);
}

TEST_F(ClientTest, AnIdleConnectionIsClosedABusyOneIsNot) {
  constexpr scheduler::Nanos kIdle = 50 * scheduler::kMillisecond;
  AddUp({upstream_.address()}).idle_timeout = kIdle;
  Start();
  Stream& slow = client_->Get("/");
  TestUpstreamConnection& up = Accept(upstream_);
  Stream& request = Request(up, 0);
  const scheduler::Nanos later = scheduler::MonotonicNow() + 3 * kIdle;
  ASSERT_TRUE(Pump([&] { return scheduler::MonotonicNow() > later; }));
  EXPECT_FALSE(up.closed());
  Answer(request);
  EXPECT_EQ(Status(slow), "200");
  EXPECT_TRUE(Pump([&] { return up.closed(); }));
  EXPECT_EQ(Count(stats().upstream_cx_idle_timeout), 1u);
}

TEST_F(ClientTest, ServesNoMoreRequestsThanItMay) {
  AddUp({upstream_.address()}).max_requests_per_connection = 2;
  Start();
  Stream& one = client_->Get("/1");
  TestUpstreamConnection& first = Accept(upstream_);
  Stream& two = client_->Get("/2");
  Request(first, 1);
  Stream& three = client_->Get("/3");
  TestUpstreamConnection& second = Accept(upstream_);
  Answer(Request(second, 0));
  EXPECT_EQ(Status(three), "200");
  EXPECT_FALSE(first.closed());
  Answer(Request(first, 0));
  Answer(Request(first, 1));
  EXPECT_EQ(Status(one), "200");
  EXPECT_EQ(Status(two), "200");
  EXPECT_TRUE(Pump([&] { return first.closed(); }));
  EXPECT_FALSE(second.closed());
}

TEST_F(ClientTest, Http1ServesNoMoreRequestsThanItMay) {
  Cluster& cluster = AddUp({upstream_.address()});
  cluster.http2 = false;
  cluster.max_requests_per_connection = 2;
  Start();
  const std::vector<Stream*> streams = {&client_->Get("/1")};
  const Fd up = AcceptHttp1(upstream_);
  Head(up);
  AnswerHttp1(up);
  EXPECT_EQ(Status(*streams[0]), "200");
  Stream& two = client_->Get("/2");
  ASSERT_TRUE(Pump([&] { return Count(stats().upstream_rq_total) == 2; }));
  EXPECT_EQ(Head(up), "GET /2 HTTP/1.1");
  AnswerHttp1(up);
  EXPECT_EQ(Status(two), "200");
  EXPECT_EQ(ReadToEnd(up.get()), "");
  EXPECT_EQ(Count(stats().upstream_cx_max_requests), 1u);
}

}  // namespace
}  // namespace outrigger::proxy
