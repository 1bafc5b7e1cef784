// sidecar.h: the container `outrigger-proxy` as Kubernetes reads it, and what the pod's annotations
// may change about it.
// In the flow: annotations -> SidecarSettings -> container and volumes -> inject.h puts them in.
// It does not decide whether a pod gets a sidecar.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "control/bootstrap/yaml.h"

namespace outrigger::control {

inline constexpr std::string_view kProxyContainer = "outrigger-proxy";
inline constexpr std::string_view kRedirectContainer = "outrigger-redirect";
inline constexpr std::string_view kConfigVolume = "outrigger-config";
inline constexpr std::string_view kSocketVolume = "outrigger-run";
inline constexpr std::string_view kAnnotationPrefix = "outrigger.dev/";
inline constexpr uint16_t kInboundPort = 15006;
inline constexpr uint16_t kHealthPort = 15021;

// What holds for every pod of a run; the rest is per pod.
struct InjectOptions {
  std::string image = "outrigger:0.1.0";
  std::string config_map = "outrigger-config";  // has the key outrigger.yaml
  // Where the configuration serves /stats/prometheus to other pods; 0: nowhere, so the pod gets no
  // prometheus.io annotations.
  uint16_t metrics_port = 0;
};

// One pod's settings: the defaults, changed by its annotations.
struct SidecarSettings {
  std::string cpu_request = "100m";
  // Two CPUs are one for data and one for control. Never none: the proxy would size itself for the
  // whole node.
  std::string cpu_limit = "2";
  std::string memory_request = "64Mi";
  std::string memory_limit = "256Mi";
  std::string tenant;  // empty: unset
};

// `annotations` is the pod's mapping or null. The error names the annotation and the reason.
absl::StatusOr<SidecarSettings> ReadAnnotations(const YamlNode& annotations);

// A string as Kubernetes requires for labels and annotations: an error if YAML makes the plain
// scalar a number or a boolean, which the API server would refuse.
absl::StatusOr<std::string> StringValue(const YamlNode& node);

YamlNode SidecarContainer(const InjectOptions& options, const SidecarSettings& settings);
YamlNode ConfigVolume(const InjectOptions& options);
YamlNode SocketVolume();

}  // namespace outrigger::control
