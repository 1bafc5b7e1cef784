#include "scheduler/trace/debug_options.h"

#include <gtest/gtest.h>

namespace outrigger::scheduler {
namespace {

std::string ErrorOf(std::string_view text) {
  return std::string(ParseDebugOptions(text).status().message());
}

TEST(DebugOptionsTest, NothingIsShownUnlessAsked) {
  EXPECT_EQ(ParseDebugOptions("")->schedtrace, 0);
  EXPECT_FALSE(ParseDebugOptions("")->scheddetail);
}

TEST(DebugOptionsTest, ReadsGosKeys) {
  const auto options = ParseDebugOptions("schedtrace=1000,scheddetail=1");
  ASSERT_TRUE(options.ok());
  EXPECT_EQ(options->schedtrace, 1000 * kMillisecond);
  EXPECT_TRUE(options->scheddetail);
  EXPECT_FALSE(ParseDebugOptions("scheddetail=0,")->scheddetail);
}

TEST(DebugOptionsTest, NamesWhatIsWrong) {
  EXPECT_EQ(ErrorOf("schedtrace=soon"),
            "OUTRIGGER_DEBUG: schedtrace=soon: expected a whole number after '='");
  EXPECT_EQ(ErrorOf("schedtrace=-1"),
            "OUTRIGGER_DEBUG: schedtrace=-1: expected a whole number after '='");
  EXPECT_EQ(ErrorOf("gctrace=1"),
            "OUTRIGGER_DEBUG: gctrace: unknown key; there are schedtrace and scheddetail");
}

}  // namespace
}  // namespace outrigger::scheduler
