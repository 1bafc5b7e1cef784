#include "scheduler/base/log.h"

#include <array>
#include <atomic>
#include <memory>

#include "spdlog/sinks/stdout_sinks.h"
#include "spdlog/spdlog.h"

namespace outrigger::scheduler {
namespace {

constexpr std::array<std::string_view, 7> kNames = {"trace", "debug",    "info", "warning",
                                                    "error", "critical", "off"};

// Relaxed everywhere: the level is a hint, ordered with nothing.
std::atomic<LogLevel> current_level{LogLevel::kInfo};

spdlog::level::level_enum ToSpdlog(LogLevel level) {
  return static_cast<spdlog::level::level_enum>(level);
}

spdlog::logger& Logger() {
  static const std::shared_ptr<spdlog::logger> logger = [] {
    auto made = std::make_shared<spdlog::logger>(
        "outrigger", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    // Envoy's default: [2026-11-23 10:00:00.123][12][info][main] text
    made->set_pattern("[%Y-%m-%d %T.%e][%t][%l]%v");
    made->set_level(spdlog::level::trace);
    made->flush_on(spdlog::level::trace);
    return made;
  }();
  return *logger;
}

}  // namespace

bool ParseLogLevel(std::string_view text, LogLevel& level) {
  if (text == "warn") text = "warning";
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == text) {
      level = static_cast<LogLevel>(i);
      return true;
    }
  }
  return false;
}

std::string_view LogLevelName(LogLevel level) { return kNames[static_cast<size_t>(level)]; }

void SetLogLevel(LogLevel level) { current_level.store(level, std::memory_order_relaxed); }
LogLevel GetLogLevel() { return current_level.load(std::memory_order_relaxed); }

bool LogEnabled(LogLevel level) { return level >= current_level.load(std::memory_order_relaxed); }

void WriteLog(LogLevel level, std::string_view component, std::string_view message) {
  try {
    Logger().log(ToSpdlog(level), "[{}] {}", component, message);
  } catch (const std::exception&) {
    // A full disk or closed stderr must not stop the proxy (the library's door catches).
  }
}

}  // namespace outrigger::scheduler
