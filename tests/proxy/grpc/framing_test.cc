#include "proxy/grpc/framing.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace outrigger::proxy::grpc {
namespace {

std::string Framed(std::string_view message) { return std::string(FrameMessage(message).view()); }

std::string Prefix(uint8_t flags, uint32_t length) {
  return {static_cast<char>(flags), static_cast<char>(length >> 24),
          static_cast<char>(length >> 16), static_cast<char>(length >> 8),
          static_cast<char>(length)};
}

SliceQueue Body(std::string_view bytes) {
  SliceQueue body;
  body.Push(Slice::Copy(bytes));
  return body;
}

// All messages of `bytes`, fed in pieces of `piece` bytes.
std::vector<std::string> ReadAll(MessageReader& reader, std::string_view bytes, size_t piece) {
  std::vector<std::string> messages;
  SliceQueue body;
  for (size_t at = 0; at < bytes.size(); at += piece) {
    body.Push(Slice::Copy(bytes.substr(at, piece)));
    while (true) {
      auto message = reader.Read(body);
      EXPECT_TRUE(message.ok()) << message.status();
      if (!message.ok() || !*message) break;
      messages.push_back(**message);
    }
    EXPECT_TRUE(body.empty());
  }
  return messages;
}

TEST(FramingTest, PrefixIsAFlagAndABigEndianLength) {
  EXPECT_EQ(Framed("abc"), std::string("\0\0\0\0\3abc", 8));
  EXPECT_EQ(Framed(""), std::string(5, '\0'));
  EXPECT_EQ(Framed(std::string(0x10203, 'x')).substr(0, 5), Prefix(0, 0x10203));
}

TEST(FramingTest, MessagesComeBackHoweverTheirBytesAreCut) {
  const std::string large(70'000, 'l');
  const std::string bytes = Framed("first") + Framed("") + Framed(large) + Framed("last");
  for (const size_t piece :
       {size_t{1}, size_t{2}, size_t{3}, size_t{7}, size_t{4096}, bytes.size()}) {
    MessageReader reader;
    EXPECT_EQ(ReadAll(reader, bytes, piece),
              (std::vector<std::string>{"first", "", large, "last"}));
    EXPECT_TRUE(reader.at_boundary());
  }
}

TEST(FramingTest, KnowsWhenItStandsInsideAMessage) {
  MessageReader reader;
  EXPECT_TRUE(reader.at_boundary());
  EXPECT_TRUE(ReadAll(reader, Prefix(0, 2).substr(0, 3), 8).empty());
  EXPECT_FALSE(reader.at_boundary());
  EXPECT_TRUE(ReadAll(reader, Prefix(0, 2).substr(3) + "a", 8).empty());
  EXPECT_FALSE(reader.at_boundary());
  EXPECT_EQ(reader.buffered(), 1u);
  EXPECT_EQ(ReadAll(reader, "b", 8), std::vector<std::string>{"ab"});
  EXPECT_TRUE(reader.at_boundary());
  EXPECT_EQ(reader.buffered(), 0u);
}

TEST(FramingTest, AMessageMayBeAsLongAsTheLimitAndNoLonger) {
  MessageReader fits(4), fails(4);
  EXPECT_EQ(ReadAll(fits, Framed("1234"), 16), std::vector<std::string>{"1234"});
  SliceQueue body = Body(Prefix(0, 5));
  const auto message = fails.Read(body);
  EXPECT_EQ(message.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(message.status().message(), "message of 5 bytes, the limit is 4");
}

TEST(FramingTest, AnAnnouncedLengthCostsNoMemory) {
  MessageReader reader(UINT32_MAX);
  SliceQueue body = Body(Prefix(0, UINT32_MAX) + "a");
  const auto message = reader.Read(body);
  ASSERT_TRUE(message.ok());
  EXPECT_FALSE(message->has_value());
  EXPECT_EQ(reader.buffered(), 1u);
}

TEST(FramingTest, CompressedAndUnknownFlagsAreRefused) {
  for (const int flags : {1, 2, 3, 0x80, 0xff}) {
    MessageReader reader;
    SliceQueue body = Body(Prefix(static_cast<uint8_t>(flags), 0));
    EXPECT_EQ(reader.Read(body).status().code(), absl::StatusCode::kInternal) << flags;
  }
}

TEST(FramingTest, OnlyIdentityIsRead) {
  EXPECT_TRUE(CheckEncoding("").ok());
  EXPECT_TRUE(CheckEncoding("identity").ok());
  EXPECT_EQ(CheckEncoding("gzip").code(), absl::StatusCode::kUnimplemented);
  EXPECT_LT(CheckEncoding(std::string(100'000, 'x')).message().size(), 200u);
}

}  // namespace
}  // namespace outrigger::proxy::grpc
