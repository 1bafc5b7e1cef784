#include "scheduler/base/json_text.h"

#include "gtest/gtest.h"

namespace outrigger::scheduler {
namespace {

std::string Json(std::string_view text) {
  std::string out;
  AppendJsonString(out, text);
  return out;
}

TEST(JsonTextTest, QuotesPlainText) { EXPECT_EQ(Json("GET /"), "\"GET /\""); }

TEST(JsonTextTest, EscapesWhatJsonForbids) {
  EXPECT_EQ(Json("a\"b\\c\nd\te\x01\x7f"), R"("a\"b\\c\nd\te\u0001\u007f")");
  EXPECT_EQ(Json(std::string_view("\0", 1)), R"("\u0000")");
}

TEST(JsonTextTest, KeepsUtf8) { EXPECT_EQ(Json("é€𝄞"), "\"é€𝄞\""); }

TEST(JsonTextTest, ReplacesWhatIsNotUtf8) {
  const std::string bad = "\xef\xbf\xbd";
  EXPECT_EQ(Json("\xff"), "\"" + bad + "\"");
  EXPECT_EQ(Json("\xc3"), "\"" + bad + "\"") << "cut off";
  EXPECT_EQ(Json("\xc0\xaf"), "\"" + bad + bad + "\"") << "overlong";
  EXPECT_EQ(Json("\xed\xa0\x80"), "\"" + bad + bad + bad + "\"") << "surrogate";
  EXPECT_EQ(Json("\xf4\x90\x80\x80"), "\"" + bad + bad + bad + bad + "\"") << "above U+10FFFF";
  EXPECT_EQ(Json("\xe2\x82\""), "\"" + bad + bad + "\\\"\"") << "the quote is not swallowed";
}

}  // namespace
}  // namespace outrigger::scheduler
