#include "proxy/codec/http/headers.h"

#include <string>

#include "gtest/gtest.h"

namespace outrigger::proxy {
namespace {

std::string Text(const Headers& headers) {
  std::string text;
  for (const Header& header : headers) {
    text.append(header.name).append("=").append(header.value).append(";");
  }
  return text;
}

class HeadersTest : public testing::Test {
 protected:
  Arena arena_;
  Headers headers_{arena_};
};

TEST_F(HeadersTest, AddsInOrderAndFindsTheFirst) {
  headers_.Add(HeaderName::kMethod, "GET");
  headers_.Add("x-a", "1");
  headers_.Add("x-a", "2");
  headers_.Add("cookie", "c");
  EXPECT_EQ(Text(headers_), ":method=GET;x-a=1;x-a=2;cookie=c;");
  EXPECT_EQ(headers_.Find("x-a")->value, "1");
  EXPECT_EQ(headers_.Find("x-b"), nullptr);
  EXPECT_EQ(headers_.Find(HeaderName::kCookie)->value, "c") << "a known name gets its id";
  EXPECT_EQ(headers_.Get(HeaderName::kHost), "");
  EXPECT_EQ(headers_.bytes(), 7u + 3 + 2 * 4 + 6 + 1);
}

TEST_F(HeadersTest, CopiesWhatItIsGiven) {
  std::string name = "x-name", value = "value";
  headers_.Add(name, value);
  headers_.Set(HeaderName::kServer, value);
  name = "------";
  value = "-----";
  EXPECT_EQ(Text(headers_), "x-name=value;server=value;");
}

TEST_F(HeadersTest, GrowsPastItsFirstTable) {
  std::string expected;
  for (int i = 0; i < 1000; ++i) {
    headers_.Add("x-" + std::to_string(i), std::to_string(i));
    expected += "x-" + std::to_string(i) + "=" + std::to_string(i) + ";";
  }
  EXPECT_EQ(headers_.size(), 1000u);
  EXPECT_EQ(Text(headers_), expected);
}

TEST_F(HeadersTest, SetReplacesTheFirstAndRemovesTheRest) {
  headers_.Add(HeaderName::kVia, "a");
  headers_.Add("x-b", "b");
  headers_.Add(HeaderName::kVia, "c");
  headers_.Set(HeaderName::kVia, "d");
  EXPECT_EQ(Text(headers_), "via=d;x-b=b;");
  headers_.Set("via", "e");
  EXPECT_EQ(Text(headers_), "via=e;x-b=b;");
  headers_.Add("x-b", "f");
  headers_.Set("x-b", "g");
  EXPECT_EQ(Text(headers_), "via=e;x-b=g;");
}

// RFC 9113 8.3: a pseudo header field behind a regular one makes the message malformed.
TEST_F(HeadersTest, SetPutsANewPseudoHeaderFirst) {
  headers_.Add("x-a", "1");
  headers_.Set(HeaderName::kStatus, "200");
  headers_.Set(HeaderName::kServer, "s");
  EXPECT_EQ(Text(headers_), ":status=200;x-a=1;server=s;");
}

TEST_F(HeadersTest, SetMayBeGivenAValueOfItsOwn) {
  headers_.Add("x-a", "1");
  headers_.Add("x-b", "2");
  headers_.Set("x-a", headers_.Find("x-b")->value);
  headers_.Set(HeaderName::kVia, headers_.Find("x-a")->value);
  EXPECT_EQ(Text(headers_), "x-b=2;x-a=2;via=2;");
}

TEST_F(HeadersTest, RemovesAllOfAName) {
  headers_.Add("x-a", "1");
  headers_.Add(HeaderName::kTe, "x");
  headers_.Add("x-a", "2");
  EXPECT_EQ(headers_.Remove("x-a"), 2u);
  EXPECT_EQ(headers_.Remove("x-a"), 0u);
  EXPECT_EQ(headers_.Remove(HeaderName::kTe), 1u);
  EXPECT_TRUE(headers_.empty());
}

TEST_F(HeadersTest, CopyOutlivesTheOther) {
  {
    Arena other_arena;
    Headers other(other_arena);
    other.Add("x-a", std::string(3000, 'v'));
    other.Add(HeaderName::kGrpcStatus, "0");
    other[0].never_index = true;
    headers_.Add("x-first", "1");
    headers_.CopyFrom(other);
  }
  EXPECT_EQ(Text(headers_), "x-first=1;x-a=" + std::string(3000, 'v') + ";grpc-status=0;");
  EXPECT_TRUE(headers_[1].never_index);
  EXPECT_EQ(headers_[2].id, HeaderName::kGrpcStatus);
}

}  // namespace
}  // namespace outrigger::proxy
