// small_file.h: reads a file of /proc or /sys whole, bounded. Under the readers of this room.
// Blocking, for cold paths of the control side; it watches nothing and caches nothing.
#pragma once

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"

namespace outrigger::scheduler {

// NotFound where there is no such file (or its thread has gone), ResourceExhausted above `limit`
// bytes, else errno's code. Messages name the path.
absl::StatusOr<std::string> ReadSmallFile(const std::string& path, size_t limit);

}  // namespace outrigger::scheduler
