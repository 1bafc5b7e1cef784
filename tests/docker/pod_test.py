"""The demo pod without a cluster: the echo app and the sidecar with the base's configuration, in a
network namespace of their own, asked as the kubelet and another pod would ask.

Usage: pod_test.py OUTRIGGER
"""

import fcntl
import os
import pathlib
import signal
import socket
import struct
import subprocess
import sys
import tempfile

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.support.run_pytest import run_pytest

OUTRIGGER = os.path.abspath(sys.argv[1])
IN_NAMESPACE = "OUTRIGGER_TEST_IN_NAMESPACE"
SIOCSIFFLAGS, IFF_UP = 0x8914, 1
START_S = 20
STOP_S = 20

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="makes a network namespace: needs root")


def raise_loopback():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", IFF_UP))


@pytest.fixture(scope="module")
def pod():
    """The sidecar's process, once the start-up probe was answered."""
    # Not bazel's folder: the path of a Unix socket has 108 bytes at most.
    with tempfile.TemporaryDirectory(prefix="pod") as folder:
        yield from started(pathlib.Path(folder))


def started(folder):
    config = pathlib.Path("docker/kubernetes/base/outrigger.yaml").read_text(encoding="utf-8")
    (folder / "outrigger.yaml").write_text(config.replace("/var/run/outrigger", str(folder)))
    processes = []
    try:
        for args in (["echo", "--listen", "0.0.0.0:8080"], ["run", "-c", folder / "outrigger.yaml"]):
            processes.append(subprocess.Popen([OUTRIGGER, *args]))
        assert probe(wait=True) == health_pb2.HealthCheckResponse.SERVING
        yield processes[1]
    finally:
        for process in processes:
            process.kill()
            process.wait()


def probe(wait=False):
    """The kubelet's gRPC probe."""
    with grpc.insecure_channel("127.0.0.1:15021") as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        return stub.Check(health_pb2.HealthCheckRequest(), timeout=START_S, wait_for_ready=wait).status


def curl(*args):
    run = subprocess.run(["curl", "--silent", "--show-error", "--max-time", "10",
                          "--http2-prior-knowledge", "--write-out", "\n%{http_code}", *args],
                         capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return run.stdout.rsplit("\n", 1)


def test_another_pod_reaches_the_app_through_the_sidecar(pod):
    body, status = curl("http://127.0.0.1:15006/hello", "--data", "from another pod")
    assert status == "200"
    assert "from another pod" in body


def test_the_health_port_leads_nowhere_else(pod):
    for path in ("/", "/outrigger.control.v1.Control/Drain", "/quitquitquit"):
        _, status = curl(f"http://127.0.0.1:15021{path}")
        assert status == "404", path


def test_the_app_is_told_of_a_host_that_the_sidecar_does_not_know(pod):
    _, status = curl("http://127.0.0.1:15001/", "-H", "Host: nowhere")
    assert status == "404"


def test_ends_by_itself_on_sigterm(pod):
    assert probe() == health_pb2.HealthCheckResponse.SERVING
    pod.send_signal(signal.SIGTERM)
    assert pod.wait(timeout=STOP_S) == 0


if __name__ == "__main__":
    if os.geteuid() == 0 and IN_NAMESPACE not in os.environ:
        # The configuration's ports are fixed: here they are nobody else's.
        os.environ[IN_NAMESPACE] = "1"
        os.execvp("unshare", ["unshare", "--net", sys.executable, *sys.argv])
    if os.geteuid() == 0:
        raise_loopback()
    sys.exit(run_pytest(__file__))
