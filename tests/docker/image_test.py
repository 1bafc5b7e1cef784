"""The image: buildah makes its run stage on a base laid out from this machine's own files, and the
binary in it runs as 1337, without capabilities, on a read-only root.

Usage: image_test.py OUTRIGGER
"""

import json
import os
import pathlib
import shutil
import stat
import subprocess
import sys

import pytest

from tests.support.run_pytest import run_pytest

OUTRIGGER = os.path.abspath(sys.argv[1])
CONTAINED = os.path.abspath("tests/docker/contained.py")
SIZE_LIMIT = 40 << 20  # bytes; the binary's own limit is 20 MB

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="builds a root file system: needs root")


def loaded_by(binary):
    """The shared objects that a binary loads, loader included."""
    out = subprocess.run(["ldd", binary], capture_output=True, text=True, check=True).stdout
    return [word for word in out.split() if word.startswith("/")]


def lay_out_base(root):
    """What docker/collect needs, and what the binary loads: a stand-in for debian:12-slim."""
    tools = [shutil.which(name) for name in ("bash", "ldd", "install")]
    files = {*tools, "/etc/ssl/certs/ca-certificates.crt"}
    for binary in (OUTRIGGER, shutil.which("bash"), shutil.which("install")):
        files.update(loaded_by(binary))
    for file in filter(os.path.exists, files):
        target = root / file.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file, target)
    for link in ("bin", "usr/bin"):
        (root / link).mkdir(parents=True, exist_ok=True)
    for place in ("bin/sh", "bin/bash"):
        if not (root / place).exists():
            shutil.copy2(shutil.which("bash"), root / place)
    (root / "tmp").mkdir()


class Buildah:
    """Buildah with a storage of its own, gone with the test's folder."""

    def __init__(self, folder):
        self.command = ["buildah", "--root", folder / "storage", "--runroot", folder / "run",
                        "--storage-driver", "vfs"]

    def __call__(self, *args):
        run = subprocess.run([*self.command, *args], capture_output=True, text=True)
        assert run.returncode == 0, f"buildah {args}: {run.stdout}{run.stderr}"
        return run.stdout.strip()


@pytest.fixture(scope="module")
def buildah(tmp_path_factory):
    return Buildah(tmp_path_factory.mktemp("buildah"))


@pytest.fixture(scope="module")
def image(buildah, tmp_path_factory):
    base = tmp_path_factory.mktemp("base")
    lay_out_base(base)
    container = buildah("from", "scratch")
    buildah("copy", "--quiet", container, base, "/")
    buildah("commit", "--quiet", container, "localhost/base:test")
    buildah("rm", container)

    context = tmp_path_factory.mktemp("context")
    shutil.copytree("docker", context / "docker", symlinks=False)
    shutil.copy2(OUTRIGGER, context / "outrigger")
    buildah("build", "--isolation", "chroot", "--build-arg", "BASE=localhost/base:test",
            "--build-arg", "BINARY=outrigger", "--target", "run", "--tag", "localhost/outrigger:test",
            "--file", context / "docker/Dockerfile", context)
    return "localhost/outrigger:test"


@pytest.fixture(scope="module")
def container(buildah, image):
    return buildah("from", image)


@pytest.fixture(scope="module")
def root(buildah, container):
    return pathlib.Path(buildah("mount", container))


def run_contained(root, *args, mounts=()):
    flags = [word for source, target in mounts for word in ("--mount", f"{source}:{target}")]
    return subprocess.run(
        ["unshare", "--mount", "--net", sys.executable, CONTAINED, root, "1337", *flags,
         "/usr/local/bin/outrigger", *args],
        capture_output=True, text=True, timeout=60)


def test_says_who_runs_what(buildah, image):
    config = json.loads(buildah("inspect", "--type", "image", image))["OCIv1"]["config"]
    assert config["User"] == "1337:1337"
    assert config["Entrypoint"] == ["/usr/local/bin/outrigger"]
    assert config["Cmd"] == ["run", "-c", "/etc/outrigger/outrigger.yaml"]
    assert config["Labels"]["org.opencontainers.image.version"]
    assert "Healthcheck" not in config


def test_has_what_the_binary_needs_and_no_more(root):
    files = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
    wanted = {library.lstrip("/") for library in loaded_by(OUTRIGGER)}
    wanted |= {"usr/local/bin/outrigger", "etc/passwd", "etc/group"}
    assert wanted <= files
    assert files - wanted <= {"etc/ssl/certs/ca-certificates.crt"}
    assert sum(path.stat().st_size for path in root.rglob("*") if path.is_file()) < SIZE_LIMIT


def test_has_no_file_that_raises_or_hands_out_privileges(root):
    for path in root.rglob("*"):
        mode = path.lstat().st_mode
        assert not mode & (stat.S_ISUID | stat.S_ISGID), path
        assert not mode & stat.S_IWOTH or path.is_symlink(), path
        assert path.lstat().st_uid == (1337 if path.name == "outrigger" and path.is_dir()
                                       and path.parent.name == "run" else 0), path


def test_buildah_runs_it_without_capabilities(buildah, container):
    out = buildah("run", "--isolation", "chroot", "--cap-drop", "ALL", container, "--",
                  "/usr/local/bin/outrigger", "version")
    assert "outrigger" in out


def test_runs_confined(root):
    run = run_contained(root, "version")
    assert run.returncode == 0, run.stderr
    assert "outrigger" in run.stdout


def test_validates_the_kubernetes_configuration_confined(root, tmp_path):
    shutil.copy("docker/kubernetes/base/outrigger.yaml", tmp_path)
    tmp_path.chmod(0o755)
    run = run_contained(root, "validate", "-c", "/etc/outrigger/outrigger.yaml",
                        mounts=[(tmp_path, "/etc/outrigger")])
    assert run.returncode == 0, run.stdout + run.stderr


def test_a_missing_configuration_is_the_contracted_error(root):
    run = run_contained(root, "validate", "-c", "/etc/outrigger/absent.yaml")
    assert run.returncode == 3, run.stdout + run.stderr


if __name__ == "__main__":
    sys.exit(run_pytest(__file__))
