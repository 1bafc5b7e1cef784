"""Figures that a user feels at rest: memory, size, start, idle. Speed is ./dev bench's."""

import pathlib
import statistics
import subprocess
import sys
import time

import pytest

from tests.support import sidecar
from tests.support.run_pytest import run_pytest
from tests.support.sidecar import BINARY, all_to, cluster, config


@pytest.fixture
def start(tmp_path):
    def make(port, admin, log):
        return config(port, admin, all_to("echo"), [cluster("echo", 1)], log=log)
    return lambda: sidecar.outrigger(BINARY, tmp_path, make)


def figures(pid):
    """(CPU nanoseconds, times it went to sleep) of all threads."""
    tasks = list(pathlib.Path(f"/proc/{pid}/task").iterdir())
    spent = sum(int((task / "schedstat").read_text().split()[0]) for task in tasks)
    slept = sum(int(line.split()[1]) for task in tasks
                for line in (task / "status").read_text().splitlines()
                if line.startswith("voluntary_ctxt_switches"))
    return spent, slept


def resident_kb(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return next(int(l.split()[1]) for l in status.splitlines() if l.startswith("VmRSS"))


def test_an_idle_sidecar_takes_12_mb_at_most(start):
    with start() as process:
        resident = resident_kb(process.child.pid)
        assert resident <= 12 * 1024, f"{resident} kB"


def test_a_cluster_takes_4_kb_at_most(tmp_path):
    def with_clusters(count):
        def make(port, admin, log):
            clusters = [cluster(f"outbound|80||service-{i}.default.svc.cluster.local", 10000 + i)
                        for i in range(count)]
            return config(port, admin, all_to(clusters[0]["name"]), clusters)
        return sidecar.outrigger(BINARY, tmp_path, make)

    with with_clusters(1) as process:
        few = resident_kb(process.child.pid)
    with with_clusters(5001) as process:
        many = resident_kb(process.child.pid)
    assert (many - few) / 5000 <= 4, f"{few} kB, {many} kB"


def test_the_stripped_binary_takes_20_mb_at_most(tmp_path):
    subprocess.run(["strip", "-o", tmp_path / "stripped", BINARY], check=True)
    assert (tmp_path / "stripped").stat().st_size <= 20 << 20


def test_it_is_ready_within_200_ms(start):
    times = []
    for _ in range(5):
        begin = time.monotonic()
        with start():
            times.append(time.monotonic() - begin)
    assert statistics.median(times) < 0.2, times


def test_an_idle_sidecar_does_not_wake(start):
    with start() as process:
        pid = process.child.pid
        # Falls asleep for good: no switch within a second.
        def asleep():
            before = figures(pid)[1]
            time.sleep(1)  # house: what is measured is time without work
            return figures(pid)[1] == before
        sidecar.wait_for(asleep, "no wake-up in a second")
        spent = figures(pid)[0]
        time.sleep(3)  # house: as above
        assert figures(pid)[0] - spent < 3e9 * 0.001


if __name__ == "__main__":
    sys.exit(run_pytest(__file__))
