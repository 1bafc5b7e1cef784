"""The same file and the same requests on the real Envoy and on Outrigger: the same answers."""

import re
import sys

import pytest

from tests.support import sidecar
from tests.support.run_pytest import run_pytest
from tests.support.sidecar import BINARY, all_to, cluster, config, curl

# Values that differ from run to run.
VARIES = {"date": ".+", "x-request-id": "[0-9a-f-]{36}", "x-envoy-upstream-service-time": "[0-9]+",
          "x-echo-header-x-request-id": "[0-9a-f-]{36}"}

ROUTES = [
    {"match": {"path": "/exact"}, "direct_response": {"status": 201, "body": {"inline_string": "hi"}}},
    {"match": {"prefix": "/ANY", "case_sensitive": False}, "direct_response": {"status": 204}},
    {"match": {"prefix": "/old"}, "redirect": {"prefix_rewrite": "/new"}},
    {"match": {"prefix": "/moved"}, "redirect": {"host_redirect": "other.example", "path_redirect":
                                                 "/there", "response_code": "TEMPORARY_REDIRECT"}},
    {"match": {"prefix": "/tls"}, "redirect": {"https_redirect": True, "strip_query": True}},
    {"match": {"prefix": "/cut/"}, "route": {"cluster": "echo", "prefix_rewrite": "/"}},
    {"match": {"prefix": "/as"}, "route": {"cluster": "echo", "host_rewrite_literal": "as.example"}},
    {"match": {"prefix": "/dead"}, "route": {"cluster": "dead"}},
    {"match": {"prefix": "/slow"}, "route": {"cluster": "echo", "timeout": "0.2s"}},
    {"match": {"prefix": "/echo"}, "route": {"cluster": "echo"}},
    {"match": {"prefix": "/forever"}, "route": {"cluster": "echo", "timeout": "0s"}},
]
HOSTS = [
    {"name": "plain", "domains": ["test"], "routes": ROUTES},
    {"name": "suffix", "domains": ["*.suffix.example"], "routes": [
        {"match": {"prefix": "/"}, "direct_response": {"status": 221}}]},
    {"name": "longer", "domains": ["*.long.suffix.example"], "routes": [
        {"match": {"prefix": "/"}, "direct_response": {"status": 222}}]},
    {"name": "prefix", "domains": ["prefix.*"], "routes": [
        {"match": {"prefix": "/"}, "direct_response": {"status": 223}}]},
    {"name": "exact", "domains": ["exact.suffix.example"], "routes": [
        {"match": {"prefix": "/"}, "direct_response": {"status": 224}}]},
]


@pytest.fixture(scope="module")
def upstream():
    process, port = sidecar.echo(BINARY)
    with process:
        yield port


def pair(upstream, folder, **hcm):
    dead = sidecar.free_port()

    def make(port, admin, log):
        return config(port, admin, HOSTS, [cluster("echo", upstream), cluster("dead", dead)],
                      log=log, **hcm)
    return sidecar.envoy(folder, make), sidecar.outrigger(BINARY, folder, make)


@pytest.fixture(scope="module")
def both(upstream, tmp_path_factory):
    envoy, ours = pair(upstream, tmp_path_factory.mktemp("both"))
    with envoy, ours:
        yield envoy, ours


def shown(answer, port):
    """What is compared: status, headers without what varies, body."""
    headers = []
    for name, value in answer.headers:
        name = name.lower()
        if name in VARIES:
            assert re.fullmatch(VARIES[name], value), (name, value)
            value = "*"
        headers.append((name, value.replace(f":{port}", ":PORT")))
    return answer.status, sorted(headers), answer.body


def compare(both, path, *more, host="test", http2=True):
    answers = [shown(curl(p.port, path, "-H", f"host: {host}", *more, http2=http2), p.port)
               for p in both]
    if "-d" in more:  # an answer that overtakes the request's body says nothing of the time
        for _, headers, _ in answers:
            headers[:] = [h for h in headers if h[0] != "x-envoy-upstream-service-time"]
    assert answers[1] == answers[0]
    return answers[0]


# path, curl's further arguments
REQUESTS = [
    ("/echo", []), ("/echo?a=b", ["-d", "body"]), ("/echo", ["-X", "PUT", "-d", "x"]),
    ("/none", []), ("/exact", []), ("/exact?q", []), ("/exact/more", []), ("/any", []),
    ("/aNyThing", []), ("/old/path?q=1", []), ("/moved/x?q=1", []), ("/tls/x?q=1", []),
    ("/cut/a/b?c", []), ("/as", []), ("/echo?status=404", []), ("/echo?status=503", []),
    ("/echo?body_bytes=70000", []), ("/slow?delay_ms=1000", []), ("/forever", []),
    ("/echo", ["-I"]), ("/exact", ["-I"]), ("/none", ["-I"]),
    ("/echo", ["-H", "x-forwarded-for: 10.0.0.1"]), ("/echo", ["-H", "x-forwarded-proto: https"]),
    ("/echo", ["-H", "x-request-id: 7f5a2d0c-46d1-4f66-9a83-7a9b6d7f0a11"]),
    ("/echo", ["-H", "te: trailers"]), ("/echo", ["-H", "x-envoy-internal: true"]),
    ("/echo", ["-H", "x-envoy-expected-rq-timeout-ms: 5"]),
    ("/echo", ["-H", "x-envoy-original-path: /x"]), ("/echo", ["-H", "via: 1.1 me"]),
    ("/echo", ["-H", "content-type: application/grpc"]),
    ("/none", ["-H", "content-type: application/grpc"]),
]


@pytest.mark.parametrize("path,more", REQUESTS, ids=lambda value: str(value))
def test_same_answer_over_http2(both, path, more):
    compare(both, path, *more)


@pytest.mark.parametrize("host", ["a.suffix.example", "suffix.example", "b.long.suffix.example",
                                  "exact.suffix.example", "EXACT.Suffix.example", "prefix.org",
                                  "prefix.", "unknown", "test"])
def test_same_virtual_host(both, host):
    compare(both, "/exact", host=host)


def test_same_words_for_a_refused_connection(both):
    status, _, body = compare(both, "/dead")
    assert status == 503 and "remote connection failure" in body


def test_same_words_for_a_reset(both):
    compare(both, "/echo?reset=1")


def test_same_answer_over_http1(both):
    for path in ("/echo", "/none", "/exact", "/old/x"):
        compare(both, path, http2=False)


@pytest.mark.parametrize("hcm", [
    {"use_remote_address": True}, {"use_remote_address": True, "skip_xff_append": True},
    {"server_name": "me"}, {"server_header_transformation": "APPEND_IF_ABSENT"},
    {"server_header_transformation": "PASS_THROUGH"}, {"via": "me"},
    {"generate_request_id": False}], ids=str)
def test_same_headers_by_setting(upstream, tmp_path, hcm):
    envoy, ours = pair(upstream, tmp_path, **hcm)
    with envoy, ours:
        compare((envoy, ours), "/echo")
        compare((envoy, ours), "/echo", "-H", "x-forwarded-for: 10.0.0.1")
        compare((envoy, ours), "/none")


def test_same_counters(both):
    names = ["http.test.downstream_rq_2xx", "http.test.downstream_rq_4xx",
             "http.test.downstream_rq_5xx", "cluster.echo.upstream_rq_total",
             "cluster.dead.upstream_cx_connect_fail"]
    before = [[p.stat(name) for name in names] for p in both]
    for path in ("/echo", "/echo?status=404", "/none", "/exact", "/dead"):
        compare(both, path)
    grown = [[p.stat(name) - old for name, old in zip(names, was)] for p, was in zip(both, before)]
    assert grown[1] == grown[0]


if __name__ == "__main__":
    sys.exit(run_pytest(__file__))
