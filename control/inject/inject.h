// inject.h: adds the sidecar to the pods of a YAML file (`outrigger inject -f FILE`).
// In the flow: file -> documents -> every pod and pod template in them -> decision -> sidecar.h ->
// file. It talks to no cluster: what a namespace says counts if the namespace is in the same file.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "control/bootstrap/yaml.h"
#include "control/inject/sidecar.h"

namespace outrigger::control {

inline constexpr std::string_view kInjectLabel = "outrigger.dev/inject";

struct InjectResult {
  std::string yaml;  // the input as it was, comments and all, if nothing was injected
  std::vector<std::string> report;  // for stderr: a line for each pod, "deployment/web: injected"
  int injected = 0;
};

// `source` is the file's name in errors. A pod with `outrigger.dev/inject: disabled`, on itself or
// its namespace, with the sidecar in place, on the host's network, for Windows, or without
// containers is left alone, with the reason in the report. kInvalidArgument for YAML or annotations
// that cannot be honoured: half a file is never injected.
absl::StatusOr<InjectResult> Inject(std::string_view text, std::string_view source,
                                    const InjectOptions& options);

// What became of one pod.
struct PodDecision {
  bool injected = false;
  std::string reason;  // why not
};

// `pod` has metadata and spec: a Pod, or a workload's template. `namespace_label` is the value of
// kInjectLabel on its namespace, or empty. On an error `pod` may be half changed.
absl::StatusOr<PodDecision> InjectPod(YamlNode& pod, std::string_view namespace_label,
                                      const InjectOptions& options);

}  // namespace outrigger::control
