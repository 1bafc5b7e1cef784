#include "proxy/connection/connection_manager.h"

#include <atomic>
#include <string>

#include "gtest/gtest.h"
#include "proxy/connection/echo.h"
#include "tests/support/peer.h"
#include "tests/support/test_proxy.h"

namespace outrigger::proxy {
namespace {

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr std::string_view kGet = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";

std::atomic<int> handled{0}, ended_with_error{0}, cancelled{0};

// Answers nothing; ends with its stream.
scheduler::Task<> WaitForTheEnd(ConnectionManager&, Stream& stream) {
  scheduler::Signal event;
  stream.SetObserver(&event);
  handled.fetch_add(1);
  while (!stream.error) {
    const scheduler::Wake wake = co_await event.Wait("test");
    if (wake == scheduler::Wake::kCancelled) {
      cancelled.fetch_add(1);
      break;
    }
  }
  if (stream.error) ended_with_error.fetch_add(1);
  stream.Release();
}

scheduler::Task<> PanicAtOnce(ConnectionManager&, Stream& stream) {
  const int count = handled.fetch_add(1);
  stream.Release();
  throw scheduler::Panic("seeded " + std::to_string(count));
  co_return;
}

class ConnectionManagerTest : public testing::Test {
 protected:
  ConnectionManagerTest() {
    handled = 0;
    ended_with_error = 0;
    cancelled = 0;
  }
  // How a whole answer of the echo over HTTP/1 begins; "" where there is none.
  std::string Http1Answer(int fd) { return ReadUpTo(fd, 12); }

  TestProxy proxy_;
};

TEST_F(ConnectionManagerTest, TheFirstBytesTellTheProtocol) {
  proxy_.Start(&Echo);
  TestClient http2(proxy_.address());
  Stream& stream = http2.Get("/");
  EXPECT_TRUE(Until({&http2}, [&] { return stream.end_received; }));
  Fd http1 = ConnectTo(proxy_.address());
  WriteAll(http1.get(), kGet);
  EXPECT_EQ(Http1Answer(http1.get()), "HTTP/1.1 200");
  EXPECT_EQ(proxy_.Get(proxy_.http().downstream_cx_http2_total), 1u);
  EXPECT_EQ(proxy_.Get(proxy_.http().downstream_cx_http1_total), 1u);
}

TEST_F(ConnectionManagerTest, EvenIfTheyComeOneByOne) {
  proxy_.Start(&Echo);
  Fd fd = ConnectTo(proxy_.address());
  for (const char c : kPreface) {
    WriteAll(fd.get(), {&c, 1});
    proxy_.OnWorkers([](scheduler::Processor&) {});
  }
  const std::string settings = ReadUpTo(fd.get(), 9);
  ASSERT_EQ(settings.size(), 9u);
  EXPECT_EQ(settings[3], 4) << "SETTINGS";
  Fd other = ConnectTo(proxy_.address());
  for (const char c :
       std::string_view("PUT / HTTP/1.1\r\nhost: a\r\n\r\n")) {  // begins like a preface
    WriteAll(other.get(), {&c, 1});
    proxy_.OnWorkers([](scheduler::Processor&) {});
  }
  EXPECT_EQ(Http1Answer(other.get()).substr(0, 8), "HTTP/1.1");
}

TEST_F(ConnectionManagerTest, GarbageIsAnsweredAndCounted) {
  proxy_.Start(&Echo);
  Fd fd = ConnectTo(proxy_.address());
  WriteAll(fd.get(), "GARBAGE\r\n\r\n");
  EXPECT_EQ(ReadToEnd(fd.get()).substr(0, 12), "HTTP/1.1 400");
  Fd http2 = ConnectTo(proxy_.address());
  // DATA on stream 0 right behind the preface.
  WriteAll(http2.get(),
           std::string(kPreface) + std::string("\0\0\0\4\0\0\0\0\0\0\0\1\0\0\0\0\0\0x", 19));
  const std::string answer = ReadToEnd(http2.get());
  EXPECT_NE(answer.find(std::string("\7\0\0\0\0\0", 6)), std::string::npos) << "GOAWAY";
  EXPECT_TRUE(proxy_.Eventually(
      [&] { return proxy_.Get(proxy_.http().downstream_cx_protocol_error) == 2; }));
  EXPECT_TRUE(proxy_.Eventually([&] { return proxy_.workers().connections() == 0; }));
}

TEST_F(ConnectionManagerTest, ADisconnectReachesEachHandler) {
  proxy_.Start(&WaitForTheEnd);
  TestClient client(proxy_.address());
  for (int i = 0; i < 5; ++i) client.Get("/");
  ASSERT_TRUE(Until({&client}, [] { return handled == 5; }));
  client.Close();
  EXPECT_TRUE(proxy_.Eventually([&] { return proxy_.workers().connections() == 0; }));
  EXPECT_EQ(ended_with_error, 5);
  EXPECT_TRUE(
      proxy_.Eventually([&] { return proxy_.Get(proxy_.http().downstream_cx_active) == 0; }));
  EXPECT_EQ(proxy_.Get(proxy_.http().downstream_cx_destroy), 1u);
  EXPECT_GT(proxy_.Get(proxy_.http().downstream_cx_rx_bytes_total), 0u);
}

// A connection waits for its requests; when the pool stops, no wait lasts.
TEST_F(ConnectionManagerTest, StopEndsConnectionsWithOpenRequests) {
  proxy_.Start(&WaitForTheEnd);
  TestClient client(proxy_.address());
  for (int i = 0; i < 5; ++i) client.Get("/");
  ASSERT_TRUE(Until({&client}, [] { return handled == 5; }));
  proxy_.Stop();
  EXPECT_EQ(ended_with_error + cancelled, 5);
  EXPECT_EQ(proxy_.workers().connections(), 0u);
}

TEST_F(ConnectionManagerTest, APanicEndsItsRequestAlone) {
  proxy_.Start(&PanicAtOnce);
  TestClient client(proxy_.address());
  Stream& first = client.Get("/");
  ASSERT_TRUE(Until({&client}, [&] { return static_cast<bool>(first.error); }));
  Stream& second = client.Get("/");
  ASSERT_TRUE(Until({&client}, [&] { return static_cast<bool>(second.error); }));
  client.Close();
  EXPECT_TRUE(proxy_.Eventually([&] { return proxy_.workers().connections() == 0; }));
}

TEST_F(ConnectionManagerTest, DrainLetsOpenRequestsFinish) {
  proxy_.Start(&Echo);
  TestClient client(proxy_.address());
  Stream& open = client.Post("/");
  SendBody(open, "a", false);
  ASSERT_TRUE(Until({&client}, [&] { return open.body.bytes() == 1; }));
  proxy_.workers().Drain();
  ASSERT_TRUE(Until({&client}, [&] { return client.session.draining(); }));
  EXPECT_EQ(client.session.capacity(), 0u);
  EXPECT_FALSE(client.closed());
  SendBody(open, "b", true);
  ASSERT_TRUE(Until({&client}, [&] { return client.closed(); }));
  EXPECT_EQ(Take(open), "ab");
  EXPECT_TRUE(open.end_received);
  EXPECT_EQ(proxy_.Get(proxy_.http().downstream_cx_drain_close), 1u);
  // What connects while it drains is served once, and told.
  TestClient late(proxy_.address());
  Stream& last = late.Get("/");
  ASSERT_TRUE(Until({&late}, [&] { return late.closed(); }));
  EXPECT_TRUE(last.end_received);
}

TEST_F(ConnectionManagerTest, DrainClosesIdleConnections) {
  proxy_.Start(&Echo);
  TestClient client(proxy_.address());
  Stream& stream = client.Get("/");
  ASSERT_TRUE(Until({&client}, [&] { return stream.end_received; }));
  Fd http1 = ConnectTo(proxy_.address());
  WriteAll(http1.get(), kGet);
  EXPECT_EQ(Http1Answer(http1.get()), "HTTP/1.1 200");
  proxy_.workers().Drain();
  proxy_.workers().Drain();
  EXPECT_TRUE(Until({&client}, [&] { return client.closed(); }));
  ReadToEnd(http1.get());
  EXPECT_TRUE(proxy_.Eventually([&] { return proxy_.workers().connections() == 0; }));
}

// The last GOAWAY waits for the client's sign that it saw the first, but not for ever.
TEST_F(ConnectionManagerTest, DrainDoesNotWaitForASilentClient) {
  proxy_.listener.http.drain_timeout = 20 * scheduler::kMillisecond;
  proxy_.Start(&Echo);
  Fd silent = ConnectTo(proxy_.address());
  WriteAll(silent.get(), kPreface);
  WriteAll(silent.get(), std::string("\0\0\0\4\0\0\0\0\0", 9));
  ASSERT_FALSE(ReadUpTo(silent.get(), 9).empty());
  proxy_.workers().Drain();
  ReadToEnd(silent.get());
  EXPECT_TRUE(proxy_.Eventually([&] { return proxy_.workers().connections() == 0; }));
}

TEST_F(ConnectionManagerTest, IdleConnectionsAreClosed) {
  proxy_.listener.http.idle_timeout = 30 * scheduler::kMillisecond;
  proxy_.Start(&Echo);
  TestClient client(proxy_.address());
  Stream& slow = client.Get("/?delay_ms=100");
  ASSERT_TRUE(Until({&client}, [&] { return client.closed() || slow.end_received; }));
  EXPECT_TRUE(slow.end_received) << "a request is no idleness";
  ASSERT_TRUE(Until({&client}, [&] { return client.closed(); }));
  EXPECT_EQ(proxy_.Get(proxy_.http().downstream_cx_idle_timeout), 1u);
}

TEST_F(ConnectionManagerTest, OldConnectionsAreDrained) {
  proxy_.listener.http.max_connection_duration = 30 * scheduler::kMillisecond;
  proxy_.Start(&Echo);
  TestClient client(proxy_.address());
  ASSERT_TRUE(Until({&client}, [&] {
    if (!client.session.draining() && client.session.open_streams() == 0) client.Get("/");
    return client.closed();
  }));
  EXPECT_EQ(proxy_.Get(proxy_.http().downstream_cx_max_duration_reached), 1u);
}

TEST_F(ConnectionManagerTest, ConnectionsCanBeCutOff) {
  proxy_.Start(&WaitForTheEnd);
  TestClient client(proxy_.address());
  client.Get("/");
  ASSERT_TRUE(Until({&client}, [] { return handled == 1; }));
  proxy_.workers().CloseConnections();
  EXPECT_TRUE(Until({&client}, [&] { return client.closed(); }));
  EXPECT_TRUE(proxy_.Eventually([&] { return proxy_.workers().connections() == 0; }));
}

// A listener's stats may change under a connection: it is taken out where it was put in.
TEST_F(ConnectionManagerTest, GaugesSurviveANewConfiguration) {
  proxy_.Start(&Echo);
  TestClient client(proxy_.address());
  Stream& stream = client.Get("/");
  ASSERT_TRUE(Until({&client}, [&] { return stream.end_received; }));
  const HttpStats before = proxy_.http();
  proxy_.listener.http.stats = HttpStats::Make(proxy_.stats(), "other");
  proxy_.Apply();
  EXPECT_EQ(proxy_.Get(before.downstream_cx_active), 1);
  client.Close();
  EXPECT_TRUE(proxy_.Eventually([&] { return proxy_.workers().connections() == 0; }));
  EXPECT_EQ(proxy_.Get(before.downstream_cx_active), 0);
  EXPECT_EQ(proxy_.Get(proxy_.http().downstream_cx_active), 0);
}

}  // namespace
}  // namespace outrigger::proxy
