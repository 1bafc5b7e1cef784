// version.h: what the binary says it is.
#pragma once

#include <string_view>

namespace outrigger::control {

inline constexpr std::string_view kVersion = "0.1.0";

}  // namespace outrigger::control
