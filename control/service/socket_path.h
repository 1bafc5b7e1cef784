// socket_path.h: where the control API listens and where `outrigger ctl` looks, unless told
// otherwise.
#pragma once

#include <cstdlib>
#include <string>
#include <string_view>

namespace outrigger::control {

inline constexpr std::string_view kDefaultControlSocket = "/var/run/outrigger/control.sock";
inline constexpr char kControlSocketVariable[] = "OUTRIGGER_CONTROL_SOCKET";

// `given` (a flag), else the environment's, else the default.
inline std::string ControlSocketPath(std::string_view given) {
  if (!given.empty()) return std::string(given);
  const char* variable = std::getenv(kControlSocketVariable);
  return std::string(variable && *variable ? variable : kDefaultControlSocket);
}

}  // namespace outrigger::control
