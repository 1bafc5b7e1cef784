// ctl.h: `outrigger ctl status|cpu|drain`: asks a running proxy through its control socket and
// prints the answer, for people or as JSON. Flags are parsed in control/process.
#pragma once

#include <string>

namespace outrigger::control {

struct CtlOptions {
  std::string command;  // "status", "cpu" or "drain"
  std::string socket;   // path; empty: OUTRIGGER_CONTROL_SOCKET, else the default
  bool json = false;    // the answer's message in protobuf's JSON form, all fields, proto names
};

struct CtlResult {
  int exit_code = 0;  // 0 done; 1 refused or failed; 2 no such command; 3 no such socket
  std::string out;
  std::string err;
};

// At most 10 s.
CtlResult AskControl(const CtlOptions& options);

// The same, printed; returns the exit code.
int RunCtl(const CtlOptions& options);

}  // namespace outrigger::control
