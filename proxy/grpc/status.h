// status.h: how a call's outcome and deadline are written in HTTP/2 headers: grpc-status,
// grpc-message and grpc-timeout. absl's status codes are gRPC's, number by number, so absl::Status
// is the status. Pure functions; nothing here knows connections.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "proxy/codec/http/headers.h"
#include "scheduler/timer/timer_heap.h"

namespace outrigger::proxy::grpc {

using scheduler::Nanos;

// "0" .. "16"; views that live for ever.
std::string_view StatusCodeText(absl::StatusCode code);
// What is none of these becomes kUnknown.
absl::StatusCode ParseStatusCode(std::string_view text);

// grpc-message: bytes other than printable ASCII, and '%', as %XX; at most 1 KiB of the message,
// for it is a header. Decoding never fails: what is no such triple stands for itself, and the
// result may hold any byte.
std::string EncodeMessage(std::string_view message);
std::string DecodeMessage(std::string_view encoded);

// grpc-timeout: 1 to 8 digits and a unit of H M S m u n. Saturates at kNever.
std::optional<Nanos> ParseTimeout(std::string_view text);
// In the finest unit that fits, rounded up; at least "0n".
std::string FormatTimeout(Nanos timeout);

// The outcome of a call, on the client's side: grpc-status in the trailers or, in an answer without
// a body, in the headers; without one, what the HTTP status says.
absl::Status ReadStatus(const Headers& headers, const Headers& trailers);

}  // namespace outrigger::proxy::grpc
