// check.h: the process dies where an invariant of its own is broken.
// Never for hostile or unlucky input: that is an absl::Status or a StreamError.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace outrigger::scheduler {

[[noreturn]] inline void CheckFailed(const char* file, int line, const char* expression) {
  std::fprintf(stderr, "%s:%d: CHECK failed: %s\n", file, line, expression);
  std::abort();
}

}  // namespace outrigger::scheduler

#define OUTRIGGER_CHECK(condition)                                               \
  (__builtin_expect(!!(condition), 1)                                            \
       ? static_cast<void>(0)                                                    \
       : ::outrigger::scheduler::CheckFailed(__FILE__, __LINE__, #condition))
