// expect.h: what each model's test says: holds within the bounds, or the seeded bug is found. Both
// print how many schedules were run.
#pragma once

#include <cstdio>
#include <string>

#include "gtest/gtest.h"
#include "tests/model/explorer.h"

namespace outrigger::model {

inline std::string Figures(const char* name, const Report& report) {
  char line[160];
  std::snprintf(line, sizeof(line), "[ explored ] %s: %llu schedules%s\n", name,
                static_cast<unsigned long long>(report.schedules), report.failed ? ", failed" : "");
  return line;
}

template <typename Model, typename... Args>
void ExpectHolds(const char* name, const Options& options, const Args&... args) {
  const Report report = Explore<Model>(options, args...);
  std::fputs(Figures(name, report).c_str(), stdout);
  EXPECT_FALSE(report.failed) << name << ": " << report.failure;
  EXPECT_TRUE(report.failed || report.complete) << name << " is larger than its bounds";
}

// `words`: a part of what the failure says.
template <typename Model, typename... Args>
void ExpectFinds(const char* name, const char* words, const Options& options, const Args&... args) {
  const Report report = Explore<Model>(options, args...);
  std::fputs(Figures(name, report).c_str(), stdout);
  EXPECT_TRUE(report.failed) << name << ": the bug was not found";
  EXPECT_NE(report.failure.find(words), std::string::npos) << name << ": " << report.failure;
}

}  // namespace outrigger::model
