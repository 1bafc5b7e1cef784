#include "proxy/codec/http1/server_stream.h"

#include "gtest/gtest.h"
#include "tests/proxy/codec/http1/harness.h"

namespace outrigger::proxy::http1 {
namespace {

std::string Request(std::string_view method) {
  return std::string(method) + " / HTTP/1.1\r\nHost: a\r\n\r\n";
}

void SendHead(Stream& stream, std::string_view status) {
  Headers headers(stream.arena);
  headers.Add(HeaderName::kStatus, status);
  stream.SendHeaders(headers, false);
}

struct Case {
  std::string method;
  std::string status;
  std::string length;
  std::string body;
  std::string output;
};

TEST(Http1StreamTest, FramesEachKindOfResponse) {
  const Case cases[] = {
      {"GET", "200", "2", "hi", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"},
      {"GET", "200", "", "hi",
       "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"},
      {"GET", "404", "", "", "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"},
      {"HEAD", "200", "2", "", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n"},
      {"HEAD", "200", "2", "hi", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n"},
      {"HEAD", "200", "", "", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"},
      {"GET", "204", "", "", "HTTP/1.1 204 No Content\r\n\r\n"},
      {"GET", "204", "2", "hi", "HTTP/1.1 204 No Content\r\n\r\n"},
      {"GET", "304", "2", "", "HTTP/1.1 304 Not Modified\r\ncontent-length: 2\r\n\r\n"},
      {"GET", "304", "", "hi", "HTTP/1.1 304 Not Modified\r\n\r\n"},
      {"GET", "200", "x", "hi",
       "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"},
      {"GET", "xyz", "", "", "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n"},
      {"GET", "299", "", "", "HTTP/1.1 299 Unknown\r\ncontent-length: 0\r\n\r\n"},
  };
  for (const Case& c : cases) {
    Harness h;
    h.Feed(Request(c.method));
    std::vector<std::pair<std::string, std::string>> headers;
    if (!c.length.empty()) headers.emplace_back("content-length", c.length);
    Respond(h.last(), c.status, c.body, headers);
    EXPECT_EQ(h.Output(), c.output) << c.method << c.status << c.length;
    EXPECT_FALSE(h.codec.finished());
  }
}

TEST(Http1StreamTest, StreamsChunksAndTrailers) {
  Harness h;
  h.Feed(Request("GET"));
  SendHead(h.last(), "200");
  EXPECT_EQ(h.Output(), "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
  SendBody(h.last(), std::string(26, 'x'), false);
  SendBody(h.last(), "", false);  // no empty chunk: it would end the message
  EXPECT_EQ(h.Output(), "1a\r\n" + std::string(26, 'x') + "\r\n");
  Headers trailers(h.last().arena);
  trailers.Add("grpc-status", "0");
  h.last().SendTrailers(trailers);
  EXPECT_EQ(h.Output(), "0\r\ngrpc-status: 0\r\n\r\n");
  EXPECT_FALSE(h.codec.finished());
}

TEST(Http1StreamTest, DoesNotCopyBodies) {
  Harness h;
  h.Feed(Request("GET"));
  SendHead(h.last(), "200");
  const Slice slice = Slice::Copy(std::string(100000, 'x'));
  SliceQueue data;
  data.Push(slice);
  h.last().SendData(data, true);
  SliceQueue out;
  h.codec.Produce(out, 1 << 20);
  EXPECT_TRUE(std::any_of(out.begin(), out.end(),
                          [&](const Slice& s) { return s.data() == slice.data(); }));
}

TEST(Http1StreamTest, SaysContinue) {
  Harness h;
  h.Feed("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  h.last().SendInformational(100);
  EXPECT_EQ(h.Output(), "HTTP/1.1 100 Continue\r\n\r\n");
  h.last().SendInformational(101);
  h.last().SendInformational(200);
  EXPECT_EQ(h.Output(), "");
  h.Feed("ab");
  Respond(h.last(), "200", "");
  h.last().SendInformational(100);
  EXPECT_EQ(h.Output(), "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
}

TEST(Http1StreamTest, AnEarlyAnswerClosesTheConnection) {
  Harness h;
  h.Feed("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe");
  Respond(h.last(), "403", "");
  EXPECT_EQ(h.Output(), "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
  EXPECT_TRUE(h.codec.finished());
  EXPECT_EQ(h.last().error.code, ErrorCode::kConnectionClosed);
}

TEST(Http1StreamTest, NeverSendsMoreThanAnnounced) {
  Harness h;
  h.Feed(Request("GET"));
  Respond(h.last(), "200", "hello", {{"content-length", "2"}});
  EXPECT_EQ(h.Output(), "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhe");
  EXPECT_TRUE(h.codec.finished());
}

TEST(Http1StreamTest, LessThanAnnouncedClosesTheConnection) {
  Harness h;
  h.Feed(Request("GET"));
  Respond(h.last(), "200", "hi", {{"content-length", "5"}});
  EXPECT_EQ(h.Output(), "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhi");
  EXPECT_TRUE(h.codec.finished());
}

TEST(Http1StreamTest, AResponseMayCloseTheConnection) {
  Harness h;
  h.Feed(Request("GET"));
  Respond(h.last(), "200", "", {{"connection", "close"}});
  EXPECT_EQ(h.Output(), "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
  EXPECT_TRUE(h.codec.finished());
}

TEST(Http1StreamTest, ResetAndReleaseWithoutAnAnswerClose) {
  Harness reset;
  reset.Feed(Request("GET"));
  reset.last().Reset(ErrorCode::kTimeout);
  EXPECT_EQ(reset.Output(), "");
  EXPECT_TRUE(reset.codec.finished());

  Harness released;
  released.Feed(Request("GET") + Request("GET"));
  released.Release();
  EXPECT_EQ(released.Output(), "");
  EXPECT_TRUE(released.codec.finished());
  EXPECT_EQ(released.codec.open_streams(), 0u);
}

TEST(Http1StreamTest, Http10IsAnsweredInKind) {
  RequestRules rules;
  rules.accept_http_10 = true;
  Harness close(rules);
  close.Feed("GET / HTTP/1.0\r\nHost: a\r\n\r\n");
  close.last().SendInformational(100);
  Respond(close.last(), "200", "hi");
  EXPECT_EQ(close.Output(), "HTTP/1.0 200 OK\r\nconnection: close\r\n\r\nhi");
  EXPECT_TRUE(close.codec.finished());

  Harness keep(rules);
  keep.Feed("GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n");
  Respond(keep.last(), "200", "hi", {{"content-length", "2"}});
  EXPECT_EQ(keep.Output(),
            "HTTP/1.0 200 OK\r\ncontent-length: 2\r\nconnection: keep-alive\r\n\r\nhi");
  EXPECT_FALSE(keep.codec.finished());
}

}  // namespace
}  // namespace outrigger::proxy::http1
