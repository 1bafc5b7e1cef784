// quantity.h: Kubernetes resource quantities: "500m", "1.5", "64Mi", "1e3".
// In the flow: pod annotation -> Quantity -> sidecar resources. Only reads and compares: the text
// that the user wrote is what goes into the pod.
#pragma once

#include <string_view>

#include "absl/status/statusor.h"

namespace outrigger::control {

struct Quantity {
  unsigned __int128 nano = 0;  // billionths of one CPU or of one byte
};

// What the API server accepts, save signs: a resource is never negative.
// The error is the reason alone: the caller knows whose value it is.
absl::StatusOr<Quantity> ParseQuantity(std::string_view text);

// Above zero; a CPU no finer than 1m; memory not in thousandths of a byte, the usual slip for Mi.
absl::StatusOr<Quantity> ParseCpu(std::string_view text);
absl::StatusOr<Quantity> ParseMemory(std::string_view text);

}  // namespace outrigger::control
