#include "proxy/codec/http1/request_parser.h"

#include <string>

#include "gtest/gtest.h"
#include "tests/proxy/codec/http1/harness.h"

namespace outrigger::proxy::http1 {
namespace {

// "431 detail" for an error, else the headers.
std::string Parse(std::string_view input, size_t piece, RequestRules rules = {},
                  RequestHead* head = nullptr) {
  Arena arena;
  Headers headers(arena);
  RequestParser parser(rules, headers);
  while (!input.empty()) {
    std::string_view part = input.substr(0, piece);
    input.remove_prefix(part.size());
    const ParseResult result = parser.Feed(part);
    if (result == ParseResult::kError) {
      return std::to_string(parser.error().status) + " " + parser.error().detail;
    }
    if (result == ParseResult::kDone) {
      if (head) *head = parser.head();
      return Text(headers) + (part.empty() ? "" : "+" + std::string(part));
    }
  }
  return "more";
}

struct Case {
  std::string input;
  std::string result;
};

void ExpectAtAnySplit(const Case& c, RequestRules rules = {}) {
  for (const size_t piece : {size_t{1}, size_t{2}, size_t{7}, std::string::npos}) {
    EXPECT_EQ(Parse(c.input, piece, rules), c.result) << c.input.substr(0, 60) << " by " << piece;
  }
}

const char kGet[] = ":method=GET;:authority=a;:scheme=http;:path=/;";

TEST(RequestParserTest, GivesWhatHttp2WouldGive) {
  const Case cases[] = {
      {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", kGet},
      {"GET / HTTP/1.1\r\nHOST:a\r\nX-Y:  Z  \r\n\r\n", std::string(kGet) + "x-y=Z;"},
      {"GET /p?q=1&r HTTP/1.1\r\nx: 1\r\nHost: a:80\r\nx: 2\r\n\r\n",
       ":method=GET;:authority=a:80;:scheme=http;:path=/p?q=1&r;x=1;x=2;"},
      {"GET http://b:8080/p HTTP/1.1\r\nHost: a\r\n\r\n",
       ":method=GET;:authority=b:8080;:scheme=http;:path=/p;"},
      {"GET HTTPS://b HTTP/1.1\r\nHost: a\r\n\r\n",
       ":method=GET;:authority=b;:scheme=https;:path=/;"},
      {"GET http://b?q HTTP/1.1\r\nHost: a\r\n\r\n",
       ":method=GET;:authority=b;:scheme=http;:path=/?q;"},
      {"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
       ":method=OPTIONS;:authority=a;:scheme=http;:path=*;"},
      {"OPTIONS http://b HTTP/1.1\r\nHost: a\r\n\r\n",
       ":method=OPTIONS;:authority=b;:scheme=http;:path=*;"},
      {"GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n",
       ":method=GET;:authority=[::1]:80;:scheme=http;:path=/;"},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n",
       ":method=POST;:authority=a;:scheme=http;:path=/;content-length=3;expect=100-continue;"},
  };
  for (const Case& c : cases) ExpectAtAnySplit(c);
}

TEST(RequestParserTest, TakesHopByHopFieldsOut) {
  ExpectAtAnySplit(
      {"GET / HTTP/1.1\r\nHost: a\r\nConnection: close, X-Hop\r\nKeep-Alive: 5\r\n"
       "X-Hop: 1\r\nProxy-Connection: x\r\nUpgrade: h2c\r\nTE: gzip, Trailers\r\n"
       "X-End: 2\r\n\r\n",
       std::string(kGet) + "te=trailers;x-end=2;"});
  ExpectAtAnySplit({"GET / HTTP/1.1\r\nHost: a\r\nTE: gzip\r\n\r\n", kGet});
  // Connection cannot take away what frames or routes.
  ExpectAtAnySplit(
      {"GET / HTTP/1.1\r\nHost: a\r\nConnection: content-length, host\r\nContent-Length: 1\r\n\r\n",
       std::string(kGet) + "content-length=1;"});
}

TEST(RequestParserTest, LeavesTheBodyAlone) {
  EXPECT_EQ(Parse("GET / HTTP/1.1\r\nHost: a\r\n\r\nbody", std::string::npos),
            std::string(kGet) + "+body");
}

TEST(RequestParserTest, TellsTheFraming) {
  RequestHead head;
  Parse("GET / HTTP/1.1\r\nHost: a\r\n\r\n", 1, {}, &head);
  EXPECT_EQ(head.body, RequestHead::Body::kNone);
  EXPECT_TRUE(head.keep_alive);
  Parse("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 042\r\nConnection: Close\r\n\r\n", 1, {},
        &head);
  EXPECT_EQ(head.body, RequestHead::Body::kLength);
  EXPECT_EQ(head.content_length, 42u);
  EXPECT_FALSE(head.keep_alive);
  Parse("HEAD / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n", 1, {}, &head);
  EXPECT_EQ(head.body, RequestHead::Body::kChunked);
  EXPECT_TRUE(head.is_head);
}

// What an attacker sends so that two readers see two different requests, or to fill memory.
TEST(RequestParserTest, RefusesHostileRequests) {
  const std::string get = "GET / HTTP/1.1\r\n";
  const std::string post = "POST / HTTP/1.1\r\nHost: a\r\n";
  std::string many = get + "Host: a\r\n";
  for (int i = 0; i < 100; ++i) many += "x: 1\r\n";
  std::string options = "Connection: ";
  for (int i = 0; i < 17; ++i) options += "x" + std::to_string(i) + ",";
  const Case cases[] = {
      // Request line.
      {"GET / HTTP/1.1\nHost: a\n\n", "400 line ends in a bare LF"},
      {"GET  / HTTP/1.1\r\n", "400 bad version"},
      {"GET /  HTTP/1.1\r\n", "400 bad version"},
      {"GET / HTTP/1.1 \r\n", "400 bad version"},
      {" GET / HTTP/1.1\r\n", "400 bad method"},
      {"GET\t/ HTTP/1.1\r\n", "400 bad method"},
      {"get / HTTP/1.1\r\n", "400 unknown method"},
      {"GE(T / HTTP/1.1\r\n", "400 bad method"},
      {"FOO / HTTP/1.1\r\n", "400 unknown method"},
      {"GET\r\n", "400 no request target"},
      {"GET  HTTP/1.1\r\n", "400 bad request target"},
      {"GET /\r\n", "426 only HTTP/1.1"},
      {"GET / HTTP/1.0\r\n", "426 only HTTP/1.1"},
      {"GET / HTTP/2.0\r\n", "426 only HTTP/1.1"},
      {"GET / HTTP/1.10\r\n", "400 bad version"},
      {"GET / http/1.1\r\n", "400 bad version"},
      {"GET / HTTP/1,1\r\n", "400 bad version"},
      {"GET a HTTP/1.1\r\n", "400 bad request target"},
      {"GET * HTTP/1.1\r\n", "400 bad request target"},
      {"GET /a#b HTTP/1.1\r\n", "400 bad request target"},
      {"GET /a\x01 HTTP/1.1\r\n", "400 bad request target"},
      {"GET /\xff HTTP/1.1\r\n", "400 bad request target"},
      {"GET /a\rb HTTP/1.1\r\n", "400 bad request target"},
      {"GET ftp://a/ HTTP/1.1\r\n", "400 unknown scheme in the request target"},
      {"GET http:///p HTTP/1.1\r\n", "400 bad request target"},
      {"GET http://u@a/ HTTP/1.1\r\n", "400 bad request target"},
      {"CONNECT a:80 HTTP/1.1\r\n", "404 CONNECT is not offered"},
      // Host.
      {get + "\r\n", "400 no Host"},
      {get + "Host: a\r\nHost: a\r\n", "400 two Host headers"},
      {get + "Host:\r\n", "400 bad Host"},
      {get + "Host: a b\r\n", "400 bad Host"},
      {get + "Host: u@a\r\n", "400 bad Host"},
      {get + "Host: a/b\r\n", "400 bad Host"},
      // Field lines.
      {get + "Host : a\r\n", "400 bad header name"},
      {get + "Host: a\r\n b\r\n", "400 folded header line"},
      {get + "\tHost: a\r\n", "400 folded header line"},
      {get + "a b: c\r\n", "400 bad header name"},
      {get + ": c\r\n", "400 bad header name"},
      {get + "a\r\n", "400 bad header name"},
      {get + "a: b\x01\r\n", "400 bad character in a header value"},
      {get + std::string("a: b\0\r\n", 7), "400 bad character in a header value"},
      {get + "a: b\rc: d\r\n", "400 bad character in a header value"},
      {get + "a: b\n", "400 line ends in a bare LF"},
      {get + "Host: a\r\n\n", "400 line ends in a bare LF"},
      // Framing.
      {post + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
       "400 both Content-Length and Transfer-Encoding"},
      {post + "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n",
       "400 both Content-Length and Transfer-Encoding"},
      {post + "Content-Length: 1\r\nContent-Length: 2\r\n", "400 two Content-Length headers"},
      {post + "Content-Length: 1\r\nContent-Length: 1\r\n", "400 two Content-Length headers"},
      {post + "Content-Length: 1, 1\r\n", "400 bad Content-Length"},
      {post + "Content-Length:\r\n", "400 bad Content-Length"},
      {post + "Content-Length: +1\r\n", "400 bad Content-Length"},
      {post + "Content-Length: -1\r\n", "400 bad Content-Length"},
      {post + "Content-Length: 0x1\r\n", "400 bad Content-Length"},
      {post + "Content-Length: 1 2\r\n", "400 bad Content-Length"},
      {post + "Content-Length: 9999999999999999999\r\n", "400 bad Content-Length"},
      {post + "Transfer-Encoding: gzip\r\n", "501 unknown Transfer-Encoding"},
      {post + "Transfer-Encoding: gzip, chunked\r\n", "501 unknown Transfer-Encoding"},
      {post + "Transfer-Encoding: chunked, chunked\r\n", "501 unknown Transfer-Encoding"},
      {post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
       "501 unknown Transfer-Encoding"},
      {post + "Transfer-Encoding: \x0b"
              "chunked\r\n",
       "400 bad character in a header value"},
      {post + "Transfer-Encoding : chunked\r\n", "400 bad header name"},
      {post + "Transfer-Encoding: xchunked\r\n", "501 unknown Transfer-Encoding"},
      {post + options + "\r\n", "400 too many names in Connection"},
      {post + "Connection: a b\r\n\r\n", "400 bad name in Connection"},
      // Size.
      {many + "\r\n", "431 too many headers"},
      {"GET /" + std::string(61440, 'a') + " HTTP/1.1\r\n", "431 header block too large"},
      {get + "a: " + std::string(61440, 'a') + "\r\n", "431 header block too large"},
      // No HTTP at all.
      {"\x16\x03\x01\x02\x00\x01", "400 bad method"},
  };
  EXPECT_GE(std::size(cases), 40u);
  for (const Case& c : cases) ExpectAtAnySplit(c);
}

TEST(RequestParserTest, RefusesATlsHelloBeforeItsLineEnds) {
  EXPECT_EQ(Parse("\x16\x03\x01", std::string::npos), "400 bad method");
}

TEST(RequestParserTest, TakesHttp10WhereAsked) {
  RequestRules rules;
  rules.accept_http_10 = true;
  ExpectAtAnySplit({"GET / HTTP/1.0\r\n\r\n", "400 no Host"}, rules);
  rules.default_host_for_http_10 = "fallback";
  ExpectAtAnySplit(
      {"GET / HTTP/1.0\r\n\r\n", ":method=GET;:authority=fallback;:scheme=http;:path=/;"}, rules);
  ExpectAtAnySplit({"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
                    "400 Transfer-Encoding in HTTP/1.0"},
                   rules);
  RequestHead head;
  Parse("GET / HTTP/1.0\r\nHost: a\r\n\r\n", 1, rules, &head);
  EXPECT_FALSE(head.keep_alive);
  Parse("GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n", 1, rules, &head);
  EXPECT_TRUE(head.keep_alive);
  EXPECT_EQ(head.version, 10);
}

TEST(RequestParserTest, TakesOtherMethodsWhereAsked) {
  RequestRules rules;
  rules.allow_custom_methods = true;
  ExpectAtAnySplit(
      {"FOO / HTTP/1.1\r\nHost: a\r\n\r\n", ":method=FOO;:authority=a;:scheme=http;:path=/;"},
      rules);
}

}  // namespace
}  // namespace outrigger::proxy::http1
