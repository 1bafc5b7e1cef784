"""The process from outside: its threads and CPUs, what it refuses, the admin, the control API."""

import os
import re
import signal
import socket
import subprocess
import sys

import grpc
import pytest
import yaml
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.support import sidecar
from tests.support.run_pytest import run_pytest
from tests.support.sidecar import BINARY, all_to, cluster, config, curl, loads, threads, wait_for


@pytest.fixture(scope="module")
def upstream():
    process, port = sidecar.echo(BINARY)
    with process:
        yield port


def simple(upstream):
    return lambda port, admin, log: config(port, admin, all_to("echo"), [cluster("echo", upstream)],
                                           log=log)


def cpus(text):
    found = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        found |= set(range(int(first), int(last or first) + 1))
    return found


def test_control_and_data_share_no_cpu(upstream, tmp_path):
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("one CPU: nothing to split")
    with sidecar.outrigger(BINARY, tmp_path, simple(upstream)) as process:
        found = threads(process.child.pid)
    control = [cpus(c) for name, c in found.items() if name.startswith("control:")]
    data = [cpus(c) for name, c in found.items() if name.startswith("data:")]
    assert control and data and all(len(one) == 1 for one in data)
    assert not set.union(*control) & set.union(*data)
    assert cpus(found["sysmon"]) == set.union(*control)
    assert "main" in found


def test_more_workers_than_data_cpus_stack(upstream, tmp_path):
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < 2:
        pytest.skip("one CPU: nothing to split")
    two = f"{allowed[0]},{allowed[1]}"
    with sidecar.outrigger(BINARY, tmp_path, simple(upstream),
                           ["--concurrency", "2", "--cpus", two]) as process:
        found = threads(process.child.pid)
        assert found["data:0"] == found["data:1"]
        assert not cpus(found["data:0"]) & cpus(found["control:0"])
        assert loads(process.admin("/cpu")[1])["warnings"]


def test_one_cpu_is_shared_and_said_so(upstream, tmp_path):
    one = str(min(os.sched_getaffinity(0)))
    with sidecar.outrigger(BINARY, tmp_path, simple(upstream), ["--cpus", one]) as process:
        found = threads(process.child.pid)
        assert found["data:0"] == found["control:0"] == one
        assert loads(process.admin("/cpu")[1])["shared"] is True
        assert curl(process.port).status == 200


def refused(folder, content, *flags):
    path = folder / "bad.yaml"
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    done = subprocess.run([BINARY, "run", "-c", path, "-l", "error", *flags], capture_output=True,
                          text=True, timeout=sidecar.LIMIT_S)
    return done.returncode, done.stderr


def test_bad_input_is_named_in_one_line(tmp_path):
    good = config(sidecar.free_port(), sidecar.free_port(), all_to("echo"), [cluster("echo", 1)])
    code, said = refused(tmp_path, "static_resources: [")
    assert (code, said.count("\n")) == (1, 1) and "bad.yaml:" in said
    wrong = yaml.safe_load(yaml.safe_dump(good))
    wrong["static_resources"]["listeners"][0]["filter_chainsx"] = []
    code, said = refused(tmp_path, wrong)
    assert code == 1 and "static_resources.listeners[0].filter_chainsx" in said
    wrong = yaml.safe_load(yaml.safe_dump(good))
    wrong["static_resources"]["clusters"] = []
    code, said = refused(tmp_path, wrong)
    assert code == 1 and "echo" in said and "unknown cluster" in said
    code, said = refused(tmp_path, good, "--cpus", "0-")
    assert code == 2 and "--cpus" in said and '"0-"' in said
    code, said = refused(tmp_path, good, "--concurrency", "many")
    assert code == 2 and "concurrency" in said
    done = subprocess.run([BINARY, "run", "-c", "/nowhere.yaml"], capture_output=True, text=True,
                          timeout=sidecar.LIMIT_S)
    assert done.returncode == 3 and "/nowhere.yaml" in done.stderr


def test_schedtrace_prints_gos_lines(upstream, tmp_path):
    path = tmp_path / "stderr"
    debug = {**os.environ, "OUTRIGGER_DEBUG": "schedtrace=20,scheddetail=1"}
    with path.open("w") as stderr, sidecar.outrigger(BINARY, tmp_path, simple(upstream),
                                                     stderr=stderr, env=debug):
        line = (r"^SCHED \d+ms: gomaxprocs=\d+ idleprocs=\d+ threads=\d+ spinningthreads=\d+ "
                r"needspinning=0 idlethreads=\d+ runqueue=\d+ \[ (\d+ )+\] "
                r"schedticks=\[ (\d+ )+\] pool=(control|data)$")
        wait_for(lambda: len(re.findall(line, path.read_text(), re.M)) >= 4, "two rounds of lines")
        assert re.search(r"^  G0x[0-9a-f]+: status=4\(read\) name=http accept$", path.read_text(),
                         re.M)
    good = tmp_path / "good.yaml"
    good.write_text(yaml.safe_dump(simple(1)(sidecar.free_port(), sidecar.free_port(), None)))
    done = subprocess.run([BINARY, "run", "-c", good], capture_output=True, text=True,
                          timeout=sidecar.LIMIT_S, env={**os.environ, "OUTRIGGER_DEBUG": "trace=1"})
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "OUTRIGGER_DEBUG: trace: unknown key" in done.stderr


def test_sigquit_prints_the_coroutines_and_changes_nothing(upstream, tmp_path):
    path = tmp_path / "stderr"
    with path.open("w") as stderr, sidecar.outrigger(BINARY, tmp_path, simple(upstream),
                                                     stderr=stderr) as process:
        process.child.send_signal(signal.SIGQUIT)
        wait_for(lambda: "\npool data: " in path.read_text(), "the dump")
        assert re.search(r"^coroutine http accept \S+ \[read\]:\n\t.*Accept", path.read_text(), re.M)
        assert process.admin("/ready")[0] == 200


def test_a_port_in_use_is_three(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, said = refused(tmp_path, config(port, sidecar.free_port(), all_to("echo"),
                                              [cluster("echo", 1)]))
        assert code == 3 and f"127.0.0.1:{port}" in said and "in use" in said
        code, said = refused(tmp_path, config(sidecar.free_port(), port, all_to("echo"),
                                              [cluster("echo", 1)]))
        assert code == 3 and f"127.0.0.1:{port}" in said


def test_validate_says_ok_or_where(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text(yaml.safe_dump(config(1, 2, all_to("echo"), [cluster("echo", 1)])))
    assert subprocess.run([BINARY, "validate", "-c", path], timeout=20).returncode == 0
    path.write_text("static_resources: {clusters: [{name: a, type: 3.5}]}")
    done = subprocess.run([BINARY, "validate", "-c", path], capture_output=True, text=True, timeout=20)
    assert done.returncode == 1 and "static_resources.clusters[0].type" in done.stderr


def test_a_sweep_prints_a_row_for_each_number_of_procs():
    command = [BINARY, "sweep", "--article", "--procs", "1,4", "--tasks", "40", "--work", "50000"]
    text = subprocess.run(command, capture_output=True, text=True, timeout=sidecar.LIMIT_S, check=True)
    rows = re.findall(r"^1 +(default|article) +(\d+) ", text.stdout, re.M)
    assert rows == [("default", "1"), ("default", "4"), ("article", "1"), ("article", "4")]
    done = subprocess.run([*command, "--json"], capture_output=True, text=True,
                          timeout=sidecar.LIMIT_S, check=True)
    found = loads(done.stdout)
    assert (found["tasks"], found["work"], found["cpus"]) == (40, 50000, len(os.sched_getaffinity(0)))
    assert [(run["rules"], run["slice_ms"], run["procs"]) for run in found["runs"]] == [
        ("default", 10, 1), ("default", 10, 4), ("article", 20, 1), ("article", 20, 4)]
    assert all(run["total_ms"] > 0 for run in found["runs"])
    assert [run["published"]["delay_p95_ms"] for run in found["runs"]] == [12.4, 8.7, 12.4, 8.7]
    assert text.stderr == done.stderr == ""


def test_admin_pages_answer(upstream, tmp_path):
    with sidecar.outrigger(BINARY, tmp_path, simple(upstream)) as process:
        for _ in range(3):
            curl(process.port)
        curl(process.port, "/?status=404")
        assert process.stat("http.test.downstream_rq_2xx") == 3
        assert process.stat("http.test.downstream_rq_4xx") == 1
        assert process.stat("cluster.echo.upstream_rq_total") == 4
        assert process.stat("listener_manager.workers_started") == 1
        assert process.stat("server.state") == 0
        assert process.admin("/ready") == (200, "LIVE\n")
        assert loads(process.admin("/server_info")[1])["state"] == "LIVE"
        assert "echo::" in process.admin("/clusters")[1]
        assert f"127.0.0.1:{process.port}" in process.admin("/listeners")[1]
        assert len(loads(process.admin("/config_dump")[1])["configs"]) >= 3
        assert loads(process.admin("/scheduler")[1])["pools"]
        assert process.admin("/nope")[0] == 404
        assert process.admin("/quitquitquit")[0] == 405
        prometheus = process.admin("/stats/prometheus")[1]
        assert 'envoy_cluster_upstream_rq_total{envoy_cluster_name="echo"} 4' in prometheus
        for line in prometheus.splitlines():
            assert re.match(r'# (HELP|TYPE) |[a-zA-Z_:][a-zA-Z0-9_:]*(\{.*\})? -?[0-9.e+InfNa]+$', line)
        assert process.admin("/quitquitquit", "POST")[0] == 200
        assert process.child.wait(sidecar.LIMIT_S) == 0


def test_the_control_api_answers_grpc_and_ctl(upstream, tmp_path_factory):
    folder = tmp_path_factory.mktemp("c")
    path = folder / "s"
    if len(str(path)) > 100:
        pytest.skip("the folder's path is too long for a Unix socket")

    def make(port, admin, log):
        return {**simple(upstream)(port, admin, log),
                "outrigger": {"control_api": {"unix_socket": str(path)}}}
    with sidecar.outrigger(BINARY, folder, make) as process:
        with grpc.insecure_channel(f"unix:{path}") as channel:
            health = health_pb2_grpc.HealthStub(channel)
            assert (health.Check(health_pb2.HealthCheckRequest(), timeout=10).status
                    == health_pb2.HealthCheckResponse.SERVING)
        told = subprocess.run([BINARY, "ctl", "status", "--json", "--socket", path],
                              capture_output=True, text=True, timeout=20)
        assert told.returncode == 0, told.stderr
        assert loads(told.stdout)["state"] == "LIVE"
        shown = subprocess.run([BINARY, "ctl", "status", "--socket", path], capture_output=True,
                               text=True, timeout=20)
        assert f"127.0.0.1:{process.port}" in shown.stdout
        dump = subprocess.run([BINARY, "ctl", "coroutines", "--socket", path], capture_output=True,
                              text=True, timeout=20)
        assert re.search(r"^coroutine http accept \S+ \[read\]:$", dump.stdout, re.M), dump.stdout
        trace = subprocess.run([BINARY, "ctl", "trace", "--socket", path], capture_output=True,
                               text=True, timeout=20)
        runs = [e for e in loads(trace.stdout)["traceEvents"] if e["ph"] == "X"]
        assert any(e["name"].startswith("http") for e in runs), runs
        drained = subprocess.run([BINARY, "ctl", "drain", "--socket", path], capture_output=True,
                                 text=True, timeout=20)
        assert drained.returncode == 0, drained.stderr
        wait_for(lambda: process.admin("/ready")[0] == 503, "draining")
    gone = subprocess.run([BINARY, "ctl", "status", "--socket", folder / "none"],
                          capture_output=True, text=True, timeout=20)
    assert gone.returncode == 3 and "none" in gone.stderr


def test_runs_what_is_nested_as_deeply_as_a_file_may_be(upstream, tmp_path):
    def make(port, admin, log):
        made = simple(upstream)(port, admin, log)
        deepest = {}
        for _ in range(80):
            deepest = {"n": deepest}
        made["static_resources"]["clusters"][0]["metadata"] = {"filter_metadata": {"x": deepest}}
        return made
    with sidecar.outrigger(BINARY, tmp_path, make) as process:
        assert curl(process.port).status == 200


def test_reload_takes_new_routes_and_keeps_good_ones(upstream, tmp_path):
    with sidecar.outrigger(BINARY, tmp_path, simple(upstream)) as process:
        path = tmp_path / f"config-{process.port}.yaml"
        good = yaml.safe_load(path.read_text())
        path.write_text("static_resources: [")
        process.child.send_signal(1)
        manager = good["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]
        manager["typed_config"]["route_config"]["virtual_hosts"][0]["routes"] = [
            {"match": {"prefix": "/"}, "direct_response": {"status": 418}}]
        assert curl(process.port).status == 200
        path.write_text(yaml.safe_dump(good))
        process.child.send_signal(1)
        wait_for(lambda: curl(process.port).status == 418, "the new route")


if __name__ == "__main__":
    sys.exit(run_pytest(__file__))
