#include "proxy/grpc/status.h"

#include <string>

#include "gtest/gtest.h"

namespace outrigger::proxy::grpc {
namespace {

using scheduler::kMillisecond;
using scheduler::kNever;
using scheduler::kSecond;

TEST(StatusTest, CodesAreGrpcNumbers) {
  EXPECT_EQ(StatusCodeText(absl::StatusCode::kOk), "0");
  EXPECT_EQ(StatusCodeText(absl::StatusCode::kDeadlineExceeded), "4");
  EXPECT_EQ(StatusCodeText(absl::StatusCode::kUnimplemented), "12");
  EXPECT_EQ(StatusCodeText(absl::StatusCode::kUnauthenticated), "16");
  EXPECT_EQ(StatusCodeText(static_cast<absl::StatusCode>(77)), "2");
  for (int code = 0; code <= 16; ++code) {
    EXPECT_EQ(ParseStatusCode(std::to_string(code)), static_cast<absl::StatusCode>(code));
  }
}

TEST(StatusTest, WhatIsNoCodeIsUnknown) {
  for (const char* text : {"", "17", "-1", "00", "+1", " 0", "0 ", "1e1", "99999999999999999999"}) {
    EXPECT_EQ(ParseStatusCode(text), absl::StatusCode::kUnknown) << text;
  }
}

TEST(StatusTest, MessagesTravelAsPrintableAscii) {
  EXPECT_EQ(EncodeMessage("no such file: 100%"), "no such file: 100%25");
  EXPECT_EQ(EncodeMessage("a\r\nb"), "a%0D%0Ab");
  EXPECT_EQ(EncodeMessage("t\xc3\xbcr"), "t%C3%BCr");
  EXPECT_EQ(EncodeMessage("\x7f"), "%7F");
}

TEST(StatusTest, EveryByteComesBack) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  const std::string encoded = EncodeMessage(all);
  for (const char c : encoded) EXPECT_TRUE(c >= 0x20 && c <= 0x7e);
  EXPECT_EQ(DecodeMessage(encoded), all);
}

TEST(StatusTest, DecodingLeavesBrokenTriplesAlone) {
  EXPECT_EQ(DecodeMessage("%"), "%");
  EXPECT_EQ(DecodeMessage("%4"), "%4");
  EXPECT_EQ(DecodeMessage("%zz%41"), "%zzA");
  EXPECT_EQ(DecodeMessage("%%41"), "%A");
  EXPECT_EQ(DecodeMessage("%c3%BC"), "\xc3\xbc");
}

TEST(StatusTest, TimeoutsHaveSixUnits) {
  EXPECT_EQ(ParseTimeout("7n"), 7);
  EXPECT_EQ(ParseTimeout("7u"), 7'000);
  EXPECT_EQ(ParseTimeout("7m"), 7 * kMillisecond);
  EXPECT_EQ(ParseTimeout("7S"), 7 * kSecond);
  EXPECT_EQ(ParseTimeout("7M"), 420 * kSecond);
  EXPECT_EQ(ParseTimeout("7H"), 25'200 * kSecond);
  EXPECT_EQ(ParseTimeout("0n"), 0);
  EXPECT_EQ(ParseTimeout("99999999S"), 99'999'999 * kSecond);
  EXPECT_EQ(ParseTimeout("99999999H"), kNever);
}

TEST(StatusTest, OtherTimeoutsAreRefused) {
  for (const char* text : {"", "S", "5", "5s", "-5S", "+5S", "5 S", " 5S", "1.5S", "0x5S",
                           "123456789S", "5SS", "S5"}) {
    EXPECT_EQ(ParseTimeout(text), std::nullopt) << text;
  }
}

TEST(StatusTest, TimeoutsAreWrittenInTheFinestUnitThatFits) {
  EXPECT_EQ(FormatTimeout(0), "0n");
  EXPECT_EQ(FormatTimeout(-5), "0n");
  EXPECT_EQ(FormatTimeout(99'999'999), "99999999n");
  EXPECT_EQ(FormatTimeout(100'000'001), "100001u");  // rounded up
  EXPECT_EQ(FormatTimeout(5 * kSecond), "5000000u");
  EXPECT_EQ(FormatTimeout(1'000'000 * kSecond), "1000000S");
  EXPECT_LE(FormatTimeout(kNever).size(), 9u);
  for (const Nanos timeout : {Nanos{1}, 5 * kSecond, 86'400 * kSecond}) {
    EXPECT_EQ(ParseTimeout(FormatTimeout(timeout)), timeout);
  }
}

class TrailersTest : public testing::Test {
 protected:
  Arena arena_;
  Headers headers_{arena_}, trailers_{arena_};
};

TEST_F(TrailersTest, AStatusComesBackFromTheTrailers) {
  headers_.Add(HeaderName::kStatus, "200");
  trailers_.Add(HeaderName::kGrpcStatus, "5");
  trailers_.Add(HeaderName::kGrpcMessage, "no listener \"in\"%0A");
  EXPECT_EQ(ReadStatus(headers_, trailers_), absl::NotFoundError("no listener \"in\"\n"));
}

TEST_F(TrailersTest, ZeroIsOk) {
  trailers_.Add(HeaderName::kGrpcStatus, "0");
  EXPECT_TRUE(ReadStatus(headers_, trailers_).ok());
}

TEST_F(TrailersTest, AnAnswerWithoutABodyHasItInTheHeaders) {
  headers_.Add(HeaderName::kGrpcStatus, "12");
  headers_.Add(HeaderName::kGrpcMessage, "no");
  EXPECT_EQ(ReadStatus(headers_, trailers_), absl::UnimplementedError("no"));
}

TEST_F(TrailersTest, WithoutOneTheHttpStatusSpeaks) {
  EXPECT_EQ(ReadStatus(headers_, trailers_).code(), absl::StatusCode::kUnknown);
  headers_.Set(HeaderName::kStatus, "503");
  EXPECT_EQ(ReadStatus(headers_, trailers_).code(), absl::StatusCode::kUnavailable);
  headers_.Set(HeaderName::kStatus, "200");  // never OK without its word
  EXPECT_EQ(ReadStatus(headers_, trailers_).code(), absl::StatusCode::kUnknown);
}

TEST(StatusTest, LongMessagesAreCut) {
  EXPECT_EQ(EncodeMessage(std::string(1'000'000, '\n')).size(), 3 * 1024u);
}

}  // namespace
}  // namespace outrigger::proxy::grpc
