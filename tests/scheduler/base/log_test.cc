#include "scheduler/base/log.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace outrigger::scheduler {
namespace {

using ::testing::MatchesRegex;
using ::testing::internal::CaptureStderr;
using ::testing::internal::GetCapturedStderr;

class LogTest : public ::testing::Test {
 protected:
  ~LogTest() override { SetLogLevel(before_); }
  const LogLevel before_ = GetLogLevel();
};

TEST_F(LogTest, ReadsEnvoysLevelNames) {
  LogLevel level = LogLevel::kInfo;
  for (const char* name : {"trace", "debug", "info", "warning", "error", "critical", "off"}) {
    ASSERT_TRUE(ParseLogLevel(name, level)) << name;
    EXPECT_EQ(LogLevelName(level), name);
  }
  ASSERT_TRUE(ParseLogLevel("warn", level));
  EXPECT_EQ(level, LogLevel::kWarning);
}

TEST_F(LogTest, LeavesTheLevelAloneForAnyOtherName) {
  for (const char* name : {"", "Info", "verbose", "warnings"}) {
    LogLevel level = LogLevel::kError;
    EXPECT_FALSE(ParseLogLevel(name, level)) << name;
    EXPECT_EQ(level, LogLevel::kError);
  }
}

TEST_F(LogTest, DoesNotEvaluateArgumentsBelowTheLevel) {
  int evaluated = 0;
  SetLogLevel(LogLevel::kWarning);
  CaptureStderr();
  OUTRIGGER_LOG(kInfo, "test", "%d", ++evaluated);
  EXPECT_EQ(GetCapturedStderr(), "");
  EXPECT_EQ(evaluated, 0);
}

TEST_F(LogTest, WritesNothingWhenOff) {
  SetLogLevel(LogLevel::kOff);
  EXPECT_FALSE(LogEnabled(LogLevel::kCritical));
}

TEST_F(LogTest, WritesEnvoysLineFormatToStderr) {
  SetLogLevel(LogLevel::kInfo);
  CaptureStderr();
  OUTRIGGER_LOG(kWarning, "config", "%s has {%d} routes", "inbound", 3);
  EXPECT_THAT(
      GetCapturedStderr(),
      MatchesRegex("\\[[0-9]+-[0-9]+-[0-9]+ [0-9:.]+\\]\\[[0-9]+\\]\\[warning\\]\\[config\\] "
                   "inbound has \\{3\\} routes\n"));
}

}  // namespace
}  // namespace outrigger::scheduler
