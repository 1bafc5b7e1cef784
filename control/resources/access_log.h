// access_log.h: config.accesslog.v3 becomes compiled formats and open files.
// In the flow: HTTP connection manager -> here -> proxy/access_log.
// The file, stdout and stderr loggers, in text and JSON; no filters, no gRPC yet.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "control/resources/core.h"
#include "envoy/config/accesslog/v3/accesslog.pb.h"

namespace outrigger::control {

// Opens the files. Their errors keep their code, so that a file that cannot be had (exit code 3) is
// told from a wrong configuration.
absl::StatusOr<proxy::AccessLogConfig> ParseAccessLog(
    const envoy::config::accesslog::v3::AccessLog& proto, const FieldPath& path,
    ResourceInputs& inputs);

}  // namespace outrigger::control
