// echo.h: `outrigger echo`: the built-in upstream, HTTP/1.1, h2c and gRPC on one port.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace outrigger::control {

struct EchoFlags {
  std::vector<std::string> listen;
  uint32_t concurrency = 1;
  std::string cpus;
};

// Runs until TERM or INT; returns the exit code.
int RunEcho(const EchoFlags& flags);

}  // namespace outrigger::control
