#include "proxy/codec/http1/chunked.h"

#include <string>

#include "gtest/gtest.h"

namespace outrigger::proxy::http1 {
namespace {

// The decoded body, "more" or "error: ..." behind it; what is left behind the last chunk in
// brackets.
std::string Decode(std::string_view input, size_t piece) {
  ChunkedDecoder decoder;
  std::string body;
  while (!input.empty()) {
    std::string_view part = input.substr(0, piece);
    const size_t size = part.size();
    while (!part.empty()) {
      std::string_view data;
      const ParseResult result = decoder.Next(part, data);
      body += data;
      if (result == ParseResult::kError) return body + "|error: " + decoder.error().detail;
      if (result == ParseResult::kDone) {
        input.remove_prefix(size - part.size());
        return body + "|rest " + std::to_string(input.size());
      }
    }
    input.remove_prefix(size);
  }
  return body + "|more";
}

struct Case {
  std::string input;
  std::string result;
};

TEST(ChunkedDecoderTest, DecodesAtAnySplit) {
  const Case cases[] = {
      {"0\r\n", "|rest 0"},
      {"0\r\n\r\nGET", "|rest 5"},
      {"3\r\nabc\r\n0\r\n\r\n", "abc|rest 2"},
      {"A\r\n0123456789\r\n1\r\n\n\r\n000\r\n", "0123456789\n|rest 0"},
      {"3;a=b;c=\"d;e\"\r\nabc\r\n0;x\r\n", "abc|rest 0"},
      {"5\r\nab", "ab|more"},
      {"3\r\nabcd", "abc|error: chunk is longer than its size"},
      {"3\r\nabc\r0", "abc|error: bad end of a chunk"},
      {"3\nabc", "|error: bad chunk size"},
      {"\r\n", "|error: bad chunk size"},
      {"-1\r\n", "|error: bad chunk size"},
      {"0x3\r\n", "|error: bad chunk size"},
      {" 3\r\n", "|error: bad chunk size"},
      {"3 \r\n", "|error: bad chunk size"},
      {"3\r\r", "|error: bad end of a chunk's size line"},
      {"3;a\nb\r\n", "|error: bad chunk extension"},
      {"3;a\x01\r\n", "|error: bad chunk extension"},
      {"1000000000000000\r\n", "|error: chunk size too large"},
      {"0000000000000000\r\n", "|error: chunk size too large"},
      {"fffffffffffffffff\r\n", "|error: chunk size too large"},
      {"1;" + std::string(ChunkedDecoder::kMaxExtensionBytes + 1, 'x'),
       "|error: chunk extensions too large"},
  };
  for (const Case& c : cases) {
    for (const size_t piece : {size_t{1}, size_t{2}, size_t{3}, std::string::npos}) {
      EXPECT_EQ(Decode(c.input, piece), c.result) << c.input.substr(0, 40) << " by " << piece;
    }
  }
}

TEST(ChunkedDecoderTest, ExtensionsAreBoundedOverTheWholeMessage) {
  std::string input;
  for (int i = 0; i < 100; ++i) input += "1;" + std::string(60, 'x') + "\r\na\r\n";
  EXPECT_EQ(Decode(input, std::string::npos),
            std::string(ChunkedDecoder::kMaxExtensionBytes / 60, 'a') +
                "|error: chunk extensions too large");
}

TEST(WriteChunkLineTest, WritesHexWithoutLeadingZeros) {
  char line[kMaxChunkLine];
  EXPECT_EQ(std::string(line, WriteChunkLine(1, line)), "1\r\n");
  EXPECT_EQ(std::string(line, WriteChunkLine(0x1a2b, line)), "1a2b\r\n");
  EXPECT_EQ(std::string(line, WriteChunkLine(~0ull, line)), "ffffffffffffffff\r\n");
}

}  // namespace
}  // namespace outrigger::proxy::http1
