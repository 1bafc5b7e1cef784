#include "proxy/codec/http1/framing_fields.h"

#include <string>

#include "gtest/gtest.h"
#include "tests/proxy/codec/http1/harness.h"

namespace outrigger::proxy::http1 {
namespace {

TEST(FramingFieldsTest, ALengthIsDigitsAlone) {
  uint64_t length = 7;
  for (const char* bad : {"", "x", "-1", "+1", " 1", "1 ", "1,1", "0x1", "1234567890123456789"}) {
    EXPECT_FALSE(ParseLength(bad, length)) << bad;
  }
  EXPECT_EQ(length, 7u) << "untouched";
  EXPECT_TRUE(ParseLength("012", length));
  EXPECT_EQ(length, 12u);
  EXPECT_TRUE(ParseLength("999999999999999999", length));
}

TEST(FramingFieldsTest, TakesOneLengthOrChunks) {
  FramingFields fields;
  EXPECT_FALSE(fields.ContentLength("5"));
  EXPECT_TRUE(fields.has_length());
  EXPECT_EQ(fields.length(), 5u);
  EXPECT_TRUE(fields.ContentLength("5")) << "not even the same one twice";
  Arena arena;
  Headers headers(arena);
  EXPECT_FALSE(fields.TransferEncoding("Chunked", 11));
  EXPECT_TRUE(fields.chunked());
  EXPECT_TRUE(fields.TransferEncoding("chunked", 11)) << "twice";
  EXPECT_TRUE(fields.Finish(11, headers)) << "both";
}

TEST(FramingFieldsTest, KnowsNoOtherCoding) {
  for (const char* coding : {"gzip", "gzip, chunked", "chunked, chunked", "", "chunkedx"}) {
    EXPECT_EQ(FramingFields().TransferEncoding(coding, 11).status, 501) << coding;
  }
  EXPECT_TRUE(FramingFields().TransferEncoding("chunked", 10));
}

TEST(FramingFieldsTest, WhoKeepsTheConnection) {
  struct Case {
    const char* value;
    bool in_11, in_10;
  };
  for (const Case& c :
       {Case{"", true, false}, Case{"close", false, false}, Case{"Keep-Alive", true, true},
        Case{"x, CLOSE", false, false}, Case{"keep-alive, close", false, false}}) {
    Arena arena;
    Headers headers(arena);
    for (const int version : {10, 11}) {
      FramingFields fields;
      EXPECT_FALSE(fields.Connection(c.value));
      EXPECT_FALSE(fields.Finish(version, headers));
      EXPECT_EQ(fields.keep_alive(), version == 11 ? c.in_11 : c.in_10) << c.value;
    }
  }
}

TEST(FramingFieldsTest, SaysWhichFieldsEndHere) {
  FramingFields fields;
  ParseError error;
  EXPECT_FALSE(fields.Take(HeaderName::kContentLength, "5", 11, error));
  EXPECT_EQ(fields.length(), 5u);
  EXPECT_TRUE(fields.Take(HeaderName::kConnection, "close", 11, error));
  EXPECT_TRUE(fields.Take(HeaderName::kKeepAlive, "timeout=5", 11, error));
  EXPECT_FALSE(fields.Take(HeaderName::kHost, "a", 11, error));
  EXPECT_FALSE(error);
  EXPECT_TRUE(fields.Take(HeaderName::kTransferEncoding, "gzip", 11, error));
  EXPECT_TRUE(error);
}

TEST(FramingFieldsTest, TakesOutWhatConnectionLists) {
  Arena arena;
  Headers headers(arena);
  for (const char* name : {"a", "b", "te", "content-length"}) headers.Add(name, "1");
  FramingFields fields;
  EXPECT_FALSE(fields.Connection("A, te, content-length"));
  EXPECT_FALSE(fields.Finish(11, headers));
  EXPECT_EQ(Text(headers), "b=1;te=1;content-length=1;");
}

TEST(FramingFieldsTest, TheListOfNamesIsBounded) {
  Arena arena;
  Headers headers(arena);
  std::string names = "a";
  for (int i = 1; i < 16; ++i) names += ",a";
  FramingFields fields;
  EXPECT_FALSE(fields.Connection(names));
  EXPECT_TRUE(fields.Connection("a"));
  FramingFields bad;
  EXPECT_FALSE(bad.Connection("a b"));
  EXPECT_TRUE(bad.Finish(11, headers));
}

}  // namespace
}  // namespace outrigger::proxy::http1
