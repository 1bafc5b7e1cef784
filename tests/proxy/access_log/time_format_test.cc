#include "proxy/access_log/time_format.h"

#include <ctime>

#include "gtest/gtest.h"

namespace outrigger::proxy {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t k2024 = 1'704'067'200 * kSecond;

std::string Format(std::string_view format, int64_t ns) {
  absl::StatusOr<TimeFormat> time = TimeFormat::Make(format);
  EXPECT_TRUE(time.ok()) << time.status();
  std::string out;
  if (time.ok()) time->Append(out, ns);
  return out;
}

TEST(TimeFormatTest, DefaultIsEnvoys) {
  std::string out;
  TimeFormat().Append(out, k2024);
  EXPECT_EQ(out, "2024-01-01T00:00:00.000Z");
  out.clear();
  TimeFormat().Append(out, 1795479058 * kSecond + 250'535'999);
  EXPECT_EQ(out, "2026-11-24T00:10:58.250Z") << "cut off, not rounded";
}

// As the real Envoy printed it.
TEST(TimeFormatTest, FractionsAndSeconds) {
  EXPECT_EQ(
      Format("%Y/%m/%dT%H:%M:%S%z %s %3f %6f %9f %f %s.%3f", 1795479058 * kSecond + 250'535'000),
      "2026/11/24T00:10:58+0000 1795479058 250 250535 250535000 250535000 1795479058.250");
  EXPECT_EQ(Format("%1f", kSecond / 2), "5");
  EXPECT_EQ(Format("%3f", 7'000'000), "007");
}

TEST(TimeFormatTest, TextAndPercentSigns) {
  EXPECT_EQ(Format("a%%b%nc%t", 0), "a%b\nc\t");
  EXPECT_EQ(Format("", 0), "");
}

TEST(TimeFormatTest, BadFormatsAreErrors) {
  for (const char* format : {"%", "abc%", "%Q", "%0f", "%3", "%3d", "%-d"}) {
    EXPECT_FALSE(TimeFormat::Make(format).ok()) << format;
  }
  EXPECT_FALSE(TimeFormat::Make(std::string(1000, 'x')).ok());
  EXPECT_EQ(TimeFormat::Make("%Q").status().message(), "the time format has no directive %Q");
}

// The calendar against the C library's, through leap years and centuries, before 1970 too.
TEST(TimeFormatTest, AgreesWithStrftime) {
  constexpr char kAll[] = "%Y-%m-%d %e %y %j %H:%I:%M:%S %p %a %b %h %F %T %D %R %s";
  for (int64_t day = -36'000; day < 100'000; day += 13) {
    const time_t seconds = day * 86400 + (day * 7919) % 86400;
    tm utc;
    gmtime_r(&seconds, &utc);
    char expected[256];
    // The C library reads %s as local time; its value is `seconds` by definition.
    const size_t n = strftime(expected, sizeof(expected),
                              "%Y-%m-%d %e %y %j %H:%I:%M:%S %p %a %b %h %F %T %D %R ", &utc);
    ASSERT_EQ(Format(kAll, seconds * kSecond), std::string(expected, n) + std::to_string(seconds));
  }
}

}  // namespace
}  // namespace outrigger::proxy
