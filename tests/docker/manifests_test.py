"""docker/kubernetes renders, is what API servers know, is admitted by the restricted profile, and
has the sidecar that `outrigger inject` makes.

Usage: manifests_test.py OUTRIGGER
"""

import copy
import os
import subprocess
import sys

import kubernetes_validate
import pytest
import yaml

from tests.docker import manifests
from tests.docker.pod_security import violations
from tests.support.run_pytest import run_pytest

FOLDERS = ["base", "overlays/demo"]
INJECT = [os.path.abspath(sys.argv[1]), "inject"]

RESTRICTED_APP = {
    "name": "app",
    "image": "app:1",
    "securityContext": {
        "runAsNonRoot": True,
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    },
}
SIDECAR_VOLUMES = ("outrigger-config", "outrigger-run")


def workload(kind, pod):
    """A workload of this kind around a pod, as little as the API server accepts."""
    metadata = {"name": "w"}
    labelled = {"metadata": {"labels": {"app": "w"}}, **pod}
    selector = {"matchLabels": {"app": "w"}}
    api, spec = {
        "Pod": ("v1", None),
        "Deployment": ("apps/v1", {"selector": selector, "template": labelled}),
        "StatefulSet": ("apps/v1", {"selector": selector, "serviceName": "w", "template": labelled}),
        "DaemonSet": ("apps/v1", {"selector": selector, "template": labelled}),
        "ReplicaSet": ("apps/v1", {"selector": selector, "template": labelled}),
        "Job": ("batch/v1", {"template": labelled}),
        "CronJob": ("batch/v1", {"schedule": "@daily", "jobTemplate": {"spec": {"template": labelled}}}),
    }[kind]
    body = pod if kind == "Pod" else {"spec": spec}
    return {"apiVersion": api, "kind": kind, **body, "metadata": {**metadata, **body.get("metadata", {})}}


def inject(documents, tmp_path):
    path = tmp_path / "in.yaml"
    path.write_text(yaml.safe_dump_all(documents, sort_keys=False))
    run = subprocess.run([*INJECT, "-f", path], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return list(yaml.safe_load_all(run.stdout))


def find(documents, kind):
    return next(document for document in documents if document["kind"] == kind)


@pytest.fixture(params=FOLDERS)
def rendered(request):
    return manifests.kustomize(request.param)


def test_is_what_the_api_server_knows(rendered):
    assert len(rendered) >= 6
    for an_object in rendered:
        manifests.check_schema(an_object)


def test_schema_check_sees_an_unknown_field():
    deployment = find(manifests.kustomize(FOLDERS[0]), "Deployment")
    deployment["spec"]["template"]["spec"]["initContainers"][0]["restartPolice"] = "Always"
    with pytest.raises(kubernetes_validate.ValidationError):
        manifests.check_schema(deployment)


def test_restricted_profile_admits_every_pod(rendered):
    pods = [pod for pod in map(manifests.pod_of, rendered) if pod]
    assert pods
    for pod in pods:
        assert violations(pod["spec"]) == []


def test_names_point_at_what_is_there(rendered):
    pod = manifests.pod_of(find(rendered, "Deployment"))
    labels = pod["metadata"]["labels"].items()
    assert find(rendered, "Deployment")["spec"]["selector"]["matchLabels"].items() <= labels
    assert find(rendered, "Service")["spec"]["selector"].items() <= labels
    assert find(rendered, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"].items() <= labels
    assert find(rendered, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"].items() <= labels
    volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
    config_map = find(rendered, "ConfigMap")
    assert volumes["outrigger-config"]["configMap"]["name"] == config_map["metadata"]["name"]
    assert pod["spec"]["serviceAccountName"] == find(rendered, "ServiceAccount")["metadata"]["name"]
    ports = [port["name"] for container in pod["spec"]["initContainers"] + pod["spec"]["containers"]
             for port in container["ports"]]
    assert len(ports) == len(set(ports))
    assert find(rendered, "Service")["spec"]["ports"][0]["targetPort"] in ports


def test_labels_are_the_recommended_ones_and_stay_out_of_selectors(rendered):
    for an_object in rendered:
        assert an_object["metadata"]["labels"]["app.kubernetes.io/part-of"] == "outrigger"
    selector = find(rendered, "Deployment")["spec"]["selector"]["matchLabels"]
    assert list(selector) == ["app.kubernetes.io/name"]


def test_images_have_a_tag_that_stays(rendered):
    spec = manifests.pod_of(find(rendered, "Deployment"))["spec"]
    for container in spec["initContainers"] + spec["containers"]:
        name, _, tag = container["image"].partition(":")
        assert name and tag and tag != "latest"


def test_the_real_envoy_accepts_the_configuration(rendered, tmp_path):
    config = yaml.safe_load(find(rendered, "ConfigMap")["data"]["outrigger.yaml"])
    del config["outrigger"]  # the one block that is ours
    path = tmp_path / "envoy.yaml"
    path.write_text(yaml.safe_dump(config))
    envoy = os.path.join(os.path.dirname(sys.executable), "envoy")
    run = subprocess.run([envoy, "--mode", "validate", "-c", path], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


def test_the_overlay_puts_everything_into_its_namespace():
    for an_object in manifests.kustomize(FOLDERS[1]):
        if an_object["kind"] == "Namespace":
            assert an_object["metadata"]["name"] == "outrigger-demo"
        else:
            assert an_object["metadata"]["namespace"] == "outrigger-demo"


def test_the_sidecar_of_the_base_is_the_injectors(tmp_path):
    with open("docker/kubernetes/base/deployment.yaml", encoding="utf-8") as file:
        written = yaml.safe_load(file)
    bare = copy.deepcopy(written)
    pod = manifests.pod_of(bare)
    del pod["spec"]["initContainers"]
    pod["spec"]["volumes"] = [volume for volume in pod["spec"]["volumes"]
                              if volume["name"] not in SIDECAR_VOLUMES]
    del pod["metadata"]["annotations"]["kubectl.kubernetes.io/default-container"]
    assert inject([bare], tmp_path) == [written]


@pytest.mark.parametrize("kind", manifests.TEMPLATE_PATHS)
def test_an_injected_workload_is_known_and_admitted(kind, tmp_path):
    pod = {"spec": {"containers": [RESTRICTED_APP]}}
    if kind in ("Job", "CronJob"):
        pod["spec"]["restartPolicy"] = "Never"
    bare = workload(kind, pod)
    manifests.check_schema(bare)
    [injected] = inject([bare], tmp_path)
    manifests.check_schema(injected)
    spec = manifests.pod_of(injected)["spec"]
    assert spec["initContainers"][0]["name"] == "outrigger-proxy"
    assert spec["initContainers"][0]["restartPolicy"] == "Always"
    assert violations(spec) == []
    assert inject([injected], tmp_path) == [injected]


def test_four_annotations_keep_a_pod_guaranteed(tmp_path):
    amounts = {"cpu": "1", "memory": "128Mi"}
    app = {**RESTRICTED_APP, "resources": {"requests": amounts, "limits": amounts}}
    annotations = {f"outrigger.dev/proxy-{what}-{bound}": amounts[what]
                   for what in amounts for bound in ("request", "limit")}
    [pod] = inject([workload("Pod", {"metadata": {"annotations": annotations},
                                     "spec": {"containers": [app]}})], tmp_path)
    for container in pod["spec"]["initContainers"] + pod["spec"]["containers"]:
        assert container["resources"]["requests"] == container["resources"]["limits"] == amounts


def test_a_bad_annotation_denies_the_pod(tmp_path):
    path = tmp_path / "in.yaml"
    path.write_text(yaml.safe_dump(workload("Pod", {
        "metadata": {"annotations": {"outrigger.dev/proxy-cpu-limit": "fast"}},
        "spec": {"containers": [RESTRICTED_APP]}})))
    run = subprocess.run([*INJECT, "-f", path], capture_output=True, text=True)
    assert run.returncode == 1
    assert run.stdout == ""
    assert "outrigger.dev/proxy-cpu-limit: 'fast': not a quantity" in run.stderr


def test_the_input_may_come_on_stdin():
    pod = yaml.safe_dump(workload("Pod", {"spec": {"containers": [RESTRICTED_APP]}}))
    run = subprocess.run([*INJECT, "-f", "-"], input=pod, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert "outrigger-proxy" in run.stdout
    assert "pod/w: injected" in run.stderr


if __name__ == "__main__":
    sys.exit(run_pytest(__file__))
