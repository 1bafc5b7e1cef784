#include "proxy/codec/http1/server_codec.h"

#include "gtest/gtest.h"
#include "tests/proxy/codec/http1/harness.h"

namespace outrigger::proxy::http1 {
namespace {

const std::string kGet = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

void AnswerOk(Stream& stream) { Respond(stream, "200", "hi", {{"content-length", "2"}}); }
const std::string kOk = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";

struct Case {
  std::string name;
  std::string input;
  std::string body;
  std::string trailers;
};

TEST(Http1ServerCodecTest, ReadsBodiesAtAnySplit) {
  const Case cases[] = {
      {"none", kGet, "", ""},
      {"length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", "hello", ""},
      {"zero", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", "", ""},
      {"chunked",
       "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n"
       "0\r\n\r\n",
       "hello", ""},
      {"trailers",
       "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nA: b\r\n"
       "\r\n",
       "hello", "a=b;"},
      {"empty lines", "\r\n\r\n" + kGet, "", ""},
  };
  for (const Case& c : cases) {
    for (size_t piece = 1; piece <= c.input.size(); ++piece) {
      Harness h;
      ASSERT_TRUE(h.Feed(c.input, piece)) << c.name;
      ASSERT_EQ(h.streams.size(), 1u) << c.name << " by " << piece;
      EXPECT_TRUE(h.last().end_received) << c.name;
      EXPECT_EQ(Text(h.last().body), c.body) << c.name;
      EXPECT_EQ(h.last().received, c.body.size());
      EXPECT_EQ(Text(h.last().trailers), c.trailers) << c.name;
      EXPECT_EQ(h.last().http_version(), 11);
      AnswerOk(h.last());
      EXPECT_EQ(h.Output(), kOk);
      EXPECT_FALSE(h.codec.finished());
      EXPECT_EQ(h.codec.open_streams(), 0u);
    }
  }
}

TEST(Http1ServerCodecTest, SharesTheReceivedBlock) {
  Harness h;
  const Slice input = Slice::Copy("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
  h.codec.Feed(input);
  EXPECT_EQ(h.last().body.front().block(), input.block());
}

TEST(Http1ServerCodecTest, HandsOutPipelinedRequestsOneByOne) {
  const std::string one = "POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab";
  const std::string two =
      "POST /2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nc\r\n0\r\n\r\n";
  const std::string three = "GET /3 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nrest";
  const std::string all = one + two + three;
  for (size_t piece = 1; piece <= all.size(); ++piece) {
    Harness h;
    ASSERT_TRUE(h.Feed(all, piece));
    ASSERT_EQ(h.streams.size(), 1u);
    AnswerOk(h.last());
    EXPECT_EQ(h.Output(), kOk);
    ASSERT_EQ(h.streams.size(), 2u);
    EXPECT_EQ(h.last().headers.Get(HeaderName::kPath), "/2");
    EXPECT_EQ(Text(h.last().body), "c");
    AnswerOk(h.last());
    EXPECT_EQ(h.Output(), kOk);
    ASSERT_EQ(h.streams.size(), 3u);
    EXPECT_FALSE(h.codec.finished());
    AnswerOk(h.last());
    EXPECT_EQ(h.Output(), "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi");
    EXPECT_TRUE(h.codec.finished());
    EXPECT_FALSE(h.codec.error());
  }
}

TEST(Http1ServerCodecTest, AnswersFromWithinOnRequest) {
  Harness h;
  h.on_request = AnswerOk;
  EXPECT_TRUE(h.Feed(kGet + kGet + kGet));
  EXPECT_EQ(h.streams.size(), 3u);
  EXPECT_EQ(h.Output(), kOk + kOk + kOk);
}

TEST(Http1ServerCodecTest, AnswersFromWithinOnRequestBeforeTheBody) {
  Harness h;
  h.on_request = AnswerOk;
  EXPECT_TRUE(h.Feed("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello" + kGet));
  EXPECT_EQ(h.streams.size(), 1u);
  EXPECT_EQ(h.Output(), kOk);
  EXPECT_TRUE(h.codec.finished());
  EXPECT_EQ(h.last().error.code, ErrorCode::kConnectionClosed);
}

TEST(Http1ServerCodecTest, RefusesWithOneAnswerAndCloses) {
  for (const std::string hostile : {"GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.0\r\n\r\n", "\r\rGET",
                                    "\n"
                                    "GET / HTTP/1.1\r\n",
                                    "\r\n\r\n\r\n\r\n\r\n\r\n"}) {
    for (const size_t piece : {size_t{1}, std::string::npos}) {
      Harness h;
      EXPECT_FALSE(h.Feed(hostile, piece)) << hostile;
      EXPECT_FALSE(h.Feed(kGet));
      EXPECT_TRUE(h.streams.empty());
      const std::string output = h.Output();
      EXPECT_EQ(output.find("HTTP/1.1 4"), 0u) << output;
      EXPECT_NE(output.find("connection: close\r\n"), std::string::npos);
      EXPECT_TRUE(h.codec.finished());
    }
  }
}

TEST(Http1ServerCodecTest, ABadChunkIsRefusedWhileNoAnswerHasBegun) {
  const std::string input =
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab";
  Harness before;
  EXPECT_FALSE(before.Feed(input));
  EXPECT_EQ(before.last().error.code, ErrorCode::kProtocol);
  EXPECT_EQ(before.Output().find("HTTP/1.1 400 Bad Request\r\n"), 0u);
  EXPECT_TRUE(before.codec.finished());

  Harness after;
  after.on_request = [](Stream& stream) {
    Headers headers(stream.arena);
    headers.Add(HeaderName::kStatus, "200");
    stream.SendHeaders(headers, false);
  };
  EXPECT_FALSE(after.Feed(input));
  // Cut off without the last chunk: the peer sees that it is incomplete.
  EXPECT_EQ(after.Output(), "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
  EXPECT_TRUE(after.codec.finished());
}

TEST(Http1ServerCodecTest, APipelinedBadRequestIsRefusedInItsTurn) {
  Harness h;
  EXPECT_TRUE(h.Feed(kGet + "GET / HTTP/1.1\r\n\r\n"));
  AnswerOk(h.last());
  const std::string output = h.Output();
  EXPECT_EQ(output.find(kOk + "HTTP/1.1 400 "), 0u) << output;
  EXPECT_TRUE(h.codec.finished());
}

TEST(Http1ServerCodecTest, PausesReadingUntilTheBodyIsConsumed) {
  Harness h;
  h.Feed("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n");
  EXPECT_FALSE(h.codec.reading_paused());
  h.Feed(std::string(kMaxUnread - 1, 'x'));
  EXPECT_FALSE(h.codec.reading_paused());
  h.Feed("x");
  EXPECT_TRUE(h.codec.reading_paused());
  const int before = h.writable;
  h.last().Consume(1);
  EXPECT_FALSE(h.codec.reading_paused());
  EXPECT_GT(h.writable, before);
}

TEST(Http1ServerCodecTest, PausesReadingWhilePipelinedBytesWait) {
  Harness h;
  h.Feed(kGet);
  h.Feed("GET /" + std::string(kMaxUnread, 'x'));
  EXPECT_TRUE(h.codec.reading_paused());
  AnswerOk(h.last());
  h.Output();  // 431 for the second
  EXPECT_FALSE(h.codec.reading_paused());
}

TEST(Http1ServerCodecTest, EofEndsTheOpenStream) {
  Harness h;
  h.Feed("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe");
  h.codec.OnEof();
  EXPECT_EQ(h.last().error.code, ErrorCode::kConnectionClosed);
  EXPECT_EQ(h.last().error.side, Side::kDownstream);
  EXPECT_TRUE(h.codec.finished());
  AnswerOk(h.last());
  EXPECT_EQ(h.Output(), "");
}

TEST(Http1ServerCodecTest, EofWithinAHeadJustEnds) {
  Harness h;
  h.Feed("GET / HT");
  h.codec.OnEof();
  EXPECT_TRUE(h.codec.finished());
  EXPECT_EQ(h.Output(), "");
}

TEST(Http1ServerCodecTest, DrainEndsAnIdleConnectionAtOnce) {
  Harness h;
  h.codec.Drain();
  EXPECT_TRUE(h.codec.finished());
}

TEST(Http1ServerCodecTest, DrainLetsTheOpenRequestFinish) {
  Harness h;
  h.Feed(kGet);
  h.codec.Drain();
  EXPECT_FALSE(h.codec.finished());
  AnswerOk(h.last());
  EXPECT_EQ(h.Output(), "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi");
  EXPECT_TRUE(h.codec.finished());
}

TEST(Http1ServerCodecTest, AbortTellsTheStream) {
  Harness h;
  h.Feed(kGet);
  h.codec.Abort(ErrorCode::kTimeout);
  EXPECT_EQ(h.last().error.code, ErrorCode::kTimeout);
  EXPECT_TRUE(h.codec.finished());
}

TEST(Http1ServerCodecTest, ProduceStopsNearTheLimit) {
  Harness h;
  h.Feed(kGet);
  Headers headers(h.last().arena);
  headers.Add(HeaderName::kStatus, "200");
  h.last().SendHeaders(headers, false);
  for (int i = 0; i < 10; ++i) {
    SliceQueue data;
    data.Push(Slice::Copy(std::string(1000, 'x')));
    h.last().SendData(data, false);
  }
  EXPECT_GE(h.last().send_buffered(), 10000u);
  SliceQueue out;
  h.codec.Produce(out, 3000);
  EXPECT_LT(out.bytes(), 5000u);
  EXPECT_GT(h.last().send_buffered(), 5000u);
}

}  // namespace
}  // namespace outrigger::proxy::http1
