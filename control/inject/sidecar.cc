#include "control/inject/sidecar.h"

#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_format.h"
#include "control/inject/quantity.h"
#include "scheduler/base/status_macros.h"

namespace outrigger::control {
namespace {

constexpr size_t kMaxTenant = 63;

YamlNode Text(std::string_view text) { return YamlNode::String(std::string(text)); }
YamlNode Number(int number) { return YamlNode::Plain(std::to_string(number)); }
YamlNode Bool(bool value) { return YamlNode::Plain(value ? "true" : "false"); }

YamlNode Map(std::vector<std::pair<std::string_view, YamlNode>> entries) {
  YamlNode map = YamlNode::Mapping();
  for (auto& [key, value] : entries) map.Set(key, std::move(value));
  return map;
}

YamlNode List(std::vector<YamlNode> items) { return YamlNode::Sequence(std::move(items)); }

YamlNode FieldEnv(std::string_view name, std::string_view path) {
  return Map(
      {{"name", Text(name)}, {"valueFrom", Map({{"fieldRef", Map({{"fieldPath", Text(path)}})}})}});
}

YamlNode CpuEnv(std::string_view name, std::string_view resource) {
  return Map({{"name", Text(name)},
              {"valueFrom", Map({{"resourceFieldRef", Map({{"containerName", Text(kProxyContainer)},
                                                           {"resource", Text(resource)},
                                                           {"divisor", Text("1m")}})}})}});
}

YamlNode Port(std::string_view name, uint16_t port) {
  return Map({{"name", Text(name)}, {"containerPort", Number(port)}, {"protocol", Text("TCP")}});
}

YamlNode Mount(std::string_view name, std::string_view path, bool read_only) {
  YamlNode mount = Map({{"name", Text(name)}, {"mountPath", Text(path)}});
  if (read_only) mount.Set("readOnly", Bool(true));
  return mount;
}

// gRPC, because the kubelet speaks HTTP/2 there: the question passes the listener, the data worker
// and the control API. The admin stays on loopback, out of the kubelet's reach.
YamlNode Probe(int period_s, int failures) {
  return Map({{"grpc", Map({{"port", Number(kHealthPort)}})},
              {"periodSeconds", Number(period_s)},
              {"failureThreshold", Number(failures)}});
}

YamlNode SecurityContext() {
  return Map({{"runAsUser", Number(1337)},
              {"runAsGroup", Number(1337)},
              {"runAsNonRoot", Bool(true)},
              {"readOnlyRootFilesystem", Bool(true)},
              {"allowPrivilegeEscalation", Bool(false)},
              {"capabilities", Map({{"drop", List({Text("ALL")})}})},
              {"seccompProfile", Map({{"type", Text("RuntimeDefault")}})}});
}

absl::Status BadAnnotation(std::string_view name, std::string_view reason) {
  return absl::InvalidArgumentError(
      absl::StrFormat("annotation %s%s: %s", kAnnotationPrefix, name, reason));
}

absl::Status BadValue(std::string_view name, std::string_view value, const absl::Status& reason) {
  return BadAnnotation(name, absl::StrFormat("'%s': %s", value, reason.message()));
}

absl::Status CheckTenant(std::string_view tenant) {
  if (tenant.empty() || tenant.size() > kMaxTenant) {
    return BadAnnotation("tenant", absl::StrFormat("must have 1 to %d characters", kMaxTenant));
  }
  // A "$(NAME)" would be expanded by the kubelet.
  for (const char c : tenant) {
    if (!absl::ascii_isalnum(c) && c != '-' && c != '_' && c != '.') {
      return BadAnnotation("tenant", "may have letters, digits, '-', '_' and '.' only");
    }
  }
  return absl::OkStatus();
}

absl::Status Apply(std::string_view name, const std::string& value, SidecarSettings& settings) {
  if (name == "proxy-cpu-request") {
    settings.cpu_request = value;
  } else if (name == "proxy-cpu-limit") {
    settings.cpu_limit = value;
  } else if (name == "proxy-memory-request") {
    settings.memory_request = value;
  } else if (name == "proxy-memory-limit") {
    settings.memory_limit = value;
  } else if (name == "tenant") {
    OUTRIGGER_RETURN_IF_ERROR(CheckTenant(value));
    settings.tenant = value;
  } else if (name == "interception") {
    if (value == "none") return absl::OkStatus();
    return BadAnnotation(name, absl::StrFormat("'%s': this version redirects no traffic, so 'none' "
                                               "is the one value it takes",
                                               value));
  } else if (name == "inject") {
    return BadAnnotation(name, "this is a label: move it to the pod's labels");
  } else {
    return BadAnnotation(name, "not known: is it misspelt?");
  }
  return absl::OkStatus();
}

using Parser = absl::StatusOr<Quantity> (*)(std::string_view);

// `resource` is "cpu" or "memory". What the API server would refuse is refused here, by the name
// that the user wrote.
absl::Status CheckResource(std::string_view resource, const std::string& request,
                           const std::string& limit, const YamlNode& annotations, Parser parse) {
  const std::string request_name = absl::StrFormat("proxy-%s-request", resource);
  const std::string limit_name = absl::StrFormat("proxy-%s-limit", resource);
  const absl::StatusOr<Quantity> request_value = parse(request);
  if (!request_value.ok()) return BadValue(request_name, request, request_value.status());
  const absl::StatusOr<Quantity> limit_value = parse(limit);
  if (!limit_value.ok()) return BadValue(limit_name, limit, limit_value.status());
  if (request_value->nano <= limit_value->nano) return absl::OkStatus();
  const bool request_set =
      annotations.Find(std::string(kAnnotationPrefix) + request_name) != nullptr;
  return BadAnnotation(
      request_set ? request_name : limit_name,
      absl::StrFormat("the request %s is above the limit %s; set %s%s too", request, limit,
                      kAnnotationPrefix, request_set ? limit_name : request_name));
}

}  // namespace

absl::StatusOr<std::string> StringValue(const YamlNode& node) {
  if (!node.IsScalar()) return absl::InvalidArgumentError("must be a string");
  if (!node.quoted && ResolvePlain(node.text) != PlainKind::kString) {
    return absl::InvalidArgumentError(
        absl::StrFormat("must be a string: write \"%s\" in quotes", node.text));
  }
  return node.text;
}

absl::StatusOr<SidecarSettings> ReadAnnotations(const YamlNode& annotations) {
  SidecarSettings settings;
  for (const YamlEntry& entry : annotations.entries) {
    std::string_view name = entry.key;
    if (!name.starts_with(kAnnotationPrefix)) continue;
    name.remove_prefix(kAnnotationPrefix.size());
    const absl::StatusOr<std::string> value = StringValue(entry.value);
    if (!value.ok()) return BadAnnotation(name, std::string(value.status().message()));
    OUTRIGGER_RETURN_IF_ERROR(Apply(name, *value, settings));
  }
  OUTRIGGER_RETURN_IF_ERROR(
      CheckResource("cpu", settings.cpu_request, settings.cpu_limit, annotations, ParseCpu));
  OUTRIGGER_RETURN_IF_ERROR(CheckResource("memory", settings.memory_request, settings.memory_limit,
                                          annotations, ParseMemory));
  return settings;
}

YamlNode SidecarContainer(const InjectOptions& options, const SidecarSettings& settings) {
  YamlNode env =
      List({FieldEnv("POD_NAME", "metadata.name"), FieldEnv("POD_NAMESPACE", "metadata.namespace"),
            FieldEnv("INSTANCE_IP", "status.podIP"), FieldEnv("NODE_NAME", "spec.nodeName"),
            CpuEnv("OUTRIGGER_CPU_REQUEST", "requests.cpu"),
            CpuEnv("OUTRIGGER_CPU_LIMIT", "limits.cpu")});
  if (!settings.tenant.empty()) {
    env.items.push_back(
        Map({{"name", Text("OUTRIGGER_TENANT")}, {"value", Text(settings.tenant)}}));
  }
  YamlNode ports = List({Port("outrigger-in", kInboundPort), Port("outrigger-ready", kHealthPort)});
  if (options.metrics_port != 0)
    ports.items.push_back(Port("outrigger-stats", options.metrics_port));

  return Map({
      {"name", Text(kProxyContainer)},
      {"image", Text(options.image)},
      {"args", List({Text("run"), Text("-c"), Text("/etc/outrigger/outrigger.yaml"),
                     Text("--service-node"), Text("$(POD_NAME).$(POD_NAMESPACE)")})},
      // What makes an init container a sidecar: it starts before the app and ends after it.
      {"restartPolicy", Text("Always")},
      {"env", std::move(env)},
      {"ports", std::move(ports)},
      {"resources", Map({{"requests", Map({{"cpu", Text(settings.cpu_request)},
                                           {"memory", Text(settings.memory_request)}})},
                         {"limits", Map({{"cpu", Text(settings.cpu_limit)},
                                         {"memory", Text(settings.memory_limit)}})}})},
      // The app's containers wait for the start-up probe.
      {"startupProbe", Probe(1, 60)},
      {"readinessProbe", Probe(5, 3)},
      {"securityContext", SecurityContext()},
      {"volumeMounts", List({Mount(kConfigVolume, "/etc/outrigger", true),
                             Mount(kSocketVolume, "/var/run/outrigger", false)})},
  });
}

YamlNode ConfigVolume(const InjectOptions& options) {
  return Map(
      {{"name", Text(kConfigVolume)}, {"configMap", Map({{"name", Text(options.config_map)}})}});
}

YamlNode SocketVolume() {
  return Map({{"name", Text(kSocketVolume)}, {"emptyDir", Map({{"sizeLimit", Text("1Mi")}})}});
}

}  // namespace outrigger::control
