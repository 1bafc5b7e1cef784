#include "control/service/http_connection.h"

#include <fcntl.h>

#include <atomic>
#include <future>

#include "gtest/gtest.h"
#include "proxy/codec/http2/session.h"
#include "scheduler/scheduler.h"
#include "tests/control/service/peer.h"

namespace outrigger::control {
namespace {

using scheduler::kMillisecond;
using scheduler::Task;

struct Seen {
  std::atomic<size_t> written{0};
  std::promise<void> first_pause, peer_gone;
};

Task<> Answer(Seen& seen, const ControlRequest& request, ResponseWriter& writer) {
  if (request.path == "/echo") {
    co_await writer.Send(200, "text/plain", request.method + " " + request.body);
  } else if (request.path == "/big") {
    writer.Begin(200, {});
    for (int i = 0; i < 1000; ++i) {
      if (!co_await writer.Write(std::string(64 * 1024, 'x'))) break;
      seen.written.fetch_add(64 * 1024);
    }
    writer.End();
    if (!writer.ok()) seen.peer_gone.set_value();
  } else if (request.path == "/panic") {
    throw scheduler::Panic("seeded");
  } else if (request.path == "/stream") {
    std::string body;
    writer.Begin(200, {{"x-kind", "stream"}});
    while (co_await writer.Read(body)) {
      co_await writer.Write("[" + body + "]");
      body.clear();
    }
    writer.End({{"x-end", "yes"}});
  }
}

ControlHandler AnswerWith(Seen& seen) {
  // Captures a reference to what outlives the pool; the coroutine itself is the named function.
  return std::bind_front(&Answer, std::ref(seen));
}

Task<> ServeOne(const HttpConnectionOptions& options, int fd, std::promise<void>& ended) {
  {
    HttpConnection connection(options, fd);
    co_await connection.Serve();
  }
  ended.set_value();
}

class HttpConnectionTest : public ::testing::Test {
 protected:
  HttpConnectionTest() {
    options_.handler = AnswerWith(seen_);
    options_.streams_body = [](const ControlRequest& request) { return request.path == "/stream"; };
    options_.http2 = [](proxy::ServerEvents& events) {
      return std::make_unique<proxy::http2::ServerSession>(events, proxy::Http2Options(),
                                                           proxy::HeaderLimits());
    };
  }

  Peer Connect() {
    int fds[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
    fcntl(fds[1], F_SETFL, 0);
    pool_.Go("connection", ServeOne(options_, fds[0], ended_));
    return Peer(fds[1]);
  }
  void ExpectEnded() {
    EXPECT_EQ(ended_.get_future().wait_for(std::chrono::seconds(10)), std::future_status::ready);
  }

  Seen seen_;
  HttpConnectionOptions options_;
  std::promise<void> ended_;
  // Last: it ends the Gs, which use the above.
  scheduler::Pool pool_{{.name = "control",
                         .policy = scheduler::Policy::kStealing,
                         .affinity = std::vector<scheduler::CpuSet>(2)}};
};

TEST_F(HttpConnectionTest, ServesRequestsOneAfterTheOther) {
  Peer peer = Connect();
  for (int i = 0; i < 3; ++i) {
    peer.Send("GET /echo HTTP/1.1\r\nHost: a\r\n\r\n");
    const std::string answer = peer.ReceiveUntil("GET ");
    EXPECT_EQ(WithoutDate(answer),
              "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 4\r\n\r\nGET ");
    EXPECT_NE(answer.find("\r\ndate: "), std::string::npos);
    EXPECT_NE(answer.find("\r\nserver: envoy\r\n"), std::string::npos);
  }
  peer.Send("GET /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  EXPECT_NE(peer.ReceiveAll().find("connection: close"), std::string::npos);
  peer.Close();
  ExpectEnded();
}

TEST_F(HttpConnectionTest, ServesPipelinedRequestsInOrder) {
  Peer peer = Connect();
  std::string all;
  for (int i = 0; i < 50; ++i) {
    const std::string body = std::to_string(i);
    all += "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\n\r\n" + body;
  }
  peer.Send(all);
  peer.ShutdownWrite();  // a peer that half-closes still gets its answers
  const std::string answers = peer.ReceiveAll();
  size_t at = 0;
  for (int i = 0; i < 50; ++i) {
    at = answers.find("\r\n\r\nPOST " + std::to_string(i), at);
    ASSERT_NE(at, std::string::npos) << i;
  }
  ExpectEnded();
}

TEST_F(HttpConnectionTest, TakesBodiesAndSaysContinue) {
  Peer peer = Connect();
  peer.Send(
      "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
      "Transfer-Encoding: chunked\r\n\r\n");
  EXPECT_EQ(peer.Receive(), "HTTP/1.1 100 Continue\r\n\r\n");
  peer.Send("3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n");
  peer.ReceiveUntil("POST abcdef");
}

TEST_F(HttpConnectionTest, BoundsTheBody) {
  options_.max_body = 100000;
  Peer peer = Connect();
  peer.Send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\n" +
            std::string(200000, 'x'));
  EXPECT_EQ(peer.ReceiveAll().find("HTTP/1.1 413 "), 0u);
}

TEST_F(HttpConnectionTest, AStreamingHandlerWaitsForASlowReader) {
  Peer peer = Connect();
  peer.Send("GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
  peer.Receive();
  // 64 MB are to come, and nobody read them: they are not all in memory.
  EXPECT_LT(seen_.written.load(), 8u << 20);
  EXPECT_GT(peer.ReceiveUntil("\r\n0\r\n\r\n").size(), 64000000u);
  EXPECT_EQ(seen_.written.load(), 1000u * 64 * 1024);
}

TEST_F(HttpConnectionTest, AStreamingHandlerHearsThatThePeerIsGone) {
  Peer peer = Connect();
  peer.Send("GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
  peer.Receive();
  peer.Close();
  ExpectEnded();
  EXPECT_LT(seen_.written.load(), 1000u * 64 * 1024);
}

TEST_F(HttpConnectionTest, AHandlerWithoutAnAnswerGivesA500) {
  Peer peer = Connect();
  peer.Send("GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(peer.Receive().find("HTTP/1.1 500 "), 0u);
}

TEST_F(HttpConnectionTest, APanicEndsItsConnectionAlone) {
  Peer peer = Connect();
  peer.Send("GET /panic HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(peer.ReceiveAll(), "");
  peer.Close();
  ExpectEnded();
}

TEST_F(HttpConnectionTest, RefusesWhatIsNoHttp) {
  Peer peer = Connect();
  peer.Send("\x16\x03\x01\x02");
  EXPECT_EQ(peer.ReceiveAll().find("HTTP/1.1 400 "), 0u);
  peer.Close();
  ExpectEnded();
}

TEST_F(HttpConnectionTest, AHalfSentHeadTimesOut) {
  options_.header_timeout = 20 * kMillisecond;
  Peer peer = Connect();
  peer.Send("GET /echo HT");
  EXPECT_EQ(peer.ReceiveAll(), "");
  ExpectEnded();
}

TEST_F(HttpConnectionTest, AHalfSentPrefaceTimesOut) {
  options_.header_timeout = 20 * kMillisecond;
  Peer peer = Connect();
  peer.Send("PRI * HTTP/2");
  EXPECT_EQ(peer.ReceiveAll(), "");
  ExpectEnded();
}

TEST_F(HttpConnectionTest, AHalfSentBodyTimesOut) {
  options_.stall_timeout = 20 * kMillisecond;
  Peer peer = Connect();
  peer.Send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
  EXPECT_EQ(peer.ReceiveAll(), "");
  ExpectEnded();
}

TEST_F(HttpConnectionTest, AnIdleConnectionTimesOut) {
  options_.idle_timeout = 20 * kMillisecond;
  Peer peer = Connect();
  EXPECT_EQ(peer.ReceiveAll(), "");
  ExpectEnded();
}

TEST_F(HttpConnectionTest, AReaderThatStandsStillTimesOut) {
  options_.stall_timeout = 20 * kMillisecond;
  Peer peer = Connect();
  peer.Send("GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
  ExpectEnded();
  EXPECT_LT(seen_.written.load(), 1000u * 64 * 1024);
}

TEST_F(HttpConnectionTest, StreamsBothWays) {
  Peer peer = Connect();
  peer.Send("POST /stream HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  EXPECT_NE(peer.ReceiveUntil("\r\n\r\n").find("x-kind: stream"), std::string::npos);
  peer.Send("2\r\nab\r\n");
  EXPECT_EQ(peer.ReceiveUntil("[ab]\r\n"), "4\r\n[ab]\r\n");
  peer.Send("1\r\nc\r\n");
  EXPECT_EQ(peer.ReceiveUntil("[c]\r\n"), "3\r\n[c]\r\n");
  peer.Send("0\r\n\r\n");
  EXPECT_EQ(peer.ReceiveUntil("\r\n\r\n"), "0\r\nx-end: yes\r\n\r\n");
}

// An HTTP/2 client over a Peer.
struct Http2Client : proxy::ClientEvents {
  explicit Http2Client(Peer& with)
      : peer(with), session(*this, proxy::Http2Options(), proxy::HeaderLimits()) {}
  ~Http2Client() {
    for (proxy::Stream* stream : streams) stream->Release();
    session.Abort(proxy::ErrorCode::kConnectionClosed);
  }
  void OnWritable() override {}
  void OnCapacity() override {}

  proxy::Stream& Open(std::string_view path, bool end) {
    proxy::Stream& stream = session.OpenStream();
    streams.push_back(&stream);
    request.emplace_back(std::make_unique<proxy::Headers>(stream.arena));
    for (const auto& [name, value] : HeaderList{{":method", "POST"},
                                                {":scheme", "http"},
                                                {":authority", "a"},
                                                {":path", std::string(path)}}) {
      request.back()->Add(name, value);
    }
    stream.SendHeaders(*request.back(), end);
    return stream;
  }
  void Send(proxy::Stream& stream, std::string_view text, bool end) {
    proxy::SliceQueue data;
    data.Push(proxy::Slice::Copy(text));
    stream.SendData(data, end);
  }
  void Flush() {
    proxy::SliceQueue out;
    session.Produce(out, 1 << 20);
    for (const proxy::Slice& slice : out) peer.Send(slice.view());
  }
  // Until the stream's body is `text`. False: the connection ended, or the time.
  bool Await(proxy::Stream& stream, std::string_view text) {
    for (;;) {
      Flush();
      std::vector<char> storage;
      if (stream.body.Flatten(storage) == text) return true;
      const std::string bytes = peer.Receive();
      if (bytes.empty() || !session.Feed(proxy::Slice::Copy(bytes))) return false;
    }
  }

  Peer& peer;
  proxy::http2::ClientSession session;
  std::vector<proxy::Stream*> streams;
  std::vector<std::unique_ptr<proxy::Headers>> request;
};

TEST_F(HttpConnectionTest, AWaitingHttp2StreamHoldsNoOtherUp) {
  Peer peer = Connect();
  Http2Client client(peer);
  proxy::Stream& waiting = client.Open("/stream", false);
  client.Send(waiting, "one", false);
  EXPECT_TRUE(client.Await(waiting, "[one]"));
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(client.Await(client.Open("/echo", true), "POST "));
  client.Send(waiting, "two", true);
  EXPECT_TRUE(client.Await(waiting, "[one][two]"));
  EXPECT_EQ(waiting.headers.Get(proxy::HeaderName::kStatus), "200");
}

TEST_F(HttpConnectionTest, AResetHttp2StreamEndsItsHandlerAlone) {
  Peer peer = Connect();
  Http2Client client(peer);
  proxy::Stream& waiting = client.Open("/stream", false);
  client.Send(waiting, "one", false);
  EXPECT_TRUE(client.Await(waiting, "[one]"));
  waiting.Reset(proxy::ErrorCode::kNone);
  EXPECT_TRUE(client.Await(client.Open("/echo", true), "POST "));
}

TEST_F(HttpConnectionTest, StoppingThePoolEndsOpenStreams) {
  Peer peer = Connect();
  Http2Client client(peer);
  proxy::Stream& waiting = client.Open("/stream", false);
  client.Send(waiting, "one", false);
  EXPECT_TRUE(client.Await(waiting, "[one]"));
  pool_.Stop();
  ExpectEnded();
}

}  // namespace
}  // namespace outrigger::control
