// exit_code.h: what the process ends with, and the one line that says why.
#pragma once

#include <cstdio>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "scheduler/base/text.h"

namespace outrigger::control {

enum ExitCode : int {
  kDone = 0,
  kBadConfig = 1,
  kBadUsage = 2,
  kCannotHave = 3,  // a port or file
};

// "outrigger: what: message" on stderr; returns the code.
inline int Fail(ExitCode code, std::string_view what, const absl::Status& status) {
  std::string line = "outrigger: ";
  if (!what.empty()) scheduler::Append(line, what, ": ");
  scheduler::Append(line, status.message(), "\n");
  std::fputs(line.c_str(), stderr);
  return code;
}

}  // namespace outrigger::control
