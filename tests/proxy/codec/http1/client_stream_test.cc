#include "proxy/codec/http1/client_stream.h"

#include "gtest/gtest.h"
#include "tests/proxy/codec/http1/harness.h"

namespace outrigger::proxy::http1 {
namespace {

using Fields = ClientHarness::Fields;
const std::string kHost = " / HTTP/1.1\r\nhost: a\r\n";

struct Case {
  std::string method;
  Fields fields;
  std::string body;  // empty: the head is all
  std::string output;
};

TEST(Http1ClientStreamTest, FramesEachKindOfRequest) {
  const Case cases[] = {
      {"GET", {}, "", "GET" + kHost + "\r\n"},
      {"HEAD", {}, "", "HEAD" + kHost + "\r\n"},
      {"DELETE", {}, "", "DELETE" + kHost + "\r\n"},
      {"POST", {}, "", "POST" + kHost + "content-length: 0\r\n\r\n"},
      {"GET", {{"content-length", "0"}}, "", "GET" + kHost + "content-length: 0\r\n\r\n"},
      {"POST", {{"content-length", "2"}}, "hi", "POST" + kHost + "content-length: 2\r\n\r\nhi"},
      {"POST", {}, "hi", "POST" + kHost + "transfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"},
      {"POST",
       {{"content-length", "x"}},
       "hi",
       "POST" + kHost + "transfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"},
      {"GET", {}, "hi", "GET" + kHost + "transfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"},
      {"GET",
       {{"te", "trailers"}, {"cookie", "a=b"}},
       "",
       "GET" + kHost + "te: trailers\r\ncookie: a=b\r\n\r\n"},
      {"GET",
       {{"host", "evil"}, {"connection", "x"}, {"transfer-encoding", "chunked"}, {"upgrade", "y"}},
       "",
       "GET" + kHost + "\r\n"},
      {"GET",
       {{"a", "b\r\nc: d"}, {":path", "/x?y=%20"}},
       "",
       "GET /x?y=%20 HTTP/1.1\r\nhost: a\r\n\r\n"},
      {"OPTIONS",
       {{":path", "*"}, {":authority", ""}},
       "",
       "OPTIONS * HTTP/1.1\r\nhost: \r\ncontent-length: 0\r\n\r\n"},
  };
  for (const Case& c : cases) {
    ClientHarness h;
    Stream& stream = h.Send(c.method, c.body.empty(), c.fields);
    if (!c.body.empty()) SendBody(stream, c.body, true);
    EXPECT_EQ(h.Output(), c.output) << c.method;
    EXPECT_FALSE(stream.error);
    EXPECT_EQ(stream.http_version(), 11);
  }
}

TEST(Http1ClientStreamTest, SaysNothingThatCouldBeReadAsTwoRequests) {
  const Fields bad[] = {
      {{":path", "/ HTTP/1.1"}}, {{":path", "/\r\nx: y"}},
      {{":path", ""}},           {{":authority", "a\r\nx: y"}},
      {{":authority", "a b"}},   {{":method", "GET /"}},
      {{":method", "CONNECT"}},  {{":method", ""}},
      {{"content-length", "5"}},  // and no body
  };
  for (const Fields& fields : bad) {
    ClientHarness h;
    Stream& stream = h.Send("GET", true, fields);
    EXPECT_EQ(h.Output(), "") << fields[0].first;
    EXPECT_EQ(stream.error.code, ErrorCode::kProtocol);
    EXPECT_EQ(stream.error.side, Side::kLocal);
    EXPECT_EQ(h.codec.capacity(), 1u) << "no fault of the upstream's";
  }
}

TEST(Http1ClientStreamTest, KeepsToTheLengthItAnnounced) {
  for (const char* body : {"abc", "a"}) {
    ClientHarness h;
    Stream& stream = h.Send("POST", false, {{"content-length", "2"}});
    h.Output();
    SendBody(stream, body, true);
    EXPECT_EQ(h.Output(), "");
    EXPECT_EQ(stream.error.code, ErrorCode::kProtocol);
    EXPECT_TRUE(h.codec.finished());
    EXPECT_FALSE(h.codec.failed());
  }
}

TEST(Http1ClientStreamTest, SendsTrailersIfItMay) {
  for (const bool may : {false, true}) {
    ClientHarness h({.trailers = may});
    Stream& stream = h.Send("POST", false);
    Headers trailers(stream.arena);
    trailers.Add("t", "v");
    stream.SendTrailers(trailers);
    EXPECT_EQ(h.Output(), "POST" + kHost + "transfer-encoding: chunked\r\n\r\n0\r\n" +
                              (may ? "t: v\r\n\r\n" : "\r\n"));
  }
}

TEST(Http1ClientStreamTest, AnswersToHeadHaveNoBody) {
  ClientHarness h;
  Stream& stream = h.Ask("HEAD");
  h.Feed("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n");
  EXPECT_TRUE(stream.end_received);
  EXPECT_EQ(h.codec.capacity(), 1u);
}

TEST(Http1ClientStreamTest, AResetCostsTheConnection) {
  ClientHarness h;
  Stream& stream = h.Ask();
  const int before = h.writable;
  stream.Reset(ErrorCode::kReset);
  EXPECT_GT(h.writable, before);
  EXPECT_TRUE(h.codec.finished());
  EXPECT_FALSE(h.codec.failed());
}

TEST(Http1ClientStreamTest, AResetBeforeItIsSentCostsNothing) {
  ClientHarness h;
  Stream& stream = h.Send("GET");
  stream.Reset(ErrorCode::kReset);
  EXPECT_EQ(h.Output(), "");
  EXPECT_FALSE(h.codec.finished());
  EXPECT_EQ(h.codec.capacity(), 1u);
  EXPECT_EQ(h.capacity_told, 1);
}

TEST(Http1ClientStreamTest, ReleaseOfAnOpenStreamEndsIt) {
  ClientHarness h;
  h.Ask();
  h.streams.back()->Release();
  h.streams.clear();
  EXPECT_TRUE(h.codec.finished());
  EXPECT_EQ(h.codec.open_streams(), 0u);
}

TEST(Http1ClientStreamTest, TellsOfRoomWhileTheRequestGoesOn) {
  struct Listener final : StreamCloseListener {
    void OnStreamClosed() override { ++closed; }
    int closed = 0;
  } listener;
  ClientHarness h;
  Stream& stream = h.Send("GET");
  stream.SetCloseListener(&listener);
  int closed_before_capacity = 0;
  h.on_capacity = [&] { closed_before_capacity = listener.closed; };
  h.Output();
  EXPECT_EQ(stream.send_buffered(), 0u);
  h.Feed("HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_EQ(closed_before_capacity, 1);
}

}  // namespace
}  // namespace outrigger::proxy::http1
