#include "proxy/codec/http1/field_parser.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/proxy/codec/http1/harness.h"

namespace outrigger::proxy::http1 {
namespace {

TEST(LineReaderTest, CutsLinesAtAnySplit) {
  const std::string text = "one\r\n\r\ntwo words\r\nthr";
  for (size_t piece = 1; piece <= text.size(); ++piece) {
    Arena arena;
    LineReader reader(arena, 1024);
    std::vector<std::string> lines;
    for (size_t at = 0; at < text.size(); at += piece) {
      std::string_view input = std::string_view(text).substr(at, piece);
      std::string_view line;
      while (reader.Next(input, line) == ParseResult::kDone) lines.emplace_back(line);
      EXPECT_TRUE(input.empty());
    }
    EXPECT_EQ(lines, (std::vector<std::string>{"one", "", "two words"})) << piece;
    EXPECT_EQ(reader.partial(), "thr");
  }
}

TEST(LineReaderTest, RefusesABareLf) {
  Arena arena;
  for (const std::string text : {"a\n", "\n", "a\r\nb\n"}) {
    LineReader reader(arena, 1024);
    std::string_view input = text;
    std::string_view line;
    ParseResult result;
    while ((result = reader.Next(input, line)) == ParseResult::kDone) {
    }
    EXPECT_EQ(result, ParseResult::kError);
    EXPECT_EQ(reader.error().status, 400);
  }
}

TEST(LineReaderTest, CountsAllBytesAgainstTheLimit) {
  Arena arena;
  LineReader reader(arena, 10);
  std::string_view line;
  std::string_view input = "12345678\r\n";
  EXPECT_EQ(reader.Next(input, line), ParseResult::kDone);
  input = "x";
  EXPECT_EQ(reader.Next(input, line), ParseResult::kError);
  EXPECT_EQ(reader.error().status, 431);
}

TEST(ParseFieldLineTest, LowersTheNameAndTrimsTheValue) {
  Arena arena;
  FieldLine field;
  EXPECT_FALSE(ParseFieldLine("X-Some_Name: \t a b\xff \t", arena, field));
  EXPECT_EQ(field.name, "x-some_name");
  EXPECT_EQ(field.value, "a b\xff");
  EXPECT_FALSE(ParseFieldLine("a:", arena, field));
  EXPECT_EQ(field.value, "");
}

TEST(ParseFieldLineTest, RefusesWhatTwoReadersCouldReadDifferently) {
  Arena arena;
  FieldLine field;
  for (const std::string_view line : {"a : b", " a: b", "\ta: b", ": b", "a", "a b: c", "a: b\rc",
                                      "a: \x01", "a: \x7f", "a\xff: b", "(a): b"}) {
    EXPECT_TRUE(ParseFieldLine(line, arena, field)) << line;
  }
  EXPECT_TRUE(ParseFieldLine(std::string_view("a: b\0c", 6), arena, field));
}

TEST(TrailerParserTest, DropsFieldsThatFrameOrRoute) {
  Arena arena;
  Headers trailers(arena);
  const FieldLimits limits;
  TrailerParser parser(limits, trailers);
  std::string_view input =
      "Grpc-Status: 0\r\nContent-Length: 3\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nnext";
  EXPECT_EQ(parser.Feed(input), ParseResult::kDone);
  EXPECT_EQ(input, "next");
  EXPECT_EQ(Text(trailers), "grpc-status=0;");
}

TEST(TrailerParserTest, BoundsTheirNumber) {
  Arena arena;
  Headers trailers(arena);
  const FieldLimits limits{.max_count = 2};
  TrailerParser parser(limits, trailers);
  std::string_view input = "a: 1\r\nb: 2\r\nc: 3\r\n\r\n";
  EXPECT_EQ(parser.Feed(input), ParseResult::kError);
  EXPECT_EQ(parser.error().status, 431);
}

}  // namespace
}  // namespace outrigger::proxy::http1
