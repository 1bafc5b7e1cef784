#include "proxy/codec/http1/client_codec.h"

#include "gtest/gtest.h"
#include "tests/proxy/codec/http1/harness.h"

namespace outrigger::proxy::http1 {
namespace {

const std::string kOk = "HTTP/1.1 200 OK\r\n";
const std::string kLength = kOk + "content-length: 5\r\n\r\n";
const std::string kChunked = kOk + "transfer-encoding: chunked\r\n\r\n";

struct Case {
  std::string input;
  std::string body;
  std::string trailers;
};

TEST(Http1ClientCodecTest, ReadsBodiesAtAnySplit) {
  const Case cases[] = {
      {kLength + "hello", "hello", ""},
      {kOk + "content-length: 0\r\n\r\n", "", ""},
      {kChunked + "2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n", "hello", ""},
      {kChunked + "5\r\nhello\r\n0\r\nA: b\r\n\r\n", "hello", "a=b;"},
      {"HTTP/1.1 204 No Content\r\n\r\n", "", ""},
      {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 x\r\na: b\r\n\r\n" + kLength + "hello", "hello",
       ""},
  };
  for (const Case& c : cases) {
    for (size_t piece = 1; piece <= c.input.size(); ++piece) {
      ClientHarness h({.trailers = true});
      Stream& stream = h.Ask();
      h.Feed(c.input, piece);
      ASSERT_TRUE(stream.end_received) << c.input << " by " << piece;
      EXPECT_FALSE(stream.error);
      EXPECT_EQ(Text(stream.body), c.body);
      EXPECT_EQ(stream.received, c.body.size());
      EXPECT_EQ(Text(stream.trailers), c.trailers);
      EXPECT_EQ(h.codec.capacity(), 1u) << "to be used again";
      EXPECT_EQ(h.capacity_told, 1);
      EXPECT_FALSE(h.codec.finished());
    }
  }
}

TEST(Http1ClientCodecTest, TellsTheLastInformationalStatus) {
  ClientHarness h;
  Stream& stream = h.Ask();
  h.Feed("HTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\n");
  EXPECT_EQ(stream.informational, 103);
  EXPECT_FALSE(stream.headers_complete);
  h.Feed(kLength + "hello");
  EXPECT_EQ(Text(stream.headers), ":status=200;content-length=5;");
}

TEST(Http1ClientCodecTest, DropsTrailersUnlessToldOtherwise) {
  ClientHarness h;
  Stream& stream = h.Ask();
  h.Feed(kChunked + "0\r\na: b\r\n\r\n");
  EXPECT_TRUE(stream.end_received);
  EXPECT_TRUE(stream.trailers.empty());
}

TEST(Http1ClientCodecTest, SharesTheReceivedBlockOfALargeBody) {
  ClientHarness h;
  Stream& stream = h.Ask();
  const Slice input = Slice::Copy(kOk + "content-length: 5000\r\n\r\n" + std::string(5000, 'x'));
  h.codec.Feed(input);
  EXPECT_EQ(stream.body.front().block(), input.block());
}

TEST(Http1ClientCodecTest, OneAtATime) {
  ClientHarness h;
  EXPECT_EQ(h.codec.capacity(), 1u);
  Stream& stream = h.Ask();
  EXPECT_EQ(h.codec.capacity(), 0u);
  EXPECT_EQ(h.codec.open_streams(), 1u);
  h.Feed(kLength + "hello");
  EXPECT_TRUE(stream.end_received);
  EXPECT_EQ(h.codec.open_streams(), 0u);
  Stream& next = h.Ask();
  h.Feed(kLength + "HELLO");
  EXPECT_EQ(Text(next.body), "HELLO");
  EXPECT_EQ(Text(stream.body), "hello");
}

TEST(Http1ClientCodecTest, TheNextRequestMayBeOpenedAtOnce) {
  ClientHarness h;
  h.Ask();
  h.on_capacity = [&] {
    h.on_capacity = nullptr;
    h.Send("GET");
  };
  h.Feed(kLength + "hello");
  EXPECT_EQ(h.codec.open_streams(), 1u);
  EXPECT_EQ(h.Output(), "GET / HTTP/1.1\r\nhost: a\r\n\r\n");
  h.Feed(kLength + "HELLO");
  EXPECT_EQ(Text(h.streams[1]->body), "HELLO");
}

TEST(Http1ClientCodecTest, ABodyUntilTheConnectionCloses) {
  ClientHarness h;
  Stream& stream = h.Ask();
  h.Feed(kOk + "\r\nhel", 3);
  h.Feed("lo");
  EXPECT_FALSE(stream.end_received);
  h.codec.OnEof();
  EXPECT_TRUE(stream.end_received);
  EXPECT_FALSE(stream.error);
  EXPECT_EQ(Text(stream.body), "hello");
  EXPECT_FALSE(h.codec.failed());
  EXPECT_TRUE(h.codec.finished());
}

TEST(Http1ClientCodecTest, ABodyUntilTheConnectionBreaksIsNotWhole) {
  ClientHarness h;
  Stream& stream = h.Ask();
  h.Feed(kOk + "\r\nhello");
  h.codec.Abort(ErrorCode::kConnectionClosed);
  EXPECT_FALSE(stream.end_received);
  EXPECT_EQ(stream.error.code, ErrorCode::kProtocol);
}

TEST(Http1ClientCodecTest, KeepsNoConnectionThatAnySideEnds) {
  for (const std::string& close : {kOk + "connection: close\r\ncontent-length: 0\r\n\r\n",
                                   std::string("HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n")}) {
    ClientHarness h;
    Stream& stream = h.Ask();
    h.Feed(close);
    EXPECT_TRUE(stream.end_received);
    EXPECT_EQ(h.codec.capacity(), 0u);
    EXPECT_TRUE(h.codec.finished());
    EXPECT_FALSE(h.codec.failed());
    EXPECT_TRUE(h.codec.close_received());
  }
}

TEST(Http1ClientCodecTest, RefusesHostileResponses) {
  const std::string hostile[] = {
      "hello\r\n\r\n",
      kOk + "content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
      kOk + "content-length: 5\r\ncontent-length: 6\r\n\r\nhello",
      kChunked + "x\r\n",
      kChunked + "2\r\nhello\r\n",
      kChunked + "5\nhello",
      kChunked + "ffffffffffffffffff\r\n",
      kChunked + "0\r\n a: b\r\n",
      "HTTP/1.1 101 x\r\n\r\n",
  };
  for (const std::string& input : hostile) {
    for (const size_t piece : {size_t{1}, std::string::npos}) {
      ClientHarness h;
      Stream& stream = h.Ask();
      h.Feed(input, piece);
      EXPECT_EQ(stream.error.code, ErrorCode::kProtocol) << input;
      EXPECT_EQ(stream.error.side, Side::kUpstream);
      EXPECT_FALSE(stream.error.retry);
      EXPECT_FALSE(stream.end_received);
      EXPECT_TRUE(h.codec.finished());
      EXPECT_TRUE(h.codec.failed());
      EXPECT_EQ(h.codec.capacity(), 0u);
    }
  }
}

TEST(Http1ClientCodecTest, AHeadOverTheLimitIsToldApart) {
  ClientHarness h({.limits = {.max_bytes = 50}});
  Stream& stream = h.Ask();
  h.Feed(kOk + "a: " + std::string(100, 'x') + "\r\n");
  EXPECT_EQ(stream.error.code, ErrorCode::kHeadersTooLarge);
}

// Bytes behind an answer would be the next request's: of none of them is an answer made.
TEST(Http1ClientCodecTest, BytesBehindAnAnswerEndTheConnection) {
  for (const std::string& first : {kLength + "hello", kChunked + "5\r\nhello\r\n0\r\n\r\n",
                                   std::string("HTTP/1.1 204 x\r\n\r\n")}) {
    ClientHarness h;
    Stream& stream = h.Ask();
    bool opened = false;
    h.on_capacity = [&] { opened = h.codec.capacity() > 0; };
    h.Feed(first + kLength + "smuggled");
    EXPECT_TRUE(stream.end_received);
    EXPECT_FALSE(opened);
    EXPECT_TRUE(h.codec.finished());
    EXPECT_TRUE(h.codec.failed());
  }
}

TEST(Http1ClientCodecTest, BytesBetweenTwoAnswersEndTheConnection) {
  ClientHarness h;
  h.Ask();
  h.Feed(kLength + "hello");
  h.Feed("H");
  EXPECT_TRUE(h.codec.finished());
  EXPECT_TRUE(h.codec.failed());
}

TEST(Http1ClientCodecTest, BytesBeforeTheRequestIsSentAreNotItsAnswer) {
  ClientHarness h;
  Stream& stream = h.Send("GET");
  h.Feed(kLength + "hello");
  EXPECT_FALSE(stream.headers_complete);
  EXPECT_TRUE(h.codec.finished());
  EXPECT_EQ(h.Output(), "") << "and it is not sent";
  h.codec.OnEof();
  EXPECT_EQ(stream.error.code, ErrorCode::kConnectionClosed);
  EXPECT_TRUE(stream.error.retry) << "nobody has seen it";
}

TEST(Http1ClientCodecTest, AServerMayBeTiredOfWaiting) {
  ClientHarness h;
  h.Feed("HTTP/1.1 408 Request Timeout\r\nconnection: close\r\n\r\n");
  EXPECT_TRUE(h.codec.finished());
  EXPECT_FALSE(h.codec.failed());
}

TEST(Http1ClientCodecTest, AnAnswerBeforeTheRequestsEndCostsTheConnection) {
  ClientHarness h;
  Stream& stream = h.Send("POST", /*end=*/false);
  h.Output();
  h.Feed(kLength + "early");
  EXPECT_TRUE(stream.end_received);
  EXPECT_FALSE(stream.error);
  EXPECT_EQ(Text(stream.body), "early");
  EXPECT_TRUE(h.codec.finished());
  EXPECT_FALSE(h.codec.failed());
  SendBody(stream, "too late", true);
  EXPECT_EQ(h.Output(), "");
}

TEST(Http1ClientCodecTest, WhatAnEndOfTheConnectionMeans) {
  struct End {
    std::string before;
    ErrorCode code;
  };
  for (const End& c : {End{"", ErrorCode::kConnectionClosed}, End{"HTTP/1.1", ErrorCode::kProtocol},
                       End{"HTTP/1.1 100 x\r\n\r\n", ErrorCode::kConnectionClosed},
                       End{kLength + "he", ErrorCode::kProtocol},
                       End{kChunked + "5\r\nhello\r\n0\r\n", ErrorCode::kProtocol}}) {
    ClientHarness h;
    Stream& stream = h.Ask();
    h.Feed(c.before);
    h.codec.OnEof();
    EXPECT_EQ(stream.error.code, c.code) << c.before;
    EXPECT_FALSE(stream.error.retry) << "it may have been processed";
    EXPECT_TRUE(h.codec.finished());
    EXPECT_EQ(h.codec.failed(), c.code == ErrorCode::kProtocol);
  }
}

TEST(Http1ClientCodecTest, PausesReadingUntilTheBodyIsConsumed) {
  ClientHarness h;
  Stream& stream = h.Ask();
  h.Feed(kOk + "content-length: 100000\r\n\r\n");
  h.Feed(std::string(Http1ClientCodec::kMaxUnread - 1, 'x'));
  EXPECT_FALSE(h.codec.reading_paused());
  h.Feed("x");
  EXPECT_TRUE(h.codec.reading_paused());
  const int before = h.writable;
  stream.Consume(1);
  EXPECT_FALSE(h.codec.reading_paused());
  EXPECT_GT(h.writable, before);
}

TEST(Http1ClientCodecTest, DrainEndsAnIdleConnectionAtOnceAndABusyOneAfterItsAnswer) {
  ClientHarness idle;
  idle.codec.Drain();
  EXPECT_TRUE(idle.codec.finished());
  ClientHarness busy;
  Stream& stream = busy.Ask();
  busy.codec.Drain();
  EXPECT_FALSE(busy.codec.finished());
  busy.Feed(kLength + "hello");
  EXPECT_TRUE(stream.end_received);
  EXPECT_TRUE(busy.codec.finished());
}

TEST(Http1ClientCodecTest, AbortTellsTheStreamAndNobodyElse) {
  ClientHarness h;
  Stream& stream = h.Ask();
  h.codec.Abort(ErrorCode::kDrain);
  EXPECT_EQ(stream.error.code, ErrorCode::kDrain);
  EXPECT_EQ(h.capacity_told, 0);
  EXPECT_TRUE(h.codec.finished());
}

TEST(Http1ClientCodecTest, ProduceStopsNearTheLimit) {
  ClientHarness h;
  Stream& stream = h.Send("POST", /*end=*/false);
  for (int i = 0; i < 10; ++i) SendBody(stream, std::string(3000, 'x'), false);
  EXPECT_GE(stream.send_buffered(), 30000u);
  SliceQueue out;
  h.codec.Produce(out, 4000);
  EXPECT_LT(out.bytes(), 8000u);
}

}  // namespace
}  // namespace outrigger::proxy::http1
