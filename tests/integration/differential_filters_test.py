"""HTTP filters on the real Envoy and on Outrigger: the same file, the same requests; the same
answers, log lines and counters."""

import contextlib
import re
import sys
import time

import pytest

from tests.support import sidecar
from tests.support.run_pytest import run_pytest
from tests.support.sidecar import BINARY, FILE_LOG, ROUTER, cluster, config, curl, wait_for

TYPE = "type.googleapis.com/envoy.extensions.filters.http."
WRAPPER = "type.googleapis.com/envoy.config.route.v3.FilterConfig"
LOG = "%REQ(:PATH)% %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%\n"
# Values that differ from run to run.
VARIES = {"date": ".+", "x-request-id": "[0-9a-f-]{36}", "x-envoy-upstream-service-time": "[0-9]+",
          "x-echo-header-x-request-id": "[0-9a-f-]{36}"}
ALWAYS = {"numerator": 100}


def chained(name, message, /, fields=None, **more):
    return {"name": name, "typed_config": {"@type": TYPE + message, **(fields or {})}, **more}


def typed(message, **fields):
    return {"@type": TYPE + message, **fields}


def on_route(path, per_filter=None, **action):
    """A route by prefix, to the echo upstream unless it says otherwise."""
    action = action or {"route": {"cluster": "echo"}}
    return {"match": {"prefix": path}, **action,
            **({"typed_per_filter_config": per_filter} if per_filter else {})}


def host(name, *routes, **more):
    return {"name": name, "domains": [name], "routes": list(routes), **more}


@pytest.fixture(scope="module")
def upstream():
    process, port = sidecar.echo(BINARY)
    with process:
        yield port


class Pair:
    """Both processes on one configuration."""

    def __init__(self, folder, upstream, filters, hosts, route_config_extra=None, **hcm):
        self.dead = sidecar.free_port()
        hcm["route_config"] = {"name": "local", "virtual_hosts": hosts, **(route_config_extra or {})}

        def make(port, admin, log):
            return config(
                port, admin, [], [cluster("echo", upstream), cluster("dead", self.dead)],
                http_filters=[*filters, {"name": "router", "typed_config": {"@type": ROUTER}}],
                access_log=[{"name": "file", "typed_config": {
                    "@type": FILE_LOG, "path": str(log),
                    "log_format": {"text_format_source": {"inline_string": LOG}}}}], **hcm)
        soon = ["--file-flush-interval-msec", "20"]
        with contextlib.ExitStack() as stack:
            self.both = (stack.enter_context(sidecar.envoy(folder, make, flags=soon)),
                         stack.enter_context(sidecar.outrigger(BINARY, folder, make, soon)))
            self.stack = stack.pop_all()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stack.close()

    def ask(self, path, *more, host="test", varies=()):
        """The answer that both gave: (status, headers, body). `varies`: headers not to compare."""
        shown = [self.show(curl(p.port, path, "-H", f"host: {host}", *more), p.port, varies)
                 for p in self.both]
        assert shown[1] == shown[0]
        return shown[0]

    @staticmethod
    def show(answer, port, varies):
        headers = []
        for name, value in answer.headers:
            name = name.lower()
            if name in VARIES:
                assert re.fullmatch(VARIES[name], value), (name, value)
            if name in VARIES or name in varies:
                value = "*"
            headers.append((name, value.replace(f":{port}", ":PORT")))
        return answer.status, sorted(headers), answer.body

    def logged(self, path):
        """What both wrote of the one request with this path: "code flags details"."""
        def line(process):
            def find():
                text = process.log.read_text() if process.log.exists() else ""
                return next((l for l in text.splitlines() if l.startswith(path + " ")), None)
            return wait_for(find, f"a log line of {path}").removeprefix(path + " ")
        lines = [line(p) for p in self.both]
        assert lines[1] == lines[0]
        return lines[0]

    def stats(self, pattern):
        """{name: value} of both, of the stats that are used."""
        found = []
        for process in self.both:
            text = process.admin(f"/stats?usedonly&filter={pattern}")[1]
            found.append(dict(line.rsplit(": ", 1) for line in text.splitlines()))
        assert found[1] == found[0]
        return found[0]

    def prometheus(self, pattern):
        """The samples of both whose name matches."""
        found = []
        for process in self.both:
            text = process.admin("/stats/prometheus")[1]
            found.append(sorted(l for l in text.splitlines() if re.match(pattern, l)))
        assert found[1] == found[0]
        return found[0]


def header(answer, name):
    return next((value for key, value in answer[1] if key == name), None)


# --- fault


def fault(**fields):
    return typed("fault.v3.HTTPFault", **fields)


def abort(status=418, **more):
    return {"abort": {"http_status": status, "percentage": ALWAYS}, **more}


def delay(seconds, **more):
    return {"delay": {"fixed_delay": f"{seconds}s", "percentage": ALWAYS}, **more}


def by_header(numerator=100):
    share = {"numerator": numerator}
    return {"abort": {"header_abort": {}, "percentage": share},
            "delay": {"header_delay": {}, "percentage": share}}


FAULT_ROUTES = [
    on_route("/abort", {"fault": fault(**abort())}),
    on_route("/grpc", {"fault": fault(abort={"grpc_status": 9, "percentage": ALWAYS})}),
    on_route("/never", {"fault": fault(abort={"http_status": 500})}),
    on_route("/header", {"fault": fault(**by_header())}),
    on_route("/half", {"fault": fault(**by_header(0))}),
    on_route("/delay", {"fault": fault(**delay(0.05))}),
    on_route("/late-abort", {"fault": fault(**delay(0.02), **abort(503))}),
    on_route("/here", {"fault": fault(**abort(upstream_cluster="echo"))}),
    on_route("/there", {"fault": fault(**abort(upstream_cluster="other"))}),
    on_route("/node", {"fault": fault(**abort(downstream_nodes=["one", "two"]))}),
    on_route("/marked", {"fault": fault(**abort(headers=[
        {"name": "x-mark", "string_match": {"prefix": "a"}}]))}),
    on_route("/weighted", {"fault": fault(**abort(500))}, route={"weighted_clusters": {"clusters": [
        {"name": "echo", "weight": 1, "typed_per_filter_config": {"fault": fault(**abort(422))}},
        {"name": "dead", "weight": 0}]}}),
    on_route("/evenly", {"fault": fault(**abort(423))}, route={"weighted_clusters": {
        "clusters": [{"name": "echo", "weight": 1}]}}),
    on_route("/full", {"fault": fault(**abort(max_active_faults=0))}),
    on_route("/direct", {"fault": fault(**abort())}, direct_response={"status": 200}),
    on_route("/direct-here", {"fault": fault(**abort(upstream_cluster="echo"))},
             direct_response={"status": 200}),
    on_route("/moved", {"fault": fault(**abort())}, redirect={"path_redirect": "/x"}),
    on_route("/impatient", {"fault": fault(**delay(0.1))},
             route={"cluster": "echo", "timeout": "0.05s"}),
    on_route("/idle", {"fault": fault(**delay(10))},
             route={"cluster": "echo", "idle_timeout": "0.1s"}),
    on_route("/off", {"fault": {"@type": WRAPPER, "disabled": True}}),
    on_route("/wrapped", {"fault": {"@type": WRAPPER, "config": fault(**abort(419))}}),
    on_route("/other-name", {"fault2": fault(**abort())}),
    on_route("/slow", {"fault": fault(response_rate_limit={
        "fixed_limit": {"limit_kbps": 64}, "percentage": ALWAYS})}),
    on_route("/slow-header", {"fault": fault(response_rate_limit={
        "header_limit": {}, "percentage": ALWAYS})}),
    on_route("/plain"),
]


@pytest.fixture(scope="module")
def faults(upstream, tmp_path_factory):
    hosts = [host("test", *FAULT_ROUTES),
             host("levels", on_route("/route", {"fault": fault(**abort(420))}), on_route("/host"),
                  typed_per_filter_config={"fault": fault(**abort(421))})]
    with Pair(tmp_path_factory.mktemp("fault"), upstream,
              [chained("fault", "fault.v3.HTTPFault")], hosts) as pair:
        yield pair


# path, curl's further arguments, status, what is logged
FAULTS = [
    ("/abort", [], 418, "418 FI fault_filter_abort"),
    ("/abort?head", ["-I"], 418, "418 FI fault_filter_abort"),
    ("/abort?grpc", ["-H", "content-type: application/grpc"], 200, "200 FI fault_filter_abort"),
    ("/grpc", [], 200, "200 FI fault_filter_abort"),
    ("/grpc?grpc", ["-H", "content-type: application/grpc"], 200, "200 FI fault_filter_abort"),
    ("/never", [], 200, "200 - via_upstream"),
    ("/header", [], 200, "200 - via_upstream"),
    ("/header?abort", ["-H", "x-envoy-fault-abort-request: 429"], 429,
     "429 FI fault_filter_abort"),
    ("/header?grpc", ["-H", "x-envoy-fault-abort-grpc-request: 5"], 200,
     "200 FI fault_filter_abort"),
    ("/header?both", ["-H", "x-envoy-fault-abort-request: 429",
                      "-H", "x-envoy-fault-abort-grpc-request: 5"], 429,
     "429 FI fault_filter_abort"),
    ("/header?bad", ["-H", "x-envoy-fault-abort-request: 600"], 200, "200 - via_upstream"),
    ("/header?never", ["-H", "x-envoy-fault-abort-request: 429",
                       "-H", "x-envoy-fault-abort-request-percentage: 0"], 200,
     "200 - via_upstream"),
    ("/header?delay", ["-H", "x-envoy-fault-delay-request: 10"], 200, "200 DI via_upstream"),
    ("/header?zero", ["-H", "x-envoy-fault-delay-request: 0"], 200, "200 - via_upstream"),
    ("/header?late", ["-H", "x-envoy-fault-delay-request: 10",
                      "-H", "x-envoy-fault-abort-request: 429"], 429,
     "429 DI,FI fault_filter_abort"),
    ("/half?abort", ["-H", "x-envoy-fault-abort-request: 429",
                     "-H", "x-envoy-fault-abort-request-percentage: 100"], 200,
     "200 - via_upstream"),
    ("/delay", [], 200, "200 DI via_upstream"),
    ("/delay?post", ["-d", "x" * 1000], 200, "200 DI via_upstream"),
    ("/late-abort?post", ["-d", "body"], 503, "503 DI,FI fault_filter_abort"),
    ("/late-abort", [], 503, "503 DI,FI fault_filter_abort"),
    ("/here", [], 418, "418 FI fault_filter_abort"),
    ("/there", [], 200, "200 - via_upstream"),
    ("/node", [], 200, "200 - via_upstream"),
    ("/node?two", ["-H", "x-envoy-downstream-service-node: two"], 418,
     "418 FI fault_filter_abort"),
    ("/node?three", ["-H", "x-envoy-downstream-service-node: three"], 200, "200 - via_upstream"),
    ("/marked", [], 200, "200 - via_upstream"),
    ("/marked?a", ["-H", "x-mark: abc"], 418, "418 FI fault_filter_abort"),
    ("/weighted", [], 422, "422 FI fault_filter_abort"),
    ("/evenly", [], 423, "423 FI fault_filter_abort"),
    ("/full", [], 200, "200 - via_upstream"),
    ("/direct", [], 418, "418 FI fault_filter_abort"),
    ("/direct-here", [], 418, "418 FI fault_filter_abort"),
    ("/moved", [], 418, "418 FI fault_filter_abort"),
    ("/impatient", [], 200, "200 DI via_upstream"),
    ("/impatient?delay_ms=500", [], 504, "504 DI,UT response_timeout"),
    ("/idle", [], 504, "504 DI,SI stream_idle_timeout"),
    ("/off", [], 200, "200 - via_upstream"),
    ("/wrapped", [], 419, "419 FI fault_filter_abort"),
    ("/other-name", [], 200, "200 - via_upstream"),
    ("/plain", [], 200, "200 - via_upstream"),
    ("/none-such", [], 404, "404 NR route_not_found"),
]


@pytest.mark.parametrize("path,more,status,log", FAULTS, ids=lambda value: str(value)[:40])
def test_fault(faults, path, more, status, log):
    assert faults.ask(path, *more)[0] == status
    assert faults.logged(path) == log


def test_the_most_specific_fault_wins(faults):
    assert faults.ask("/route", host="levels")[0] == 420
    assert faults.ask("/host", host="levels")[0] == 421


def test_a_delay_is_as_long_as_asked(faults):
    for process in faults.both:
        start = time.monotonic()
        assert curl(process.port, "/header?timed", "-H", "host: test", "-H",
                    "x-envoy-fault-delay-request: 300").status == 200
        assert 0.3 <= time.monotonic() - start < 5


@pytest.mark.parametrize("path,more", [
    ("/slow", []), ("/slow-header?set", ["-H", "x-envoy-fault-throughput-response: 64"])])
def test_a_response_is_as_slow_as_asked(faults, path, more):
    size = 24 << 10  # 64 KiB a second, of which 50 ms' worth comes at once
    for process in faults.both:
        start = time.monotonic()
        answer = curl(process.port, path, "-H", "host: test", *more, "-d", "x" * size)
        took = time.monotonic() - start
        assert answer.status == 200 and len(answer.body) == size
        assert 0.3 <= took < 5
    assert faults.logged(path) == "200 - via_upstream"


def test_a_response_is_slow_only_where_asked(faults):
    for more in ([], ["-H", "x-envoy-fault-throughput-response: 0"],
                 ["-H", "x-envoy-fault-throughput-response: 1",
                  "-H", "x-envoy-fault-throughput-response-percentage: 0"]):
        for process in faults.both:
            start = time.monotonic()
            answer = curl(process.port, "/slow-header", "-H", "host: test", *more, "-d",
                          "x" * 20000)
            assert len(answer.body) == 20000 and time.monotonic() - start < 5


def test_fault_counters(upstream, tmp_path):
    chain = [chained("fault", "fault.v3.HTTPFault", {**delay(0.01), **abort()})]
    hosts = [host("test", on_route("/off", {"fault": {"@type": WRAPPER, "disabled": True}}),
                  on_route("/full", {"fault": fault(**abort(max_active_faults=0))}), on_route("/"))]
    with Pair(tmp_path, upstream, chain, hosts) as pair:
        for path in ("/", "/a", "/off", "/full"):
            pair.ask(path)
        assert pair.stats(r"^http\.test\.fault\.") == {
            "http.test.fault.aborts_injected": "2", "http.test.fault.delays_injected": "2",
            "http.test.fault.active_faults": "0", "http.test.fault.faults_overflow": "1"}
        pair.prometheus("envoy_http_fault_(aborts|delays)_injected")


def test_a_disabled_filter_acts_where_a_route_enables_it(upstream, tmp_path):
    enabled = {"fault": {"@type": WRAPPER, "config": {}}}
    hosts = [host("test", on_route("/on", enabled), on_route("/own", {"fault": fault()}),
                  on_route("/")),
             host("host", on_route("/off", {"fault": {"@type": WRAPPER, "disabled": True}}),
                  on_route("/"), typed_per_filter_config=enabled)]
    chain = [chained("fault", "fault.v3.HTTPFault", abort(), disabled=True)]
    with Pair(tmp_path, upstream, chain, hosts) as pair:
        for name, path, status in (("test", "/on", 418), ("test", "/own", 200), ("test", "/", 200),
                                   ("host", "/off", 200), ("host", "/", 418)):
            assert pair.ask(path, host=name)[0] == status


def test_filters_act_on_requests_without_a_route(upstream, tmp_path):
    chain = [chained("fault", "fault.v3.HTTPFault", abort())]
    with Pair(tmp_path, upstream, chain, [host("test", on_route("/only"))]) as pair:
        assert pair.ask("/none")[0] == 418
        assert pair.ask("/none", host="nobody")[0] == 418


def test_a_client_that_leaves_ends_the_delay(faults):
    gauge = "http.test.fault.active_faults"
    for process in faults.both:
        with sidecar.Process(["curl", "-s", "--http2-prior-knowledge", "-H", "host: test", "-H",
                              "x-envoy-fault-delay-request: 100000",
                              f"http://127.0.0.1:{process.port}/header?gone"]) as client:
            wait_for(lambda: process.stat(gauge) == 1, "a fault is active")
            client.child.kill()
        wait_for(lambda: process.stat(gauge) == 0, "the fault ended")
    assert faults.logged("/header?gone") == "0 DI,DC downstream_remote_disconnect"


# --- cors


def cors(**fields):
    return typed("cors.v3.CorsPolicy", **fields)


def exactly(*origins):
    return {"allow_origin_string_match": [{"exact": origin} for origin in origins]}


def share(numerator):
    return {"default_value": {"numerator": numerator}, "runtime_key": "none"}


FULL = {**exactly("http://good", "http://fine"), "allow_methods": "GET,PUT", "allow_headers": "x-a",
        "expose_headers": "x-b", "max_age": "99", "allow_credentials": True,
        "allow_private_network_access": True}
STARS = {**exactly("*"), "allow_methods": "*", "allow_headers": "*"}

CORS_ROUTES = [
    on_route("/full", {"cors": cors(**FULL)}),
    on_route("/bare", {"cors": cors(**exactly("http://good"))}),
    on_route("/stars", {"cors": cors(**STARS)}),
    on_route("/patterns", {"cors": cors(allow_origin_string_match=[
        {"prefix": "http://a."}, {"suffix": ".b"}, {"contains": "-c-"},
        {"safe_regex": {"regex": "http://d[0-9]+"}}, {"exact": "HTTP://E", "ignore_case": True}])}),
    on_route("/strict", {"cors": cors(**FULL, forward_not_matching_preflights=False)}),
    on_route("/shadow", {"cors": cors(**FULL, filter_enabled=share(0), shadow_enabled=share(100))}),
    on_route("/off", {"cors": cors(**FULL, filter_enabled=share(0))}),
    on_route("/disabled", {"cors": {"@type": WRAPPER, "disabled": True}}),
    {**on_route("/adds", {"cors": cors(**FULL)}), "response_headers_to_add": [
        {"header": {"key": "x-added", "value": "1"}}]},
    on_route("/direct", {"cors": cors(**FULL)}, direct_response={"status": 200}),
    on_route("/dead", {"cors": cors(**FULL)}, route={"cluster": "dead"}),
    on_route("/plain"),
]


@pytest.fixture(scope="module")
def cors_pair(upstream, tmp_path_factory):
    levels = host(
        "levels",
        on_route("/own", {"cors": cors(allow_methods="PATCH", **exactly("http://own"))}),
        on_route("/weighted", {"cors": cors(max_age="7")}, route={"weighted_clusters": {
            "clusters": [{"name": "echo", "weight": 1, "typed_per_filter_config": {
                "cors": cors(allow_headers="x-w")}}]}}),
        on_route("/not-there", {"cors": cors(filter_enabled=share(0))}),
        on_route("/enabled", {"cors": {"@type": WRAPPER, "config": {}}}),
        on_route("/host"),
        typed_per_filter_config={"cors": cors(expose_headers="x-h", allow_credentials=True)})
    with Pair(tmp_path_factory.mktemp("cors"), upstream, [chained("cors", "cors.v3.Cors")],
              [host("test", *CORS_ROUTES), levels],
              route_config_extra={"typed_per_filter_config": {"cors": cors(
                  **exactly("http://table"), allow_methods="GET", expose_headers="x-t")}}) as pair:
        yield pair


ORIGINS = {
    "/full": ["http://good", "http://fine", "http://bad", ""], "/bare": ["http://good"],
    "/stars": ["http://any"], "/strict": ["http://good", "http://bad"], "/shadow": ["http://good"],
    "/off": ["http://good"], "/disabled": ["http://good"], "/adds": ["http://good"],
    "/direct": ["http://good"], "/dead": ["http://good"], "/plain": ["http://table", "http://good"],
    "/patterns": ["http://a.x", "x.b", "1-c-2", "http://d12", "http://e", "http://dx", "nothing"],
}


@pytest.mark.parametrize("path,origin", [(p, o) for p, all in ORIGINS.items() for o in all])
def test_cors(cors_pair, path, origin):
    pair = cors_pair
    before = pair.stats(r"^http\.test\.cors\.")
    pair.ask(path, "-H", f"origin;" if not origin else f"origin: {origin}")
    preflight = ["-X", "OPTIONS", "-H", f"origin: {origin}", "-H",
                 "access-control-request-method: PUT"]
    pair.ask(path, *preflight)
    pair.ask(path, *preflight, "-H", "access-control-request-headers: x-c,x-d", "-H",
             "access-control-request-private-network: true")
    pair.ask(path, "-X", "OPTIONS", "-H", f"origin: {origin}")
    after = pair.stats(r"^http\.test\.cors\.")
    assert origin == "" or path in ("/off", "/disabled", "/direct") or after != before


@pytest.mark.parametrize("path", ["/own", "/weighted", "/not-there", "/enabled", "/host"])
def test_cors_levels_are_merged(cors_pair, path):
    for origin in ("http://own", "http://table"):
        cors_pair.ask(path, "-H", f"origin: {origin}", host="levels")
        cors_pair.ask(path, "-X", "OPTIONS", "-H", f"origin: {origin}", "-H",
                      "access-control-request-method: PUT", host="levels")


def test_a_preflight_in_the_log(cors_pair):
    cors_pair.ask("/full?logged", "-X", "OPTIONS", "-H", "origin: http://good", "-H",
                  "access-control-request-method: PUT")
    assert cors_pair.logged("/full?logged") == "200 - cors_response"


def test_cors_counters_by_prometheus(cors_pair):
    cors_pair.prometheus("envoy_http_cors")


# --- local_ratelimit


def limited(most=2, /, every="3600s", **fields):
    """A limit of which no token comes back while the test runs, on all requests."""
    bucket = {"token_bucket": {"max_tokens": most, "tokens_per_fill": 1, "fill_interval": every}}
    return {"stat_prefix": "limit", "filter_enabled": share(100), "filter_enforced": share(100),
            **bucket, **fields}


def limit(*args, **fields):
    return typed("local_ratelimit.v3.LocalRateLimit", **limited(*args, **fields))


def adding(name, value="1"):
    return [{"header": {"key": name, "value": value}}]


TELLS = {"enable_x_ratelimit_headers": "DRAFT_VERSION_03"}
LIMIT_ROUTES = [
    on_route("/two", {"limit": limit()}),
    on_route("/none", {"limit": limit(0)}),
    on_route("/off", {"limit": limit(filter_enabled=share(0))}),
    on_route("/silent", {"limit": limit(filter_enforced=share(0), **TELLS,
                                        request_headers_to_add_when_not_enforced=adding(
                                            "x-over", "%REQ(:METHOD)%"))}),
    on_route("/unset", {"limit": {k: v for k, v in limit(1).items() if "filter" not in k}}),
    on_route("/status", {"limit": limit(1, status={"code": 503})}),
    on_route("/no-error", {"limit": limit(1, status={"code": 302})}),
    on_route("/exhausted", {"limit": limit(1, rate_limited_as_resource_exhausted=True)}),
    on_route("/adds", {"limit": limit(1, response_headers_to_add=adding(
        "x-limited", "%REQ(:PATH)%"), **TELLS)}),
    on_route("/tells", {"limit": limit(3, every="100000s", **TELLS)}),
    {**on_route("/route-adds", {"limit": limit(1)}), "response_headers_to_add": adding("x-route")},
    on_route("/disabled", {"limit": {"@type": WRAPPER, "disabled": True}}),
    on_route("/direct", {"limit": limit(1, **TELLS)}, direct_response={"status": 200}),
    on_route("/dead", {"limit": limit(1, **TELLS)}, route={"cluster": "dead"}),
    on_route("/plain"),
]


@pytest.fixture(scope="module")
def limits(upstream, tmp_path_factory):
    chain = [chained("limit", "local_ratelimit.v3.LocalRateLimit", {
        "stat_prefix": "chain", "filter_enabled": share(100), "filter_enforced": share(100)})]
    with Pair(tmp_path_factory.mktemp("limit"), upstream, chain,
              [host("test", *LIMIT_ROUTES)]) as pair:
        yield pair


# path, curl's further arguments, statuses in turn, what is logged of the last one
LIMITS = [
    ("/two", [], [200, 200, 429, 429], "429 RL local_rate_limited"),
    ("/none", [], [429, 429], "429 RL local_rate_limited"),
    ("/off", [], [200, 200, 200], "200 - via_upstream"),
    ("/silent", [], [200, 200, 200, 200], "200 - via_upstream"),
    ("/unset", [], [200, 200, 200], "200 - via_upstream"),
    ("/status", [], [200, 503], "503 RL local_rate_limited"),
    ("/no-error", ["-I"], [200, 429], "429 RL local_rate_limited"),
    ("/exhausted", ["-H", "content-type: application/grpc"], [200, 200],
     "200 RL local_rate_limited"),
    ("/two?grpc", ["-H", "content-type: application/grpc"], [200], "200 RL local_rate_limited"),
    ("/adds", [], [200, 429], "429 RL local_rate_limited"),
    ("/adds?head", ["-I"], [429], "429 RL local_rate_limited"),
    ("/tells", [], [200, 200, 200, 429], "429 RL local_rate_limited"),
    ("/route-adds", [], [200, 429], "429 RL local_rate_limited"),
    ("/disabled", [], [200, 200], "200 - via_upstream"),
    ("/direct", [], [200, 429], "429 RL local_rate_limited"),
    ("/dead", [], [503, 429], "429 RL local_rate_limited"),
    ("/plain", [], [200, 200, 200], "200 - via_upstream"),
]


@pytest.mark.parametrize("path,more,statuses,log", LIMITS, ids=lambda value: str(value)[:40])
def test_local_rate_limit(limits, path, more, statuses, log):
    last = f"{path}{'&' if '?' in path else '?'}last"
    for status in statuses[:-1]:
        assert limits.ask(path, *more)[0] == status
    assert limits.ask(last, *more)[0] == statuses[-1]
    assert limits.logged(last) == log


def test_local_rate_limit_counters(upstream, tmp_path):
    hosts = [host("test", on_route("/silent", {"limit": limit(1, filter_enforced=share(0),
                                                              stat_prefix="silent")}),
                  on_route("/"))]
    chain = [chained("limit", "local_ratelimit.v3.LocalRateLimit", limited())]
    with Pair(tmp_path, upstream, chain, hosts) as pair:
        for path in ("/", "/a", "/b", "/c", "/silent", "/silent?2"):
            pair.ask(path)
        assert pair.stats("http_local_rate_limit") == {
            "limit.http_local_rate_limit.enabled": "4", "limit.http_local_rate_limit.ok": "2",
            "limit.http_local_rate_limit.enforced": "2",
            "limit.http_local_rate_limit.rate_limited": "2",
            "silent.http_local_rate_limit.enabled": "2", "silent.http_local_rate_limit.ok": "1",
            "silent.http_local_rate_limit.rate_limited": "1"}
        pair.prometheus("envoy_http_local_rate_limit_(ok|enforced|rate_limited|enabled)")


def test_tokens_come_back(upstream, tmp_path):
    chain = [chained("limit", "local_ratelimit.v3.LocalRateLimit", limited(1, every="0.2s"))]
    with Pair(tmp_path, upstream, chain, [host("test", on_route("/"))]) as pair:
        for process in pair.both:
            def passes():
                return curl(process.port, "/", "-H", "host: test").status == 200
            assert passes()
            wait_for(lambda: not passes(), "a request is refused")
            wait_for(passes, "a token is there again")


if __name__ == "__main__":
    sys.exit(run_pytest(__file__))
