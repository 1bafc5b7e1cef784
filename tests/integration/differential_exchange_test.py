"""One exchange after the other on the real Envoy and on Outrigger, field by field: interim and early
answers, trailers, resets, ends of connections, each timeout, what is added and taken away."""

import re
import signal
import sys

import pytest

from tests.support import h2_peer, sidecar
from tests.support.h2_peer import answer_with
from tests.support.run_pytest import run_pytest
from tests.support.sidecar import BINARY, cluster, config

GRPC = [("content-type", "application/grpc"), ("te", "trailers")]
POST = {"method": "POST", "body": b"abc"}
HALF = {"method": "POST", "body": b"abc", "end": False}  # the rest of the request never comes
HANG = answer_with(end="hang")
HANG_LATER = answer_with(end="hang", after="headers")
ROUTES = [
    {"match": {"prefix": "/fast"}, "route": {"cluster": "up", "timeout": "0.2s"}},
    {"match": {"prefix": "/idle"}, "route": {"cluster": "up", "timeout": "0s", "idle_timeout": "0.2s"}},
    {"match": {"prefix": "/brief"}, "route": {"cluster": "brief", "timeout": "0s"}},
    {"match": {"prefix": "/forever"}, "route": {"cluster": "up", "timeout": "0s"}},
    {"match": {"prefix": "/"}, "route": {"cluster": "up"}},
]
BRIEF = {"typed_extension_protocol_options": {
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        "@type": sidecar.HTTP_OPTIONS, "explicit_http_config": {"http2_protocol_options": {}},
        "common_http_protocol_options": {"max_stream_duration": "0.2s"}}}}

# name: path, further fields of the request, how it is sent
CASES = {
    "plain": ("/x", [], {}),
    "body": ("/x", [], POST),
    "request trailers": ("/x", [], {**POST, "trailers": [("t", "v")]}),
    "trailers": ("/x", [answer_with(trailers=[("a", "b"), ("grpc-status", "0")])], {}),
    "expect": ("/x", [("expect", "100-continue")], POST),
    "100": ("/x", [answer_with(informational=100)], {}),
    "103": ("/x", [answer_with(informational=103)], {}),
    "204": ("/x", [answer_with(status=204, body="")], {}),
    "204 with length": ("/x", [answer_with(status=204, body="",
                                           headers=[("content-length", "0")])], {}),
    "304": ("/x", [answer_with(status=304, body="", headers=[("content-length", "10"),
                                                             ("etag", '"a"')])], {}),
    "head": ("/x", [answer_with(body="", headers=[("content-length", "10")])], {"method": "HEAD"}),
    "early answer": ("/x", [answer_with(at="headers", body="early")], HALF),
    "no error": ("/x", [answer_with(end="reset 0")], {}),
    "internal error": ("/x", [answer_with(end="reset 2")], {}),
    "refused later": ("/x", [answer_with(end="reset 11", after="headers")], {}),
    "cancel": ("/x", [answer_with(end="reset 8")], {}),
    "cancel later": ("/x", [answer_with(end="reset 8", after="headers")], {}),
    "no error later": ("/x", [answer_with(end="reset 0", after="headers")], {}),
    "close": ("/x", [answer_with(end="close")], {}),
    "close later": ("/x", [answer_with(end="close", after="headers")], {}),
    "goaway": ("/x", [answer_with(end="goaway")], {}),
    "timeout": ("/fast", [HANG], {}),
    "timeout later": ("/fast", [HANG_LATER], {}),
    "idle": ("/idle", [HANG], {}),
    "idle later": ("/idle", [HANG_LATER], {}),
    "idle request": ("/idle", [], HALF),
    "upstream duration": ("/brief", [HANG], {}),
    "upstream duration later": ("/brief", [HANG_LATER], {}),
    "grpc timeout": ("/fast", [HANG, *GRPC], POST),
    "grpc reset": ("/x", [answer_with(end="reset 8"), *GRPC], POST),
    "grpc 404": ("/x", [answer_with(status=404, body="no"), *GRPC], POST),
    "forwarded": ("/x", [("x-forwarded-for", "1.2.3.4, 5.6.7.8")], {}),
    "fragment": ("/x#fragment", [], {}),
    "asterisk": ("*", [], {"method": "OPTIONS"}),
    "right length": ("/x", [("content-length", "3")], POST),
    "wrong length": ("/x", [("content-length", "4")], POST),
    "underscore": ("/x", [("a_b", "x")], {}),
    "host": ("/x", [("host", "other")], {}),
    "crumbs": ("/x", [("cookie", "a=b"), ("cookie", "c=d")], {}),
    "server fields": ("/x", [answer_with(headers=[
        ("x-envoy-upstream-service-time", "7"), ("server", "up"), ("x-envoy-overloaded", "true"),
        ("via", "up"), ("date", "today")])], {}),
    "bad status": ("/x", [answer_with(status=99)], {}),
}


@pytest.fixture(scope="module")
def upstream():
    with h2_peer.Upstream() as server:
        yield server


def pair(upstream, folder, **hcm):
    hosts = [{"name": "all", "domains": ["*"], "routes": ROUTES}]

    def make(port, admin, log):
        return config(port, admin, hosts, [cluster("up", upstream.port),
                                           cluster("brief", upstream.port, **BRIEF)], log=log, **hcm)
    return sidecar.envoy(folder, make), sidecar.outrigger(BINARY, folder, make)


@pytest.fixture(scope="module")
def both(upstream, tmp_path_factory):
    envoy, ours = pair(upstream, tmp_path_factory.mktemp("both"))
    with envoy, ours:
        yield envoy, ours


def plain(text):
    """Without what differs from run to run."""
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "UUID", text)
    return re.sub(r"('x-envoy-upstream-service-time', )'\d+'", r"\1'N'", text)


def shown(answer, port):
    headers = sorted((name, "now" if name == "date" and len(value) == 29 else value)
                     for name, value in answer.headers)
    return {key: plain(str(value)).replace(str(port), "PORT") for key, value in {
        "status": answer.status, "headers": headers, "interim": answer.informational,
        "body": answer.body, "trailers": answer.trailers, "end": answer.end}.items()}


def compare(both, path, fields, how):
    told = [shown(h2_peer.ask(proxy.port, path, *fields, **how), proxy.port)
            for proxy in both]
    assert told[1] == told[0]
    return told[0]


@pytest.mark.parametrize("name", CASES)
def test_same(both, name):
    compare(both, *CASES[name])


SETTINGS = [
    ({"request_timeout": "0.2s"}, ["idle request", "body"]),
    ({"stream_idle_timeout": "0.2s"}, ["timeout later", "idle request"]),
    ({"common_http_protocol_options": {"max_stream_duration": "0.2s"}},
     ["idle request", "grpc hang", "hang", "hang later"]),
    ({"proxy_100_continue": True}, ["expect", "100", "103"]),
    ({"always_set_request_id_in_response": True}, ["plain"]),
    ({"append_x_forwarded_port": True}, ["plain"]),
    ({"use_remote_address": True, "internal_address_config": {
        "cidr_ranges": [{"address_prefix": "127.0.0.0", "prefix_len": 8}]}},
     ["plain", "forwarded", "orders"]),
    ({"internal_address_config": {"cidr_ranges": [{"address_prefix": "10.0.0.0", "prefix_len": 8}]}},
     ["plain", "forwarded", "orders", "internal"]),
    ({"use_remote_address": True, "xff_num_trusted_hops": 1}, ["plain", "forwarded", "internal"]),
    ({"xff_num_trusted_hops": 1}, ["plain", "forwarded", "internal"]),
    ({"strip_any_host_port": True}, ["port"]),
    ({"strip_trailing_host_dot": True}, ["dot", "port"]),
]
MORE = {
    "hang": ("/forever", [HANG], {}),
    "hang later": ("/forever", [HANG_LATER], {}),
    "grpc hang": ("/forever", [HANG, *GRPC], POST),
    "orders": ("/x", [("x-envoy-ip-tags", "t"), ("x-envoy-original-path", "/y")], {}),
    "internal": ("/x", [("x-forwarded-for", "10.1.2.3"), ("x-envoy-ip-tags", "t")], {}),
    "port": ("/x", [], {"authority": "test:81"}),
    "dot": ("/x", [], {"authority": "test."}),
}


@pytest.mark.parametrize("hcm,names", SETTINGS, ids=str)
def test_same_by_setting(upstream, tmp_path, hcm, names):
    envoy, ours = pair(upstream, tmp_path, **hcm)
    with envoy, ours:
        for name in names:
            compare((envoy, ours), *{**CASES, **MORE}[name])


def test_same_log(upstream, tmp_path):
    """Status, flags, bytes and hosts as the access log has them."""
    names = ["plain", "trailers", "early answer", "cancel", "close", "timeout", "timeout later",
             "idle", "upstream duration", "grpc timeout", "fragment", "forwarded"]
    seen = []
    for proxy in pair(upstream, tmp_path):
        with proxy:
            for name in names:
                path, fields, how = CASES[name]
                h2_peer.ask(proxy.port, path, *fields, **how)
            proxy.end(signal.SIGTERM)  # Envoy writes every 10 s, or now
            # Time and durations differ; what stands between and behind them does not.
            seen.append([re.sub(r'^\[[^]]*\] ("[^"]*" \d+ \S+ \d+ \d+) \d+ \S+ (.*)$', r"\1 \2",
                                plain(line)) for line in proxy.log_lines(len(names))])
    assert seen[1] == seen[0]


def test_a_bad_request_costs_no_other_stream(both):
    """Envoy closes the whole connection at these; RFC 9113 8.1.1 asks for the stream alone."""
    for fields, how in [([("Upper", "x")], {}), ([("te", "gzip")], {}),
                        ([], {"authority": ""}), ([("connection", "close")], {})]:
        with h2_peer.Client(both[1].port) as client:
            bad = client.send("/x", *fields, **how)
            good = client.send("/x")
            assert client.receive(bad).end == "reset 1"
            assert client.request("/x").status == 200, (fields, how, good)


if __name__ == "__main__":
    sys.exit(run_pytest(__file__))
