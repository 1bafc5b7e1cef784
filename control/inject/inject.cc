#include "control/inject/inject.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_format.h"
#include "scheduler/base/status_macros.h"

namespace outrigger::control {
namespace {

// The value at a path such as "spec.template", or nullptr; the root for an empty path.
const YamlNode* At(const YamlNode& root, std::string_view path) {
  const YamlNode* node = &root;
  while (node != nullptr && !path.empty()) {
    const size_t dot = std::min(path.find('.'), path.size());
    node = node->Find(path.substr(0, dot));
    path.remove_prefix(std::min(dot + 1, path.size()));
  }
  return node;
}

YamlNode* At(YamlNode& root, std::string_view path) {
  return const_cast<YamlNode*>(At(std::as_const(root), path));
}

std::string TextAt(const YamlNode& root, std::string_view path) {
  const YamlNode* node = At(root, path);
  return node != nullptr && node->IsScalar() ? node->text : std::string();
}

// The child under `key`, made if it is absent or null; an error if it is of another kind.
absl::StatusOr<YamlNode*> Child(YamlNode& parent, std::string_view key, YamlNode::Kind kind) {
  YamlNode* child = parent.Find(key);
  if (child == nullptr || child->IsNull()) {
    child = &parent.Set(
        key, kind == YamlNode::Kind::kMapping ? YamlNode::Mapping() : YamlNode::Sequence());
  }
  if (child->kind == kind) return child;
  return absl::InvalidArgumentError(
      absl::StrFormat("line %d: %s must be a %s", child->mark.line, key,
                      kind == YamlNode::Kind::kMapping ? "mapping" : "list"));
}

bool HasNamed(const YamlNode& list, std::string_view name) {
  for (const YamlNode& item : list.items) {
    if (TextAt(item, "name") == name) return true;
  }
  return false;
}

absl::Status CheckLabel(std::string_view value) {
  if (value.empty() || value == "enabled" || value == "disabled") return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrFormat("label %s: '%s' is neither enabled nor disabled", kInjectLabel, value));
}

absl::StatusOr<std::string> InjectLabel(const YamlNode& object) {
  const YamlNode* labels = At(object, "metadata.labels");
  const YamlNode* label = labels == nullptr ? nullptr : labels->Find(kInjectLabel);
  if (label == nullptr) return std::string();
  absl::StatusOr<std::string> value = StringValue(*label);
  if (!value.ok()) {
    return absl::InvalidArgumentError(
        absl::StrFormat("label %s: %s", kInjectLabel, value.status().message()));
  }
  OUTRIGGER_RETURN_IF_ERROR(CheckLabel(*value));
  return value;
}

// Why a pod whose labels allow it gets no sidecar all the same; empty if it does.
std::string ReasonToSkip(const YamlNode& spec) {
  for (const std::string_view list : {"initContainers", "containers"}) {
    const YamlNode* containers = spec.Find(list);
    if (containers != nullptr && HasNamed(*containers, kProxyContainer)) {
      return absl::StrFormat("it has %s already", kProxyContainer);
    }
  }
  if (const std::string value = TextAt(spec, "hostNetwork"); !value.empty() && PlainBool(value)) {
    return "it is on the host's network";
  }
  if (TextAt(spec, "os.name") == "windows") return "it is for Windows";
  const YamlNode* containers = spec.Find("containers");
  if (containers == nullptr || containers->IsNull() ||
      (containers->IsSequence() && containers->items.empty())) {
    return "it has no containers";
  }
  return "";
}

// A clash would be refused by the API server, or worse, answered by the wrong container.
absl::Status CheckPorts(const YamlNode& spec, const InjectOptions& options) {
  const std::string taken[] = {std::to_string(kInboundPort), std::to_string(kHealthPort),
                               std::to_string(options.metrics_port), "15000", "15001"};
  for (const std::string_view list : {"initContainers", "containers"}) {
    const YamlNode* containers = spec.Find(list);
    if (containers == nullptr) continue;
    for (const YamlNode& container : containers->items) {
      const YamlNode* ports = container.Find("ports");
      if (ports == nullptr) continue;
      for (const YamlNode& port : ports->items) {
        const std::string number = TextAt(port, "containerPort");
        for (const std::string& mine : taken) {
          if (number != mine) continue;
          return absl::InvalidArgumentError(
              absl::StrFormat("container %s: port %s is one of the proxy's; give the app another",
                              TextAt(container, "name"), number));
        }
      }
    }
  }
  return absl::OkStatus();
}

void SetIfAbsent(YamlNode& map, std::string_view key, std::string value) {
  if (map.Find(key) == nullptr) map.Set(key, YamlNode::String(std::move(value)));
}

absl::Status Annotate(YamlNode& pod, const InjectOptions& options) {
  OUTRIGGER_ASSIGN_OR_RETURN(YamlNode * metadata, Child(pod, "metadata", YamlNode::Kind::kMapping));
  OUTRIGGER_ASSIGN_OR_RETURN(YamlNode * annotations,
                             Child(*metadata, "annotations", YamlNode::Kind::kMapping));
  const YamlNode& first = At(pod, "spec.containers")->items.front();
  SetIfAbsent(*annotations, "kubectl.kubernetes.io/default-container", TextAt(first, "name"));
  // The app's own scrape target stays: one pod has room for one.
  if (options.metrics_port != 0 && annotations->Find("prometheus.io/scrape") == nullptr) {
    annotations->Set("prometheus.io/scrape", YamlNode::String("true"));
    annotations->Set("prometheus.io/port", YamlNode::String(std::to_string(options.metrics_port)));
    annotations->Set("prometheus.io/path", YamlNode::String("/stats/prometheus"));
  }
  return absl::OkStatus();
}

absl::Status AddVolume(YamlNode& spec, YamlNode volume) {
  OUTRIGGER_ASSIGN_OR_RETURN(YamlNode * volumes, Child(spec, "volumes", YamlNode::Kind::kSequence));
  const std::string name = TextAt(volume, "name");
  if (HasNamed(*volumes, name)) {
    return absl::InvalidArgumentError(
        absl::StrFormat("volume %s: the proxy needs this name; rename the pod's volume", name));
  }
  volumes->items.push_back(std::move(volume));
  return absl::OkStatus();
}

// The path from a workload of this kind to its pod; nullptr for a kind that makes no pods.
const char* TemplatePath(std::string_view kind) {
  if (kind == "Pod") return "";
  if (kind == "CronJob") return "spec.jobTemplate.spec.template";
  for (const std::string_view workload :
       {"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job"}) {
    if (kind == workload) return "spec.template";
  }
  return nullptr;
}

// One run over one file.
// Runs on: the calling thread. Owner: Inject's frame. Thread-safety: confined.
class Injector {
 public:
  explicit Injector(const InjectOptions& options) : options_(options) {}

  // First pass: what the namespaces of the file say.
  absl::Status ReadNamespaces(const YamlNode& object) {
    if (const YamlNode* items = Items(object)) {
      for (const YamlNode& item : items->items) OUTRIGGER_RETURN_IF_ERROR(ReadNamespaces(item));
      return absl::OkStatus();
    }
    if (TextAt(object, "kind") != "Namespace") return absl::OkStatus();
    absl::StatusOr<std::string> label = InjectLabel(object);
    if (!label.ok()) return Named(object, label.status());
    namespaces_[TextAt(object, "metadata.name")] = *std::move(label);
    return absl::OkStatus();
  }

  // Second pass.
  absl::Status Visit(YamlNode& object) {
    if (YamlNode* items = const_cast<YamlNode*>(Items(object))) {
      for (YamlNode& item : items->items) OUTRIGGER_RETURN_IF_ERROR(Visit(item));
      return absl::OkStatus();
    }
    const char* path = TemplatePath(TextAt(object, "kind"));
    if (path == nullptr) return absl::OkStatus();
    YamlNode* pod = *path == '\0' ? &object : At(object, path);
    if (pod == nullptr || !pod->IsMapping()) {
      return Named(object, absl::InvalidArgumentError(absl::StrFormat("%s is missing", path)));
    }
    const auto found = namespaces_.find(TextAt(object, "metadata.namespace"));
    const absl::StatusOr<PodDecision> decision =
        InjectPod(*pod, found == namespaces_.end() ? "" : found->second, options_);
    if (!decision.ok()) return Named(object, decision.status());
    if (pod != &object) WarnMisplaced(object);
    if (decision->injected) {
      ++result.injected;
      result.report.push_back(Name(object) + ": injected");
    } else {
      result.report.push_back(Name(object) + ": skipped: " + decision->reason);
    }
    return absl::OkStatus();
  }

  InjectResult result;

 private:
  static const YamlNode* Items(const YamlNode& object) {
    if (!TextAt(object, "kind").ends_with("List")) return nullptr;
    return object.Find("items");
  }

  // "deployment/web", as kubectl has it.
  static std::string Name(const YamlNode& object) {
    std::string name = TextAt(object, "metadata.name");
    if (name.empty()) name = TextAt(object, "metadata.generateName");
    return absl::AsciiStrToLower(TextAt(object, "kind")) + "/" + name;
  }

  static absl::Status Named(const YamlNode& object, const absl::Status& status) {
    return absl::Status(status.code(), absl::StrFormat("%s: %s", Name(object), status.message()));
  }

  // The commonest mistake: on the workload they reach no pod.
  void WarnMisplaced(const YamlNode& workload) {
    for (const std::string_view place : {"metadata.labels", "metadata.annotations"}) {
      const YamlNode* map = At(workload, place);
      if (map == nullptr) continue;
      for (const YamlEntry& entry : map->entries) {
        if (!entry.key.starts_with(kAnnotationPrefix)) continue;
        result.report.push_back(
            absl::StrFormat("%s: warning: %s has no effect here; put it on the pod template",
                            Name(workload), entry.key));
      }
    }
  }

  const InjectOptions& options_;
  std::map<std::string, std::string> namespaces_;  // name -> kInjectLabel's value
};

}  // namespace

absl::StatusOr<PodDecision> InjectPod(YamlNode& pod, std::string_view namespace_label,
                                      const InjectOptions& options) {
  OUTRIGGER_ASSIGN_OR_RETURN(const std::string label, InjectLabel(pod));
  if (label == "disabled") {
    return PodDecision{false, absl::StrFormat("its label %s is disabled", kInjectLabel)};
  }
  if (label.empty() && namespace_label == "disabled") {
    return PodDecision{false,
                       absl::StrFormat("its namespace's label %s is disabled", kInjectLabel)};
  }
  YamlNode* spec = pod.Find("spec");
  if (spec == nullptr || !spec->IsMapping()) {
    return absl::InvalidArgumentError("the pod's spec is missing");
  }
  if (std::string reason = ReasonToSkip(*spec); !reason.empty()) {
    return PodDecision{false, std::move(reason)};
  }
  if (!spec->Find("containers")->IsSequence()) {
    return absl::InvalidArgumentError("containers must be a list");
  }
  const YamlNode* annotations = At(pod, "metadata.annotations");
  OUTRIGGER_ASSIGN_OR_RETURN(const SidecarSettings settings,
                             ReadAnnotations(annotations == nullptr ? YamlNode() : *annotations));
  OUTRIGGER_RETURN_IF_ERROR(CheckPorts(*spec, options));

  OUTRIGGER_ASSIGN_OR_RETURN(YamlNode * init,
                             Child(*spec, "initContainers", YamlNode::Kind::kSequence));
  // Init containers start in order: redirect first, then the proxy, so that the app's own already
  // have a network.
  auto place = init->items.begin();
  if (place != init->items.end() && TextAt(*place, "name") == kRedirectContainer) ++place;
  init->items.insert(place, SidecarContainer(options, settings));
  OUTRIGGER_RETURN_IF_ERROR(AddVolume(*spec, ConfigVolume(options)));
  OUTRIGGER_RETURN_IF_ERROR(AddVolume(*spec, SocketVolume()));
  OUTRIGGER_RETURN_IF_ERROR(Annotate(pod, options));
  return PodDecision{true, ""};
}

absl::StatusOr<InjectResult> Inject(std::string_view text, std::string_view source,
                                    const InjectOptions& options) {
  OUTRIGGER_ASSIGN_OR_RETURN(std::vector<YamlNode> documents, ParseYamlDocuments(text, source));
  Injector injector(options);
  absl::Status status;
  for (const YamlNode& document : documents) {
    if (status.ok()) status = injector.ReadNamespaces(document);
  }
  for (YamlNode& document : documents) {
    if (status.ok()) status = injector.Visit(document);
  }
  if (!status.ok()) {
    return absl::Status(status.code(), absl::StrFormat("%s: %s", source, status.message()));
  }
  InjectResult result = std::move(injector.result);
  if (result.injected == 0) {
    result.yaml = text;
  } else {
    std::erase_if(documents, [](const YamlNode& document) { return document.IsNull(); });
    result.yaml = EmitYaml(documents);
  }
  return result;
}

}  // namespace outrigger::control
