"""h2spec's whole list (RFC 7540 and 7541, strict), against the real binary."""

import os
import pathlib
import pwd
import shutil
import subprocess
import sys

import pytest

from tests.support import sidecar
from tests.support.run_pytest import run_pytest
from tests.support.sidecar import BINARY, all_to, cluster, config

HERE = pathlib.Path(__file__).parent


@pytest.fixture(scope="module")
def h2spec(tmp_path_factory):
    """Built by the Go that is there, from the module that go.mod pins."""
    go = shutil.which("go") or shutil.which("go", path="/usr/lib/go/bin:/usr/local/go/bin")
    assert go, "no Go: docker/setup test installs it"
    folder = tmp_path_factory.mktemp("h2spec")
    for name in ("go.mod", "go.sum"):
        shutil.copy(HERE / name, folder)
    home = pwd.getpwuid(os.getuid()).pw_dir
    built = subprocess.run(
        [go, "build", "-o", folder / "h2spec", "github.com/summerwind/h2spec/cmd/h2spec"],
        cwd=folder, capture_output=True, text=True, timeout=240,
        env={**os.environ, "HOME": home, "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly"})
    assert built.returncode == 0, f"h2spec cannot be fetched or built:\n{built.stderr}"
    return folder / "h2spec"


def test_h2spec_passes_whole(h2spec, tmp_path):
    upstream, upstream_port = sidecar.echo(BINARY)

    def make(port, admin, log):
        return config(port, admin, all_to("echo"), [cluster("echo", upstream_port)],
                      codec_type="HTTP2")
    with upstream, sidecar.outrigger(BINARY, tmp_path, make) as process:
        # A response with a body: h2spec looks for DATA frames.
        out = subprocess.run(
            [h2spec, "-S", "-h", "127.0.0.1", "-p", str(process.port), "-o", "5",
             "-P", "/?body_bytes=128"],
            capture_output=True, text=True, timeout=200).stdout
        assert "146 tests, 146 passed, 0 skipped, 0 failed" in out, out[out.find("Failures:"):]
        assert process.child.poll() is None
        assert sidecar.curl(process.port).status == 200


if __name__ == "__main__":
    sys.exit(run_pytest(__file__))
