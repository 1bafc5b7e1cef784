// grpc_client.h: one gRPC call over a Unix socket, on the calling thread: for a command line, which
// has nothing else to do meanwhile. No scheduler, no retries.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "proxy/transport/socket.h"
#include "scheduler/timer/timer_heap.h"

namespace outrigger::control {

// Unavailable: nobody is there, or may not be reached; the message says what to do.
absl::StatusOr<proxy::Fd> ConnectControl(const std::string& socket_path);

// Sends `request` to "/package.Service/Method" and returns the serialised reply, or the status that
// the server ended the call with. Takes the connection over.
absl::StatusOr<std::string> CallUnary(proxy::Fd connection, std::string_view method,
                                      std::string_view request, scheduler::Nanos timeout);

}  // namespace outrigger::control
