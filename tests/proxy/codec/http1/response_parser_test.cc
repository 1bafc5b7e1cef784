#include "proxy/codec/http1/response_parser.h"

#include <string>

#include "gtest/gtest.h"
#include "tests/proxy/codec/http1/harness.h"

namespace outrigger::proxy::http1 {
namespace {

const char* Name(ResponseHead::Body body) {
  switch (body) {
    case ResponseHead::Body::kNone:
      return "none";
    case ResponseHead::Body::kLength:
      return "length";
    case ResponseHead::Body::kChunked:
      return "chunked";
    case ResponseHead::Body::kUntilClose:
      return "until close";
  }
  return "";
}

// "! detail" for an error, else the body's kind, "keep" or "close", and the headers.
std::string Parse(std::string_view input, size_t piece, bool head_request, FieldLimits limits) {
  Arena arena;
  Headers headers(arena);
  ResponseParser parser(limits, headers);
  if (head_request) parser.set_answers_head();
  while (!input.empty()) {
    std::string_view part = input.substr(0, piece);
    input.remove_prefix(part.size());
    const ParseResult result = parser.Feed(part);
    if (result == ParseResult::kError) return std::string("! ") + parser.error().detail;
    if (result == ParseResult::kMore) continue;
    const ResponseHead& head = parser.head();
    return std::string(Name(head.body)) + (head.keep_alive ? " keep " : " close ") + Text(headers) +
           (part.empty() ? "" : "+" + std::string(part));
  }
  return parser.within_head() ? "more" : "nothing";
}

struct Case {
  std::string input;
  std::string result;
};

void ExpectAtAnySplit(const Case& c, bool head_request = false, FieldLimits limits = {}) {
  for (const size_t piece : {size_t{1}, size_t{2}, size_t{7}, std::string::npos}) {
    EXPECT_EQ(Parse(c.input, piece, head_request, limits), c.result)
        << c.input.substr(0, 60) << " by " << piece;
  }
}

TEST(ResponseParserTest, GivesWhatHttp2WouldGive) {
  const Case cases[] = {
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "length keep :status=200;content-length=5;"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "none keep :status=200;content-length=0;"},
      {"HTTP/1.1 404 Not  Found\r\nX-Y:  Z  \r\ncontent-length:1\r\n\r\n",
       "length keep :status=404;x-y=Z;content-length=1;"},
      {"HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n", "chunked keep :status=200;"},
      {"HTTP/1.1 200\r\ntransfer-encoding: Chunked\r\nset-cookie: a\r\nset-cookie: b\r\n\r\n",
       "chunked keep :status=200;set-cookie=a;set-cookie=b;"},
      {"HTTP/1.1 200 OK\r\n\r\n", "until close keep :status=200;"},
      {"HTTP/1.0 200 OK\r\n\r\n", "until close close :status=200;"},
      {"HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 1\r\n\r\n",
       "length keep :status=200;content-length=1;"},
      {"HTTP/1.1 200 OK\r\nconnection: Close\r\ncontent-length: 1\r\n\r\n",
       "length close :status=200;content-length=1;"},
      {"HTTP/1.1 200 OK\r\nconnection: a\r\na: b\r\nkeep-alive: x\r\nproxy-connection: x\r\n"
       "upgrade: x\r\nte: x\r\ntrailer: t\r\ncontent-length: 1\r\n\r\n",
       "length keep :status=200;trailer=t;content-length=1;"},
      {"HTTP/1.1 204 No Content\r\n\r\n", "none keep :status=204;"},
      {"HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n", "none keep :status=204;"},
      {"HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n",
       "none keep :status=304;content-length=9;"},
      {"HTTP/1.1 304 Not Modified\r\ntransfer-encoding: chunked\r\n\r\n", "none keep :status=304;"},
      {"HTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\n", "none keep :status=103;link=a;"},
      {"HTTP/1.1 999 \r\ncontent-length: 1\r\n\r\n", "length keep :status=999;content-length=1;"},
  };
  for (const Case& c : cases) ExpectAtAnySplit(c);
}

TEST(ResponseParserTest, AHeadRequestHasNoBody) {
  ExpectAtAnySplit(
      {"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n", "none keep :status=200;content-length=5;"},
      /*head_request=*/true);
  ExpectAtAnySplit(
      {"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", "none keep :status=200;"},
      /*head_request=*/true);
  ExpectAtAnySplit({"HTTP/1.1 200 OK\r\n\r\n", "none keep :status=200;"}, /*head_request=*/true);
}

TEST(ResponseParserTest, RefusesWhatCanBeReadInTwoWays) {
  const std::string ok = "HTTP/1.1 200 OK\r\n";
  const Case cases[] = {
      {"HTTP/2.0 200 OK\r\n", "! bad status line"},
      {"HTTP/1.2 200 OK\r\n", "! only HTTP/1.1"},
      {"http/1.1 200 OK\r\n", "! bad status line"},
      {"ICY 200 OK\r\n", "! bad status line"},
      {" HTTP/1.1 200 OK\r\n", "! bad status line"},
      {"\r\nHTTP/1.1 200 OK\r\n", "! bad status line"},
      {"HTTP/1.1  200 OK\r\n", "! bad status"},
      {"HTTP/1.1 20\r\n", "! bad status line"},
      {"HTTP/1.1 2x0 OK\r\n", "! bad status"},
      {"HTTP/1.1 099 OK\r\n", "! bad status"},
      {"HTTP/1.1 2000 OK\r\n", "! bad reason phrase"},
      {std::string("HTTP/1.1 200 O\0K\r\n", 18), "! bad reason phrase"},
      {"HTTP/1.1 101 Switching Protocols\r\n", "! 101 that nobody asked for"},
      {"HTTP/1.1 200 OK\n", "! line ends in a bare LF"},
      {ok + "a: b\n", "! line ends in a bare LF"},
      {ok + " a: b\r\n", "! folded header line"},
      {ok + "a: b\r\n c\r\n", "! folded header line"},
      {ok + "a : b\r\n", "! bad header name"},
      {ok + "a: b\rc\r\n", "! bad character in a header value"},
      {ok + "content-length: 5\r\ncontent-length: 5\r\n", "! two Content-Length headers"},
      {ok + "content-length: 5, 5\r\n", "! bad Content-Length"},
      {ok + "content-length: -5\r\n", "! bad Content-Length"},
      {ok + "content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n",
       "! both Content-Length and Transfer-Encoding"},
      {ok + "transfer-encoding: gzip, chunked\r\n", "! unknown Transfer-Encoding"},
      {ok + "transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n",
       "! unknown Transfer-Encoding"},
      {"HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n", "! Transfer-Encoding in HTTP/1.0"},
      {"HTTP/1.1 204 No Content\r\ncontent-length: 5\r\n\r\n", "! Content-Length without a body"},
      {"HTTP/1.1 204 No Content\r\ntransfer-encoding: chunked\r\n\r\n",
       "! Transfer-Encoding without a body"},
      {"HTTP/1.1 100 Continue\r\ncontent-length: 5\r\n\r\n", "! Content-Length without a body"},
  };
  for (const Case& c : cases) ExpectAtAnySplit(c);
}

TEST(ResponseParserTest, RefusesOtherProtocolsAtOnce) {
  EXPECT_EQ(Parse("\x16\x03\x01", 1, false, {}), "! bad status line");
  EXPECT_EQ(Parse("SSH-2.0", 3, false, {}), "! bad status line");
  EXPECT_EQ(Parse("HTTP/1.1 200 O", 3, false, {}), "more");
  EXPECT_EQ(Parse("", 3, false, {}), "nothing");
}

TEST(ResponseParserTest, HasLimits) {
  const std::string ok = "HTTP/1.1 200 OK\r\n";
  ExpectAtAnySplit({ok + "a: " + std::string(200, 'x'), "! header block too large"}, false,
                   {.max_bytes = 100});
  ExpectAtAnySplit({ok + "a: b\r\na: b\r\na: b\r\n", "! too many headers"}, false,
                   {.max_count = 2});
}

TEST(ResponseParserTest, InformationalHeadsShareOneLimit) {
  Arena arena;
  Headers headers(arena);
  const FieldLimits limits{.max_bytes = 200};
  ResponseParser parser(limits, headers);
  ParseResult result = ParseResult::kDone;
  int heads = 0;
  for (; heads < 100 && result == ParseResult::kDone; ++heads) {
    std::string_view input = "HTTP/1.1 100 Continue\r\n\r\n";
    result = parser.Feed(input);
    EXPECT_TRUE(parser.head().informational());
    parser.Restart();
    EXPECT_TRUE(headers.empty());
    EXPECT_EQ(parser.within_head(), result != ParseResult::kDone);
  }
  EXPECT_EQ(result, ParseResult::kError);
  EXPECT_EQ(heads, 9);
}

}  // namespace
}  // namespace outrigger::proxy::http1
