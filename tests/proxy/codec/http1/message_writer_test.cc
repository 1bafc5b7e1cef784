#include "proxy/codec/http1/message_writer.h"

#include "gtest/gtest.h"

namespace outrigger::proxy::http1 {
namespace {

TEST(MessageWriterTest, LeavesOutPseudoHopByHopAndFraming) {
  Arena arena;
  Headers headers(arena);
  headers.Add(HeaderName::kStatus, "200");
  headers.Add("x-a", "1");
  headers.Add("content-length", "5");
  headers.Add("connection", "x-a");
  headers.Add("transfer-encoding", "gzip");
  headers.Add("keep-alive", "timeout=5");
  headers.Add("upgrade", "h2c");
  headers.Add("x-b", "");
  EXPECT_EQ(WriteResponseHead(11, 200, headers, "x-extra: y\r\n").view(),
            "HTTP/1.1 200 OK\r\nx-a: 1\r\nx-b: \r\nx-extra: y\r\n\r\n");
}

TEST(MessageWriterTest, NeverWritesAValueThatEndsItsLine) {
  Arena arena;
  Headers headers(arena);
  headers.Add("x-a", "1\r\nset-cookie: evil");
  headers.Add("x-b", std::string_view("a\0b", 3));
  headers.Add("x-c", "a\nb");
  EXPECT_EQ(WriteResponseHead(10, 404, headers, "").view(), "HTTP/1.0 404 Not Found\r\n\r\n");
}

TEST(MessageWriterTest, ARequestSaysItsHostOnce) {
  Arena arena;
  Headers headers(arena);
  headers.Add(HeaderName::kMethod, "GET");
  headers.Add(HeaderName::kPath, "/x");
  headers.Add(HeaderName::kScheme, "http");
  headers.Add(HeaderName::kAuthority, "a");
  headers.Add("x-a", "1");
  headers.Add("host", "b");
  EXPECT_EQ(WriteRequestHead(headers, "x-extra: y\r\n").view(),
            "GET /x HTTP/1.1\r\nhost: a\r\nx-a: 1\r\nx-extra: y\r\n\r\n");
}

TEST(MessageWriterTest, WritesTrailersBehindTheLastChunk) {
  Arena arena;
  Headers trailers(arena);
  trailers.Add("grpc-status", "0");
  EXPECT_EQ(WriteTrailers(trailers).view(), "0\r\ngrpc-status: 0\r\n\r\n");
}

TEST(MessageWriterTest, WordsErrorsAsEnvoyDoes) {
  EXPECT_EQ(WriteErrorResponse(426).view(),
            "HTTP/1.1 426 Upgrade Required\r\ncontent-type: text/plain\r\ncontent-length: 16\r\n"
            "connection: close\r\n\r\nUpgrade Required");
}

}  // namespace
}  // namespace outrigger::proxy::http1
