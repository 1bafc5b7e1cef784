"""Retries on the real Envoy and on Outrigger: which attempts are made again, what the upstream gets, what
the client and the counters are told. And what only Outrigger does: requests that were not processed."""

import collections
import json
import re
import signal
import sys

import pytest

from tests.support import h2_peer, sidecar
from tests.support.h2_peer import answer_with
from tests.support.run_pytest import run_pytest
from tests.support.sidecar import BINARY, cluster, config

POST = {"method": "POST", "body": b"abc"}
BACK_OFF = {"base_interval": "0.001s", "max_interval": "0.002s"}


def route(prefix, policy, **more):
    policy = {"retry_back_off": BACK_OFF, "num_retries": 2, **policy} if policy else None
    return {"match": {"prefix": prefix}, "route": {"cluster": "up", **({"retry_policy": policy} if policy else {}), **more}}


ROUTES = [
    route("/5xx", {"retry_on": "5xx"}),
    route("/gateway", {"retry_on": "gateway-error"}),
    route("/refused", {"retry_on": "refused-stream"}),
    route("/reset", {"retry_on": "reset"}),
    route("/4xx", {"retry_on": "retriable-4xx"}),
    route("/codes", {"retry_on": "retriable-status-codes", "retriable_status_codes": [418]}),
    route("/headers", {"retry_on": "retriable-headers", "retriable_headers": [
        {"name": "x-again", "present_match": True}]}),
    route("/grpc", {"retry_on": "unavailable,cancelled"}),
    route("/try", {"retry_on": "5xx", "per_try_timeout": "0.15s"}),
    route("/tight", {"retry_on": "5xx", "per_try_timeout": "0.15s", "num_retries": 10},
          timeout="0.35s"),
    route("/idle-try", {"retry_on": "5xx", "per_try_idle_timeout": "0.15s"}),
    route("/safe", {"retry_on": "5xx", "retriable_request_headers": [
        {"name": "x-safe", "present_match": True}]}),
    route("/dead", {"retry_on": "connect-failure"}, cluster="dead"),
    route("/none", None),
]
HOSTS = [{"name": "all", "domains": ["*"], "include_request_attempt_count": True,
          "include_attempt_count_in_response": True, "routes": ROUTES}]


def failing(times, **wish):
    """Fields that have the upstream answer so `times` times, then well."""
    return [answer_with(**wish), ("x-fail", str(times))]


CASES = {
    "well at once": ("/5xx", [], {}),
    "503 once": ("/5xx", failing(1, status=503, body="no"), {}),
    "503 twice": ("/5xx", failing(2, status=503, body="no"), {}),
    "503 for ever": ("/5xx", failing(9, status=503, body="no"), {}),
    "500 is no gateway error": ("/gateway", failing(1, status=500, body="no"), {}),
    "504 is": ("/gateway", failing(1, status=504, body="no"), {}),
    "refused": ("/refused", failing(1, end="reset 7"), {}),
    "refused for ever": ("/refused", failing(9, end="reset 7"), {}),
    "cancelled is not refused": ("/refused", failing(1, end="reset 8"), {}),
    "reset": ("/reset", failing(1, end="reset 8"), {}),
    "close": ("/reset", failing(1, end="close"), {}),
    "reset behind the head": ("/reset", failing(1, end="reset 8", after="headers"), {}),
    "409": ("/4xx", failing(1, status=409, body="no"), {}),
    "404": ("/4xx", failing(1, status=404, body="no"), {}),
    "418": ("/codes", failing(1, status=418, body="no"), {}),
    "header": ("/headers", failing(1, headers=[("x-again", "1")], body="no"), {}),
    "grpc unavailable": ("/grpc", [*failing(1, headers=[("grpc-status", "14")], body=""),
                                   ("content-type", "application/grpc"), ("te", "trailers")], POST),
    "grpc internal": ("/grpc", [*failing(1, headers=[("grpc-status", "13")], body=""),
                                ("content-type", "application/grpc"), ("te", "trailers")], POST),
    "body": ("/5xx", failing(2, status=503, body="no"), POST),
    "body and trailers": ("/5xx", failing(1, status=503, body="no"),
                          {**POST, "trailers": [("t", "v")]}),
    "slow try": ("/try", failing(1, end="hang"), {}),
    "slow tries": ("/try", failing(9, end="hang"), {}),
    "the whole is too slow": ("/tight", failing(99, end="hang"), {}),
    "idle try": ("/idle-try", failing(1, end="hang"), {}),
    "not safe": ("/safe", failing(1, status=503, body="no"), {}),
    "safe": ("/safe", [*failing(1, status=503, body="no"), ("x-safe", "1")], {}),
    "nobody there": ("/dead", [], {}),
    "without a policy": ("/none", failing(1, status=503, body="no"), {}),
    "no way to ask from outside": ("/none", [*failing(1, status=503, body="no"),
                                             ("x-envoy-retry-on", "5xx")], {}),
}
COUNTERS = ["upstream_rq_retry", "upstream_rq_retry_success", "upstream_rq_retry_limit_exceeded",
            "upstream_rq_total", "upstream_rq_per_try_timeout", "upstream_rq_timeout",
            "upstream_rq_per_try_idle_timeout"]


class Upstream(h2_peer.Upstream):
    """Does what it is asked to only for the first `x-fail` attempts of a request (by its id)."""

    def __init__(self):
        self.attempts = collections.Counter()
        super().__init__()

    def wish(self, request):
        fields = dict((name, value) for name, value in request["headers"])
        key = fields["x-key"]
        self.attempts[key] += 1
        if self.attempts[key] <= int(fields.get("x-fail", "0")):
            return super().wish(request)
        return {}


@pytest.fixture(scope="module")
def upstream():
    with Upstream() as server:
        yield server


def pair(upstream, folder, hosts=HOSTS, **hcm):
    dead = sidecar.free_port()

    def make(port, admin, log):
        return config(port, admin, hosts, [cluster("up", upstream.port), cluster("dead", dead)],
                      log=log, **hcm)
    return sidecar.envoy(folder, make), sidecar.outrigger(BINARY, folder, make)


@pytest.fixture(scope="module")
def both(upstream, tmp_path_factory):
    envoy, ours = pair(upstream, tmp_path_factory.mktemp("both"))
    with envoy, ours:
        yield envoy, ours


def told(upstream, proxy, name, case):
    path, fields, how = case
    key = f"{proxy.port}-{name.replace(' ', '-')}"
    where = "dead" if path == "/dead" else "up"
    before = {counter: proxy.stat(f"cluster.{where}.{counter}") for counter in COUNTERS}
    answer = h2_peer.ask(proxy.port, path, ("x-key", key), *fields, **how)
    after = {counter: proxy.stat(f"cluster.{where}.{counter}") for counter in COUNTERS}
    body = answer.body.decode().replace(key, "KEY")
    got = {}
    if body.startswith("{"):  # what the upstream got with the last attempt
        got = json.loads(body)
        # A later attempt is told what is left of the time, to the millisecond.
        got["headers"] = sorted(
            [name, re.sub(r"^1[45]\d{3}$|^1[0-4]\d$", "N", value)
             if name == "x-envoy-expected-rq-timeout-ms" else value]
            for name, value in got["headers"] if name != "x-request-id")
        body = ""
    return {"status": answer.status, "body": body, "got": got, "end": answer.end,
            "attempts": upstream.attempts[key], "told": answer.get("x-envoy-attempt-count"),
            "counted": {counter: after[counter] - before[counter] for counter in COUNTERS}}


@pytest.mark.parametrize("name", CASES)
def test_same(upstream, both, name):
    envoy, ours = (told(upstream, proxy, name, CASES[name]) for proxy in both)
    assert ours == envoy


def test_an_internal_caller_may_ask(upstream, tmp_path):
    internal = {"internal_address_config": {
        "cidr_ranges": [{"address_prefix": "10.0.0.0", "prefix_len": 8}]}}
    from_inside = ("x-forwarded-for", "10.1.1.1")
    cases = {
        "asks": [("x-envoy-retry-on", "5xx")],
        "asks for more": [("x-envoy-retry-on", "5xx"), ("x-envoy-max-retries", "3")],
        "asks for codes": [("x-envoy-retry-on", "retriable-status-codes"),
                           ("x-envoy-retriable-status-codes", "503")],
        "asks for grpc": [("x-envoy-retry-grpc-on", "unavailable")],
    }
    envoy, ours = pair(upstream, tmp_path, **internal)
    with envoy, ours:
        for name, fields in cases.items():
            case = ("/none", [from_inside, *failing(3, status=503, body="no"), *fields], {})
            seen = [told(upstream, proxy, f"internal {name}", case) for proxy in (envoy, ours)]
            assert seen[1] == seen[0], name


def test_same_flags(upstream, tmp_path):
    names = ["503 for ever", "refused for ever", "slow tries", "the whole is too slow", "503 once"]
    seen = []
    for proxy in pair(upstream, tmp_path):
        with proxy:
            for name in names:
                told(upstream, proxy, f"flags {name}", CASES[name])
            proxy.end(signal.SIGTERM)
            seen.append([re.search(r'" (\d+ \S+) ', line)[1] for line in proxy.log_lines(len(names))])
    assert seen[1] == seen[0]


def test_what_was_not_processed_is_sent_again(upstream, both):
    """RFC 9113 8.7: without a policy too, once, unless some of its body is gone."""
    ours = both[1]
    case = ("/none", failing(1, end="reset 7"), {})
    assert told(upstream, ours, "refused once", case)["status"] == 200
    assert told(upstream, ours, "refused twice", ("/none", failing(2, end="reset 7"), {}))["status"] == 503
    assert told(upstream, ours, "processed", ("/none", failing(1, end="reset 8"), {}))["status"] == 503
    assert told(upstream, ours, "body is gone", ("/none", failing(1, end="reset 7"), POST))["status"] == 503


if __name__ == "__main__":
    sys.exit(run_pytest(__file__))
