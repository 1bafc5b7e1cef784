"""Clusters on the real Envoy and on Outrigger: which host a request goes to, what is refused when a
limit is reached, what the admin says of hosts and memberships."""

import collections
import re
import signal
import subprocess
import sys

import pytest
import yaml

from tests.support import h2_peer, sidecar
from tests.support.run_pytest import run_pytest
from tests.support.sidecar import BINARY, all_to, cluster, config, wait_for

POLICIES = "type.googleapis.com/envoy.extensions.load_balancing_policies."


@pytest.fixture(scope="module")
def echoes():
    """Ports of four upstreams."""
    started = [sidecar.echo(BINARY) for _ in range(4)]
    try:
        yield [port for _, port in started]
    finally:
        for process, _ in started:
            process.__exit__()


def both(folder, clusters, routes=None, flags=(), **hcm):
    """(Envoy, Outrigger), each with a free port more than the other."""
    def make(port, admin, log):
        return config(port, admin, routes or all_to(clusters[0]["name"]), clusters, **hcm)
    return sidecar.envoy(folder, make), sidecar.outrigger(BINARY, folder, make, flags)


def endpoints(ports, *more):
    """load_assignment of these ports; `more`: further fields of each endpoint."""
    hosts = [{"endpoint": {"address": sidecar.address(port)}} for port in ports]
    for host, fields in zip(hosts, more):
        host.update(fields)
    return {"cluster_name": "up", "endpoints": [{"lb_endpoints": hosts}]}


def ask(process, count, *headers):
    with h2_peer.Client(process.port) as client:
        return [client.request("/", *headers).status for _ in range(count)]


def host_stats(process, ports, stat="rq_total"):
    """A host's stat in the order of its port."""
    found = dict(re.findall(rf"^up::127\.0\.0\.1:(\d+)::{stat}::(.*)$",
                            process.admin("/clusters")[1], re.M))
    return [int(found.get(str(port), 0)) for port in ports]


def shares(process, ports, count):
    before = host_stats(process, ports)
    ask(process, count)
    return [now - then for now, then in zip(host_stats(process, ports), before)]


# --- Which host

def test_round_robin_is_exact(echoes, tmp_path):
    ports = echoes[:3]
    weights = [{"load_balancing_weight": weight} for weight in (5, 2, 1)]
    up = cluster("up", load_assignment=endpoints(ports, *weights))
    envoy, ours = both(tmp_path, [up])
    with envoy, ours:
        assert shares(ours, ports, 80) == shares(envoy, ports, 80) == [50, 20, 10]


@pytest.mark.parametrize("policy", ["ROUND_ROBIN", "LEAST_REQUEST", "RANDOM", "RING_HASH", "MAGLEV"])
def test_every_policy_uses_every_host(echoes, tmp_path, policy):
    up = cluster("up", load_assignment=endpoints(echoes), lb_policy=policy)
    envoy, ours = both(tmp_path, [up])
    with envoy, ours:
        for process in (envoy, ours):
            assert all(40 < share < 160 for share in shares(process, echoes, 400))


HASHING = {
    "ring": {"lb_policy": "RING_HASH"},
    "ring by murmur": {"lb_policy": "RING_HASH", "ring_hash_lb_config": {
        "hash_function": "MURMUR_HASH_2", "minimum_ring_size": 100}},
    "maglev": {"lb_policy": "MAGLEV"},
    "small maglev": {"lb_policy": "MAGLEV", "maglev_lb_config": {"table_size": 11}},
}


@pytest.mark.parametrize("weights", [(1, 1, 1, 1), (7, 1, 3, 2)], ids=str)
@pytest.mark.parametrize("name", HASHING)
def test_a_key_goes_to_the_same_host(echoes, tmp_path, name, weights):
    """The hash of each kind of key and the table of each policy are Envoy's: a client that moves
    from one proxy to the other keeps its host."""
    up = cluster("up", load_assignment=endpoints(
        echoes, *({"load_balancing_weight": weight} for weight in weights)), **HASHING[name])
    routes = all_to("up", hash_policy=[
        {"header": {"header_name": "x-key"}}, {"query_parameter": {"name": "q"}},
        {"cookie": {"name": "c"}}])
    routes[0]["response_headers_to_add"] = [
        {"header": {"key": "x-host", "value": "%UPSTREAM_REMOTE_ADDRESS%"}}]
    envoy, ours = both(tmp_path, [up], routes)
    with envoy, ours:
        hosts = []
        for process in (envoy, ours):
            with h2_peer.Client(process.port) as client:
                answers = [client.request("/", ("x-key", f"key {i}")) for i in range(60)]
                answers += [client.request(f"/?a=b&q={i}") for i in range(30)]
                answers += [client.request("/", ("cookie", f"b=1; c={i}")) for i in range(30)]
                answers += [client.request(f"/?q={i}", ("x-key", f"{i}"), ("x-key", "more"),
                                           ("cookie", f"c={i}")) for i in range(30)]
                hosts.append([answer.get("x-host") for answer in answers])
        assert hosts[1] == hosts[0]
        assert len(set(hosts[0])) == 4


# Health of four hosts, and how likely each gets a request.
HEALTHS = {
    "one down": ("HEALTHY HEALTHY HEALTHY UNHEALTHY", [1 / 3, 1 / 3, 1 / 3, 0]),
    "panic": ("HEALTHY UNHEALTHY TIMEOUT UNHEALTHY", [1 / 4, 1 / 4, 1 / 4, 1 / 4]),
    "draining": ("HEALTHY DRAINING DRAINING UNHEALTHY", [1, 0, 0, 0]),
    "panic with one that drains": ("HEALTHY DRAINING UNHEALTHY UNHEALTHY", [1 / 4] * 4),
    "all drain": ("DRAINING DRAINING DRAINING DRAINING", [1 / 4] * 4),
    "half degraded": ("HEALTHY DEGRADED UNHEALTHY UNHEALTHY", [1 / 2, 1 / 2, 0, 0]),
    "mostly degraded": ("HEALTHY DEGRADED DEGRADED UNHEALTHY", [0.35, 0.325, 0.325, 0]),
    "all degraded": ("DEGRADED DEGRADED DEGRADED DEGRADED", [1 / 4] * 4),
}


@pytest.mark.parametrize("name", HEALTHS)
def test_health_steers_alike(echoes, tmp_path, name):
    healths, expected = HEALTHS[name]
    hosts = [{"health_status": health} for health in healths.split()]
    up = cluster("up", load_assignment=endpoints(echoes, *hosts))
    envoy, ours = both(tmp_path, [up])
    membership = [f"cluster.up.membership_{what}"
                  for what in ("total", "healthy", "degraded", "excluded", "change")]
    with envoy, ours:
        for process in (envoy, ours):
            got = shares(process, echoes, 400)
            assert all(abs(g - 400 * e) <= 55 for g, e in zip(got, expected)), got
        assert [ours.stat(s) for s in membership] == [envoy.stat(s) for s in membership]
        assert ours.stat("cluster.up.lb_healthy_panic") == envoy.stat("cluster.up.lb_healthy_panic")
        flags = [re.findall(r"health_flags::.*", p.admin("/clusters")[1]) for p in (envoy, ours)]
        assert flags[0] == flags[1]


@pytest.mark.parametrize("policy,healths", [("RING_HASH", "DEGRADED DEGRADED DEGRADED DEGRADED"),
                                            ("ROUND_ROBIN", "UNHEALTHY UNHEALTHY UNHEALTHY UNHEALTHY")])
def test_nobody_is_left(echoes, tmp_path, policy, healths):
    hosts = [{"health_status": health} for health in healths.split()]
    up = cluster("up", load_assignment=endpoints(echoes, *hosts), lb_policy=policy,
                 common_lb_config={"healthy_panic_threshold": {"value": 0}})
    envoy, ours = both(tmp_path, [up])
    with envoy, ours:
        answers = [h2_peer.ask(process.port, "/") for process in (envoy, ours)]
        assert answers[1].status == answers[0].status == 503
        assert answers[1].body == answers[0].body
        stat = "cluster.up.upstream_cx_none_healthy"
        assert ours.stat(stat) == envoy.stat(stat) == 1


# --- Limits

class Held:
    """Requests that stay open until release(): each on a connection of its own, so that more than
    one worker has some. A status, or None for one that is open, of each."""

    def __init__(self, port, count):
        self.clients = [h2_peer.Client(port) for _ in range(count)]
        self.streams = [client.send("/", method="POST", end=False) for client in self.clients]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for client in self.clients:
            client.sock.close()

    def refused(self, count):
        """The answers of those that got one, once there are `count`."""
        for client in self.clients:
            client.sock.settimeout(0.05)
        answers = {}

        def look():
            for i, (client, stream) in enumerate(zip(self.clients, self.streams)):
                if i not in answers:
                    try:
                        answers[i] = client.receive(stream)
                    except TimeoutError:
                        pass
            return answers if len(answers) >= count else None
        wait_for(look, f"{count} are refused")
        return list(answers.values())


LIMITS = {
    "requests": ({"max_requests": 3}, 5, 2),
    "no requests": ({"max_requests": 0}, 2, 2),
    "pending": ({"max_pending_requests": 0}, 2, 2),
}


@pytest.mark.parametrize("name", LIMITS)
def test_over_a_limit_both_say_the_same(echoes, tmp_path, name):
    thresholds, count, over = LIMITS[name]
    up = cluster("up", echoes[0], circuit_breakers={
        "thresholds": [{**thresholds, "track_remaining": True}]})
    envoy, ours = both(tmp_path, [up])
    stats = [f"cluster.up.{stat}" for stat in
             ("upstream_rq_active_overflow", "upstream_rq_pending_overflow", "upstream_rq_total", "upstream_rq_active")]
    told = []
    with envoy, ours:
        for process in (envoy, ours):
            with Held(process.port, count) as held:
                refused = held.refused(over)
                told.append(([(a.status, a.body, a.get("x-envoy-overloaded")) for a in refused],
                             [process.stat(stat) for stat in stats], breakers(process)))
    assert told[1] == told[0]
    assert [status for status, _, _ in told[1][0]] == [503] * over


def breakers(process):
    """The gauges of the circuit breakers, but for those of connection pools, which have no limit
    here."""
    lines = process.admin("/stats?filter=circuit_breakers")[1].splitlines()
    return sorted(line for line in lines if "cx_pool" not in line)


def test_circuit_breakers_by_prometheus(echoes, tmp_path):
    up = cluster("up", echoes[0], circuit_breakers={"thresholds": [
        {"max_requests": 1}, {"priority": "HIGH", "max_retries": 5, "track_remaining": True}]})
    envoy, ours = both(tmp_path, [up])
    with envoy, ours:
        told = []
        for process in (envoy, ours):
            with Held(process.port, 1) as held:
                wait_for(lambda: process.stat("cluster.up.upstream_rq_active") == 1, "it is there")
                text = process.admin("/stats/prometheus")[1]
                told.append(sorted(line for line in text.splitlines()
                                   if line.startswith("envoy_cluster_circuit_breakers")
                                   and "cx_pool" not in line))
        assert told[1] == told[0] and len(told[1]) == 12


def test_the_limit_holds_over_all_workers(echoes, tmp_path):
    up = cluster("up", echoes[0], circuit_breakers={
        "thresholds": [{"max_requests": 10, "max_connections": 100}]})
    with sidecar.outrigger(BINARY, tmp_path, lambda port, admin, log: config(
            port, admin, all_to("up"), [up]), ["--concurrency", "3"]) as process:
        for _ in range(3):
            with Held(process.port, 25) as held:
                assert len(held.refused(15)) == 15
                assert process.stat("cluster.up.upstream_rq_active") == 10
            wait_for(lambda: process.stat("cluster.up.upstream_rq_active") == 0, "all are given up")


# --- The admin

def test_hosts_are_told_alike(echoes, tmp_path):
    ports = echoes[:2]
    up = cluster("up", load_assignment=endpoints(ports, {"load_balancing_weight": 3}))
    other = up["load_assignment"]["endpoints"][0]["lb_endpoints"][1]
    other["endpoint"]["hostname"] = "two"
    other["health_status"] = "UNHEALTHY"  # so that it is not chance who gets the requests
    up["circuit_breakers"] = {"thresholds": [{"max_requests": 7}, {"priority": "HIGH",
                                                                   "max_connections": 9}]}
    envoy, ours = both(tmp_path, [up])
    with envoy, ours:
        for process in (envoy, ours):
            ask(process, 4)
            with h2_peer.Client(process.port) as client:
                client.request("/?status=500")
        assert ours.admin("/clusters")[1] == envoy.admin("/clusters")[1]
        texts = [p.admin("/clusters?format=json")[1] for p in (envoy, ours)]
        shown = [sorted_stats(sidecar.loads(text)) for text in texts]
        assert shown[1] == shown[0]


def sorted_stats(page):
    for status in page["cluster_statuses"]:
        for host in status["host_statuses"]:
            host["stats"].sort(key=lambda stat: stat["name"])
    return page


# --- What is refused

def lb(name, message, **fields):
    return {"load_balancing_policy": {"policies": [{"typed_extension_config": {
        "name": name, "typed_config": {"@type": f"{POLICIES}{name}.v3.{message}", **fields}}}]}}


FILES = [
    {"lb_policy": "RING_HASH", "ring_hash_lb_config": {"minimum_ring_size": 10, "maximum_ring_size": 5}},
    {"lb_policy": "RING_HASH", "ring_hash_lb_config": {"minimum_ring_size": 9000000}},
    {"lb_policy": "MAGLEV", "maglev_lb_config": {"table_size": 100}},
    {"lb_policy": "MAGLEV", "maglev_lb_config": {"table_size": 5000012}},
    {"lb_policy": "LEAST_REQUEST", "least_request_lb_config": {"choice_count": 1}},
    {"lb_policy": "LOAD_BALANCING_POLICY_CONFIG"},
    {"lb_policy": "RANDOM", "ring_hash_lb_config": {}},
    {"common_lb_config": {"healthy_panic_threshold": {"value": 101}}},
    {"common_lb_config": {"zone_aware_lb_config": {}}},
    {"type": "LOGICAL_DNS", "load_assignment": {"cluster_name": "up", "endpoints": []}},
    {"dns_jitter": "0.5s"},
    {"dns_jitter": "-1s"},
    {"circuit_breakers": {"thresholds": [{"priority": "HIGH", "max_requests": 1}]}},
    lb("round_robin", "RoundRobin"), lb("least_request", "LeastRequest"), lb("random", "Random"),
    lb("ring_hash", "RingHash"), lb("maglev", "Maglev"), lb("maglev", "Maglev", table_size=100),
    {**lb("maglev", "Maglev"), "common_lb_config": {"locality_weighted_lb_config": {}}},
    {**lb("maglev", "Maglev"), "common_lb_config": {"healthy_panic_threshold": {"value": 1}}},
    {"load_balancing_policy": {"policies": []}},
    {"lb_policy": "RING_HASH", "common_lb_config": {
        "consistent_hashing_lb_config": {"use_hostname_for_hashing": True}}},
]


@pytest.mark.parametrize("fields", FILES, ids=str)
def test_both_take_or_both_refuse(tmp_path, fields):
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump({"static_resources": {"clusters": [cluster("up", 1, **fields)]}}))
    envoy = subprocess.run([sidecar.envoy_binary(), "--mode", "validate", "-c", path],
                           capture_output=True, timeout=sidecar.LIMIT_S)
    ours = subprocess.run([BINARY, "validate", "-c", path], capture_output=True, text=True,
                          timeout=sidecar.LIMIT_S)
    assert (ours.returncode == 0) == (envoy.returncode == 0), ours.stderr


if __name__ == "__main__":
    sys.exit(run_pytest(__file__))
