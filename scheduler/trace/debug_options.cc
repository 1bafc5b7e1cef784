#include "scheduler/trace/debug_options.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "scheduler/base/text.h"

namespace outrigger::scheduler {

absl::StatusOr<DebugOptions> ParseDebugOptions(std::string_view text) {
  DebugOptions options;
  for (const absl::string_view part : absl::StrSplit(ToAbsl(text), ',', absl::SkipWhitespace())) {
    const std::pair<absl::string_view, absl::string_view> pair =
        absl::StrSplit(part, absl::MaxSplits('=', 1));
    uint32_t value = 0;
    if (!absl::SimpleAtoi(pair.second, &value)) {
      return absl::InvalidArgumentError(
          absl::StrFormat("OUTRIGGER_DEBUG: %s: expected a whole number after '='", part));
    }
    if (pair.first == "schedtrace") {
      options.schedtrace = value * kMillisecond;
    } else if (pair.first == "scheddetail") {
      options.scheddetail = value != 0;
    } else {
      return absl::InvalidArgumentError(absl::StrFormat(
          "OUTRIGGER_DEBUG: %s: unknown key; there are schedtrace and scheddetail", pair.first));
    }
  }
  return options;
}

}  // namespace outrigger::scheduler
