// log.h: the application log, in Envoy's line format, to stderr. spdlog stays behind this door.
// Never on the request path at info or above.
#pragma once

#include <string_view>

#include "absl/strings/str_format.h"

namespace outrigger::scheduler {

enum class LogLevel { kTrace, kDebug, kInfo, kWarning, kError, kCritical, kOff };

// Accepts Envoy's names: trace, debug, info, warning|warn, error, critical, off.
// Returns false and leaves `level` alone for any other text.
bool ParseLogLevel(std::string_view text, LogLevel& level);
std::string_view LogLevelName(LogLevel level);

// Runs on: any. Thread-safety: each call is atomic.
void SetLogLevel(LogLevel level);
LogLevel GetLogLevel();
bool LogEnabled(LogLevel level);
void WriteLog(LogLevel level, std::string_view component, std::string_view message);

}  // namespace outrigger::scheduler

// OUTRIGGER_LOG(kInfo, "config", "loaded %d listeners", n): arguments are evaluated only if the level is on.
#define OUTRIGGER_LOG(level, component, ...)                                                     \
  do {                                                                                           \
    if (::outrigger::scheduler::LogEnabled(::outrigger::scheduler::LogLevel::level)) {           \
      ::outrigger::scheduler::WriteLog(::outrigger::scheduler::LogLevel::level, component,       \
                                       absl::StrFormat(__VA_ARGS__));                            \
    }                                                                                            \
  } while (false)
