"""Requests through the real binary by stock clients, and what becomes of them when the upstream fails."""

import re
import signal
import socket
import subprocess
import sys
import threading
from concurrent import futures

import grpc
import pytest

from tests.support import sidecar
from tests.support.run_pytest import run_pytest
from tests.support.sidecar import BINARY, all_to, cluster, config, curl, h2load, wait_for


@pytest.fixture(scope="module")
def upstream():
    process, port = sidecar.echo(BINARY)
    with process:
        yield port


@pytest.fixture(scope="module")
def proxy(upstream, tmp_path_factory):
    dead, silent = sidecar.free_port(), socket.create_server(("127.0.0.1", 0))
    rude = socket.create_server(("127.0.0.1", 0))

    def close_at_once():
        while True:
            try:
                rude.accept()[0].close()
            except OSError:
                return
    threading.Thread(target=close_at_once, daemon=True).start()

    def make(port, admin, log):
        hosts = [{"name": "dead", "domains": ["dead"], "routes": all_to("dead")[0]["routes"]},
                 {"name": "rude", "domains": ["rude"], "routes": all_to("rude")[0]["routes"]},
                 {"name": "silent", "domains": ["silent"],
                  "routes": all_to("silent", timeout="0.2s")[0]["routes"]},
                 {"name": "dns", "domains": ["dns"], "routes": all_to("dns")[0]["routes"]},
                 *all_to("echo")]
        clusters = [cluster("echo", upstream), cluster("dead", dead),
                    cluster("silent", silent.getsockname()[1]),
                    cluster("rude", rude.getsockname()[1]),
                    cluster("dns", upstream, kind="STRICT_DNS", host="localhost",
                            dns_lookup_family="V4_ONLY")]
        return config(port, admin, hosts, clusters, log=log)

    with sidecar.outrigger(BINARY, tmp_path_factory.mktemp("proxy"), make) as process:
        yield process
    silent.close()
    rude.close()


@pytest.mark.parametrize("http2", [True, False])
def test_answers_with_the_upstreams_answer(proxy, http2):
    answer = curl(proxy.port, "/hello", "-d", "a body", http2=http2)
    assert answer.status == 200
    assert answer.body == "a body"
    assert answer.get("x-echo-path") == "/hello"
    assert answer.get("server") == "envoy"


@pytest.mark.parametrize("size", [0, 1 << 20, 64 << 20])
def test_bodies_pass_whole_both_ways(proxy, tmp_path, size):
    sent, received = tmp_path / "sent", tmp_path / "received"
    sent.write_bytes((bytes(range(251)) * (size // 251 + 1))[:size])
    subprocess.run(["curl", "-sS", "--http2-prior-knowledge", "--data-binary", f"@{sent}",
                    "-o", received, f"http://127.0.0.1:{proxy.port}/"], check=True, timeout=60)
    assert (received.read_bytes() if size else b"") == sent.read_bytes()


def test_head_has_no_body(proxy):
    answer = curl(proxy.port, "/?body_bytes=10", "-I")
    assert (answer.status, answer.get("content-length"), answer.body) == (200, "10", "")


def test_many_streams_all_succeed(proxy):
    assert h2load(proxy.port, 20_000) == (20_000, 0)


def test_names_are_resolved(proxy):
    assert curl(proxy.port, "/", "-H", "host: dns").status == 200


def test_unresolved_host_is_no_healthy_upstream(tmp_path):
    def make(port, admin, log):
        return config(port, admin, all_to("none"), [
            {**cluster("none"), "load_assignment": {"cluster_name": "none"}}], log=log)
    with sidecar.outrigger(BINARY, tmp_path, make) as process:
        answer = curl(process.port)
        assert (answer.status, answer.body) == (503, "no healthy upstream")
        assert " 503 UH " in process.log_lines(1)[0]


# host, status, response flag, part of the body
FAILURES = [("dead", 503, "UF", "remote connection failure"),
            ("silent", 504, "UT", "upstream request timeout"),
            ("rude", 503, "U[CF]", "upstream connect error or disconnect/reset before headers")]


@pytest.mark.parametrize("host,status,flag,body", FAILURES)
def test_a_failing_upstream_is_answered_for(proxy, host, status, flag, body):
    answer = curl(proxy.port, f"/{host}", "-H", f"host: {host}")
    assert answer.status == status
    assert body in answer.body
    line = wait_for(lambda: next((l for l in proxy.log_lines(1) if f"/{host} " in l), None), "log")
    assert re.search(rf'" {status} {flag} ', line), line


def test_an_upstream_reset_is_told(proxy):
    answer = curl(proxy.port, "/?reset=1")
    assert answer.status == 503
    assert "reset reason: remote reset" in answer.body


def test_access_log_has_envoys_default_form(proxy):
    curl(proxy.port, "/logged", "-d", "four", "-A", "tester")
    line = wait_for(lambda: next((l for l in proxy.log_lines(1) if "/logged " in l), None), "log")
    assert re.fullmatch(r'\[\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\] "POST /logged HTTP/2" 200 - 4 4 '
                        r'\d+ (\d+|-) "-" "tester" "[0-9a-f-]{36}" "127\.0\.0\.1:\d+" '
                        r'"127\.0\.0\.1:\d+"', line), line


def test_grpc_passes_unary_and_streams(tmp_path):
    def shout(request, _):
        return request.upper()

    def shout_each(requests, _):
        for request in requests:
            yield request.upper()
    server = grpc.server(futures.ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("test.Shout", {
        "One": grpc.unary_unary_rpc_method_handler(shout),
        "Each": grpc.stream_stream_rpc_method_handler(shout_each)})])
    grpc_port = server.add_insecure_port("127.0.0.1:0")
    server.start()

    def make(port, admin, log):
        return config(port, admin, all_to("grpc"), [cluster("grpc", grpc_port)], log=log)
    with sidecar.outrigger(BINARY, tmp_path, make) as process:
        with grpc.insecure_channel(f"127.0.0.1:{process.port}") as channel:
            assert channel.unary_unary("/test.Shout/One")(b"abc", timeout=10) == b"ABC"
            each = channel.stream_stream("/test.Shout/Each")(iter([b"a", b"b"]), timeout=10)
            assert list(each) == [b"A", b"B"]
            with pytest.raises(grpc.RpcError) as error:
                channel.unary_unary("/test.Shout/None")(b"", timeout=10)
            assert error.value.code() == grpc.StatusCode.UNIMPLEMENTED
    server.stop(None)


def test_round_robin_uses_every_host(tmp_path):
    first, first_port = sidecar.echo(BINARY)
    second, second_port = sidecar.echo(BINARY)

    def make(port, admin, log):
        return config(port, admin, all_to("two"), [cluster("two", first_port, second_port)], log=log)
    with first, second, sidecar.outrigger(BINARY, tmp_path, make, ["--concurrency", "1"]) as process:
        for _ in range(10):
            curl(process.port)
        lines = process.log_lines(10)
        for port in (first_port, second_port):
            assert sum(line.endswith(f'"127.0.0.1:{port}"') for line in lines) == 5


def test_term_under_load_loses_no_request(upstream, tmp_path):
    def make(port, admin, log):
        return config(port, admin, all_to("echo"), [cluster("echo", upstream)], log=log)
    with sidecar.outrigger(BINARY, tmp_path, make) as process:
        slow = futures.ThreadPoolExecutor(4)
        answers = [slow.submit(curl, process.port, "/?delay_ms=500") for _ in range(4)]
        wait_for(lambda: process.stat("http.test.downstream_rq_active") == 4, "requests open")
        process.child.send_signal(signal.SIGTERM)
        assert [answer.result().status for answer in answers] == [200] * 4
        assert process.child.wait(sidecar.LIMIT_S) == 0
        assert len(process.log_lines(4)) == 4


def test_interrupt_ends_soon(upstream, tmp_path):
    def make(port, admin, log):
        return config(port, admin, all_to("echo"), [cluster("echo", upstream)], log=log)
    with sidecar.outrigger(BINARY, tmp_path, make) as process:
        assert process.end(signal.SIGINT, limit=5) == 0


if __name__ == "__main__":
    sys.exit(run_pytest(__file__))
