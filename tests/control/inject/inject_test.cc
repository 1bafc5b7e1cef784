#include "control/inject/inject.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace outrigger::control {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::string_view kPod = R"(apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  initContainers:
    - name: migrate
      image: app:1
  containers:
    - name: app
      image: app:1
)";

// The pod with more under metadata or spec; `metadata` and `spec` are lines with their indents.
std::string PodWith(std::string_view metadata, std::string_view spec = "") {
  std::string pod(kPod);
  pod.insert(pod.find("spec:"), metadata);
  return pod.append(spec);
}

InjectResult MustInject(std::string_view text, const InjectOptions& options = {}) {
  absl::StatusOr<InjectResult> result = Inject(text, "pod.yaml", options);
  EXPECT_TRUE(result.ok()) << result.status();
  return result.ok() ? *std::move(result) : InjectResult();
}

std::string Error(std::string_view text) {
  return std::string(Inject(text, "pod.yaml", {}).status().message());
}

YamlNode Parsed(const std::string& yaml) {
  absl::StatusOr<YamlNode> node = ParseYaml(yaml, "result");
  EXPECT_TRUE(node.ok()) << node.status() << "\n" << yaml;
  return node.ok() ? *std::move(node) : YamlNode();
}

std::vector<std::string> Names(const YamlNode& list) {
  std::vector<std::string> names;
  for (const YamlNode& item : list.items) names.push_back(item.Find("name")->text);
  return names;
}

TEST(Inject, PutsTheSidecarBeforeTheAppsInitContainers) {
  const InjectResult result = MustInject(kPod);
  EXPECT_EQ(result.injected, 1);
  EXPECT_THAT(result.report, ElementsAre("pod/web: injected"));
  const YamlNode pod = Parsed(result.yaml);
  EXPECT_THAT(Names(*pod.Find("spec")->Find("initContainers")),
              ElementsAre("outrigger-proxy", "migrate"));
  EXPECT_THAT(Names(*pod.Find("spec")->Find("containers")), ElementsAre("app"));
  EXPECT_THAT(Names(*pod.Find("spec")->Find("volumes")),
              ElementsAre("outrigger-config", "outrigger-run"));
}

TEST(Inject, PutsTheSidecarAfterTheRedirectContainer) {
  std::string pod(kPod);
  pod.replace(pod.find("    - name: migrate"), 0,
              "    - name: outrigger-redirect\n      image: r:1\n");
  EXPECT_THAT(Names(*Parsed(MustInject(pod).yaml).Find("spec")->Find("initContainers")),
              ElementsAre("outrigger-redirect", "outrigger-proxy", "migrate"));
}

TEST(Inject, SecondRunChangesNothing) {
  const InjectResult first = MustInject(kPod);
  const InjectResult second = MustInject(first.yaml);
  EXPECT_EQ(second.yaml, first.yaml);
  EXPECT_EQ(second.injected, 0);
  EXPECT_THAT(second.report, ElementsAre("pod/web: skipped: it has outrigger-proxy already"));
}

TEST(Inject, FindsThePodOfEveryWorkload) {
  for (const char* kind : {"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job"}) {
    const std::string text =
        "kind: " + std::string(kind) +
        "\nmetadata: {name: w}\nspec: {template: {spec: {containers: [{name: a}"
        "]}}}\n";
    const InjectResult result = MustInject(text);
    EXPECT_EQ(result.injected, 1) << kind;
    const YamlNode object = Parsed(result.yaml);
    const YamlNode* pod = object.Find("spec")->Find("template");
    EXPECT_THAT(Names(*pod->Find("spec")->Find("initContainers")), ElementsAre("outrigger-proxy"));
    EXPECT_EQ(pod->Find("metadata")
                  ->Find("annotations")
                  ->Find("kubectl.kubernetes.io/default-container")
                  ->text,
              "a");
  }
}

TEST(Inject, FindsThePodOfACronJob) {
  const InjectResult result = MustInject(
      "kind: CronJob\nmetadata: {name: n}\n"
      "spec: {jobTemplate: {spec: {template: {spec: {containers: [{name: a}]}}}}}\n");
  EXPECT_THAT(result.report, ElementsAre("cronjob/n: injected"));
}

TEST(Inject, LooksIntoListsAndEveryDocument) {
  const InjectResult result = MustInject(
      "kind: List\nitems:\n"
      "- {kind: Pod, metadata: {name: a}, spec: {containers: [{name: x}]}}\n"
      "- {kind: Service, metadata: {name: s}}\n"
      "---\n"
      "---\n"
      "{\"kind\": \"Pod\", \"metadata\": {\"name\": \"b\"}, "
      "\"spec\": {\"containers\": [{\"name\": \"x\"}]}}\n"
      "---\n"
      "kind: ConfigMap\ndata: {a: \"1\"}\n");
  EXPECT_THAT(result.report, ElementsAre("pod/a: injected", "pod/b: injected"));
  const auto documents = ParseYamlDocuments(result.yaml, "result");
  ASSERT_TRUE(documents.ok());
  ASSERT_EQ(documents->size(), 3u);
  EXPECT_EQ((*documents)[2].Find("kind")->text, "ConfigMap");
}

TEST(Inject, FileWithoutPodsComesBackByteForByte) {
  constexpr std::string_view kText = "# a comment\nkind:   Service\nspec: {}\n";
  const InjectResult result = MustInject(kText);
  EXPECT_EQ(result.yaml, kText);
  EXPECT_TRUE(result.report.empty());
}

TEST(Inject, KeepsStringsStrings) {
  std::string pod(kPod);
  pod += "      args: [\"true\", \"8080\", 'no', \"\"]\n      command: [yes, 8080]\n";
  const YamlNode app = Parsed(MustInject(pod).yaml).Find("spec")->Find("containers")->items[0];
  for (const YamlNode& arg : app.Find("args")->items) EXPECT_TRUE(arg.quoted) << arg.text;
  for (const YamlNode& arg : app.Find("command")->items) EXPECT_FALSE(arg.quoted) << arg.text;
}

TEST(Inject, LabelOnThePodDecides) {
  EXPECT_THAT(MustInject(PodWith("  labels: {outrigger.dev/inject: disabled}\n")).report,
              ElementsAre("pod/web: skipped: its label outrigger.dev/inject is disabled"));
  EXPECT_EQ(MustInject(PodWith("  labels: {outrigger.dev/inject: enabled}\n")).injected, 1);
  EXPECT_EQ(
      Error(PodWith("  labels: {outrigger.dev/inject: \"true\"}\n")),
      "pod.yaml: pod/web: label outrigger.dev/inject: 'true' is neither enabled nor disabled");
  EXPECT_EQ(Error(PodWith("  labels: {outrigger.dev/inject: true}\n")),
            "pod.yaml: pod/web: label outrigger.dev/inject: must be a string: write \"true\" in "
            "quotes");
}

TEST(Inject, NamespaceOfTheFileCountsUnlessThePodSaysOtherwise) {
  constexpr std::string_view kNamespace =
      "\n---\nkind: Namespace\nmetadata: {name: quiet, labels: {outrigger.dev/inject: disabled}}\n";
  const std::string in_quiet = PodWith("  namespace: quiet\n").append(kNamespace);
  EXPECT_THAT(
      MustInject(in_quiet).report,
      ElementsAre("pod/web: skipped: its namespace's label outrigger.dev/inject is disabled"));
  EXPECT_EQ(MustInject(PodWith("  namespace: loud\n").append(kNamespace)).injected, 1);
  const std::string says_so =
      PodWith("  namespace: quiet\n  labels: {outrigger.dev/inject: enabled}\n").append(kNamespace);
  EXPECT_EQ(MustInject(says_so).injected, 1);
}

TEST(Inject, LeavesPodsAloneThatCannotHaveASidecar) {
  EXPECT_THAT(MustInject(PodWith("", "  hostNetwork: true\n")).report,
              ElementsAre("pod/web: skipped: it is on the host's network"));
  EXPECT_EQ(MustInject(PodWith("", "  hostNetwork: false\n")).injected, 1);
  EXPECT_THAT(MustInject(PodWith("", "  os: {name: windows}\n")).report,
              ElementsAre("pod/web: skipped: it is for Windows"));
  EXPECT_THAT(MustInject("kind: Pod\nmetadata: {name: e}\nspec: {containers: []}\n").report,
              ElementsAre("pod/e: skipped: it has no containers"));
}

TEST(Inject, BadAnnotationDeniesTheWholeFile) {
  const std::string text = std::string(kPod) + "---\n" +
                           PodWith("  annotations: {outrigger.dev/proxy-cpu-limit: fast}\n");
  EXPECT_THAT(Error(text), HasSubstr("pod/web: annotation outrigger.dev/proxy-cpu-limit: 'fast'"));
}

TEST(Inject, AnnotationOnTheWorkloadItselfIsPointedOut) {
  const InjectResult result = MustInject(
      "kind: Deployment\nmetadata: {name: w, annotations: {outrigger.dev/tenant: gold}}\n"
      "spec: {template: {spec: {containers: [{name: a}]}}}\n");
  EXPECT_THAT(result.report,
              ElementsAre("deployment/w: warning: outrigger.dev/tenant has no effect here; put it "
                          "on the pod template",
                          "deployment/w: injected"));
}

TEST(Inject, ClashingPortOrVolumeIsRefused) {
  EXPECT_EQ(Error(PodWith("", "      ports: [{containerPort: 15006}]\n")),
            "pod.yaml: pod/web: container app: port 15006 is one of the proxy's; give the app "
            "another");
  EXPECT_EQ(Error(PodWith("", "  volumes: [{name: outrigger-run, emptyDir: {}}]\n")),
            "pod.yaml: pod/web: volume outrigger-run: the proxy needs this name; rename the pod's "
            "volume");
}

TEST(Inject, KeepsTheAnnotationsThatTheAppSet) {
  const InjectOptions with_metrics{.metrics_port = 15090};
  const std::string pod = PodWith(
      "  annotations: {prometheus.io/scrape: \"false\", "
      "kubectl.kubernetes.io/default-container: other}\n");
  const YamlNode kept = *Parsed(MustInject(pod, with_metrics).yaml).Find("metadata");
  EXPECT_EQ(kept.Find("annotations")->Find("prometheus.io/scrape")->text, "false");
  EXPECT_EQ(kept.Find("annotations")->Find("prometheus.io/port"), nullptr);
  EXPECT_EQ(kept.Find("annotations")->Find("kubectl.kubernetes.io/default-container")->text,
            "other");
}

TEST(Inject, AnnotatesForPrometheusOnlyWhereMetricsAreServed) {
  const YamlNode without = Parsed(MustInject(kPod).yaml);
  EXPECT_EQ(without.Find("metadata")->Find("annotations")->Find("prometheus.io/scrape"), nullptr);
  const YamlNode with = Parsed(MustInject(kPod, {.metrics_port = 15090}).yaml);
  const YamlNode* port = with.Find("metadata")->Find("annotations")->Find("prometheus.io/port");
  ASSERT_NE(port, nullptr);
  EXPECT_EQ(port->text, "15090");
  EXPECT_TRUE(port->quoted);
}

TEST(Inject, MalformedFilesAreErrorsWithAPlace) {
  EXPECT_THAT(Error("kind: [Pod\n"), HasSubstr("pod.yaml:"));
  EXPECT_EQ(Error("kind: Pod\nmetadata: {name: p}\n"),
            "pod.yaml: pod/p: the pod's spec is missing");
  EXPECT_EQ(Error("kind: Deployment\nmetadata: {name: d}\nspec: {}\n"),
            "pod.yaml: deployment/d: spec.template is missing");
  EXPECT_EQ(Error("kind: Pod\nmetadata: {name: p}\nspec: {containers: {a: b}}\n"),
            "pod.yaml: pod/p: containers must be a list");
  EXPECT_EQ(Error("kind: Pod\nmetadata: {name: p}\nspec:\n  containers: [{name: a}]\n"
                  "  initContainers: none\n"),
            "pod.yaml: pod/p: line 5: initContainers must be a list");
  EXPECT_TRUE(Inject("", "pod.yaml", {}).ok());
  EXPECT_TRUE(Inject("just text", "pod.yaml", {}).ok());
}

}  // namespace
}  // namespace outrigger::control
