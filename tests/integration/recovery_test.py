"""The upstream dies under load and comes back: no request hangs, each that fails is answered, and the
first success follows the upstream's return within a second."""

import contextlib
import signal
import sys
import threading
import time

import pytest

from tests.support import h2_peer, sidecar
from tests.support.run_pytest import run_pytest
from tests.support.sidecar import BINARY, all_to, cluster, config

CLIENTS = 8


class Load:
    """Clients that ask on and on, one request after the other, each on one connection."""

    def __init__(self, port):
        self.port = port
        self.stopping = threading.Event()
        self.answers = []  # (when it came, status or how it ended), in any order
        self.failure = None
        self.threads = [threading.Thread(target=self._run, daemon=True) for _ in range(CLIENTS)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join(sidecar.LIMIT_S)

    def _run(self):
        try:
            with h2_peer.Client(self.port) as client:
                while not self.stopping.is_set():
                    answer = client.request("/?plain=1")
                    told = answer.status if answer.end == "complete" else answer.end
                    self.answers.append((time.monotonic(), told))
        except Exception as error:  # told by the test's own thread
            self.failure = error

    def count(self, status, since=0.0):
        return sum(1 for when, told in list(self.answers) if told == status and when >= since)

    def wait_for(self, status, least, since=0.0):
        sidecar.wait_for(lambda: self.failure or self.count(status, since) >= least,
                         f"{least} answers {status}")
        assert self.failure is None


def restart(port):
    process = sidecar.Process([BINARY, "echo", "--listen", f"127.0.0.1:{port}"])
    sidecar.wait_for(lambda: sidecar.listens(port), "echo listens")
    return process


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM], ids=str)
def test_recovers_when_the_upstream_is_restarted(tmp_path, how):
    upstream, port = sidecar.echo(BINARY)
    make = lambda own, admin, log: config(own, admin, all_to("echo"), [cluster("echo", port)])
    with contextlib.ExitStack() as processes:
        processes.enter_context(upstream)
        proxy = processes.enter_context(sidecar.outrigger(BINARY, tmp_path, make))
        load = processes.enter_context(Load(proxy.port))
        for _ in range(5):
            load.wait_for(200, CLIENTS * 10, since=time.monotonic())
            killed = time.monotonic()
            upstream.end(how)
            load.wait_for(503, CLIENTS, since=killed)
            upstream = processes.enter_context(restart(port))
            back = time.monotonic()
            load.wait_for(200, CLIENTS, since=back)
            first = min(when for when, told in list(load.answers) if told == 200 and when >= back)
            assert first - back < 1
        load.stopping.set()
        for thread in load.threads:
            thread.join(sidecar.LIMIT_S)
            assert not thread.is_alive(), "a request hangs"
        assert load.failure is None
    told = {answer for _, answer in load.answers}
    assert told <= {200, 503}, told


if __name__ == "__main__":
    sys.exit(run_pytest(__file__))
