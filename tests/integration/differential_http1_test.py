"""The real Envoy and Outrigger in front of upstreams that speak HTTP/1.1, well or badly: what they
are asked, and what becomes of what they answer, for clients of both versions."""

import json
import re
import signal
import socket
import subprocess
import sys

import pytest

from tests.support import h1_peer, h2_peer, sidecar
from tests.support.h1_peer import CLOSE, HANG, RESET
from tests.support.run_pytest import run_pytest
from tests.support.sidecar import BINARY, cluster, config

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"transfer-encoding: chunked\r\n\r\n"
LENGTH = OK + b"content-length: 5\r\n\r\n"

# What upstreams do: see h1_peer.Upstream.
FAULTS = {
    "length": [LENGTH + b"hello"],
    "zero": [OK + b"content-length: 0\r\n\r\n"],
    "chunked": [CHUNKED + b"5\r\nhello\r\n0\r\n\r\n"],
    "chunk-extension": [CHUNKED + b"5;a=b\r\nhello\r\n0\r\n\r\n"],
    "trailers": [CHUNKED + b"5\r\nhello\r\n0\r\na: b\r\n\r\n"],
    "until-close": [OK + b"\r\nhello", CLOSE],
    "say-close": [OK + b"connection: close\r\ncontent-length: 5\r\n\r\nhello", CLOSE],
    "http10": [b"HTTP/1.0 200 OK\r\ncontent-length: 5\r\n\r\nhello", CLOSE],
    "http10-until-close": [b"HTTP/1.0 200 OK\r\n\r\nhello", CLOSE],
    "no-phrase": [b"HTTP/1.1 200\r\ncontent-length: 0\r\n\r\n"],
    "odd-phrase": [b"HTTP/1.1 299 What else?\r\ncontent-length: 0\r\n\r\n"],
    "404": [b"HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\nno"],
    "100": [b"HTTP/1.1 100 Continue\r\n\r\n" + LENGTH + b"hello"],
    "103": [b"HTTP/1.1 103 Early Hints\r\n\r\n" + LENGTH + b"hello"],
    "many-103": [b"HTTP/1.1 103 Early Hints\r\n\r\n" * 9 + LENGTH + b"hello"],
    "100-length": [b"HTTP/1.1 100 Continue\r\ncontent-length: 5\r\n\r\n" + LENGTH + b"hello",
                   CLOSE],
    "204": [b"HTTP/1.1 204 No Content\r\n\r\n"],
    "204-zero": [b"HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n"],
    "204-length": [b"HTTP/1.1 204 No Content\r\ncontent-length: 5\r\n\r\nhello", CLOSE],
    "204-chunked": [b"HTTP/1.1 204 No Content\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
                    CLOSE],
    "204-body": [b"HTTP/1.1 204 No Content\r\n\r\nhello", CLOSE],
    "304-length": [b"HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\netag: \"a\"\r\n\r\n"],
    "surplus": [LENGTH + b"helloHTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil", CLOSE],
    "hop-by-hop": [OK + b"connection: keep-alive\r\nkeep-alive: timeout=5\r\n"
                   b"proxy-connection: x\r\nupgrade: y\r\ntrailer: t\r\n"
                   b"content-length: 0\r\n\r\n"],
    "close-at-once": [CLOSE],
    "reset-at-once": [RESET],
    "close-in-status": [b"HTTP/1.1 20", CLOSE],
    "close-in-head": [OK + b"a: b\r\n", CLOSE],
    "reset-in-head": [OK + b"a: b\r\n", RESET],
    "close-after-head": [LENGTH, CLOSE],
    "close-in-body": [LENGTH + b"he", CLOSE],
    "reset-in-body": [LENGTH + b"he", RESET],
    "close-in-chunk": [CHUNKED + b"5\r\nhe", CLOSE],
    "close-in-chunks": [CHUNKED + b"5\r\nhello\r\n", CLOSE],
    "close-in-trailers": [CHUNKED + b"5\r\nhello\r\n0\r\na: b\r\n", CLOSE],
    "close-after-100": [b"HTTP/1.1 100 Continue\r\n\r\n", CLOSE],
    "garbage": [b"\x16\x03\x01\x00\x05hello\r\n\r\n", CLOSE],
    "garbage-text": [b"hello\r\n\r\n", CLOSE],
    "bad-status": [b"HTTP/1.1 2x0 OK\r\ncontent-length: 0\r\n\r\n", CLOSE],
    "bad-length": [OK + b"content-length: x\r\n\r\nhello", CLOSE],
    "negative-length": [OK + b"content-length: -1\r\n\r\nhello", CLOSE],
    "two-lengths": [OK + b"content-length: 5\r\ncontent-length: 6\r\n\r\nhello", CLOSE],
    "both": [OK + b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
             CLOSE],
    "gzip": [OK + b"transfer-encoding: gzip\r\n\r\nhello", CLOSE],
    "bad-name": [OK + b"a b: c\r\ncontent-length: 0\r\n\r\n", CLOSE],
    "bad-value": [OK + b"a: b\x00c\r\ncontent-length: 0\r\n\r\n", CLOSE],
    "space-before-colon": [OK + b"content-length : 5\r\n\r\nhello", CLOSE],
    "bad-chunk": [CHUNKED + b"x\r\n", CLOSE],
    "huge-chunk": [CHUNKED + b"f" * 17 + b"\r\nhello", CLOSE],
    "huge-head": [OK + b"a: " + b"x" * 90000 + b"\r\ncontent-length: 0\r\n\r\n", CLOSE],
    "many-fields": [OK + b"a: b\r\n" * 120 + b"content-length: 0\r\n\r\n", CLOSE],
    "huge-value": [OK + b"a: " + b"x" * 50000 + b"\r\ncontent-length: 0\r\n\r\n", CLOSE],
    "early": [LENGTH + b"early", None, HANG],
    "hang": [HANG],
}
# Whether its end comes with its head is chance, and HTTP/1 shows it.
EMPTY = {"empty-until-close": [OK + b"\r\n", CLOSE]}
# Where Envoy takes what can be understood in two ways, or takes a part for the whole.
STRICTER = {
    "until-close-reset": [OK + b"\r\nhello", RESET],
    "101": [b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n",
            CLOSE],
    "bad-version": [b"HTTP/2.0 200 OK\r\ncontent-length: 0\r\n\r\n", CLOSE],
    "long-chunk": [CHUNKED + b"2\r\nhello\r\n0\r\n\r\n", CLOSE],
    "bare-lf": [b"HTTP/1.1 200 OK\ncontent-length: 5\n\nhello", CLOSE],
    "fold": [OK + b"a: b\r\n c\r\ncontent-length: 0\r\n\r\n", CLOSE],
    "chunk-without-cr": [CHUNKED + b"5\nhello\r\n0\r\n\r\n", CLOSE],
    "same-lengths": [OK + b"content-length: 5\r\ncontent-length: 5\r\n\r\nhello", CLOSE],
}
POST = {"method": "POST", "body": b"hello"}
# What is asked: path, fields, how; by clients of HTTP/2.
REQUESTS = {
    "get": ("/x", [], {}),
    "head": ("/x", [], {"method": "HEAD"}),
    "post": ("/x", [], POST),
    "post-length": ("/x", [("content-length", "5")], POST),
    "post-empty": ("/x", [], {"method": "POST"}),
    "put-empty": ("/x", [], {"method": "PUT"}),
    "delete": ("/x", [], {"method": "DELETE"}),
    "options": ("/x", [], {"method": "OPTIONS"}),
    "asterisk": ("*", [], {"method": "OPTIONS"}),
    "get-body": ("/x", [], {"body": b"hello"}),
    "zero-length": ("/x", [("content-length", "0")], {"method": "GET"}),
    "trailers": ("/x", [], {**POST, "trailers": [("t", "v")]}),
    "te": ("/x", [("te", "trailers")], {}),
    "crumbs": ("/x", [("cookie", "a=b"), ("cookie", "c=d")], {}),
    "query": ("/x?a=b&c=%20", [], {}),
    "expect": ("/x", [("expect", "100-continue")], POST),
}


def http1(name, port, **more):
    """Of HTTP/1.1 by default: nothing says otherwise."""
    made = cluster(name, port, **more)
    if not more:
        del made["typed_extension_protocol_options"]
    return made


def pair(upstream, folder, options=None, hosts=None, **hcm):
    more = {"typed_extension_protocol_options": {
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": sidecar.HTTP_OPTIONS, **options}}} if options else {}

    def make(port, admin, log):
        return config(port, admin, hosts or sidecar.all_to("up", timeout="2s"),
                      [http1("up", upstream.port, **more)], log=log, **hcm)
    return sidecar.envoy(folder, make), sidecar.outrigger(BINARY, folder, make)


@pytest.fixture(scope="module")
def upstream():
    with h1_peer.Upstream({**FAULTS, **EMPTY, **STRICTER}) as server:
        yield server


@pytest.fixture(scope="module")
def both(upstream, tmp_path_factory):
    envoy, ours = pair(upstream, tmp_path_factory.mktemp("both"))
    with envoy, ours:
        yield envoy, ours


def plain(text, port):
    """Without what differs from run to run."""
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "UUID", text)
    text = re.sub(r"date: [^\r]{29}", "date: now", text)
    text = re.sub(r"(x-envoy-upstream-service-time[^\d]*)\d+", r"\1N", text)
    return text.replace(str(port), "PORT")


def by_http2(proxy, path, fields=(), **how):
    answer = h2_peer.ask(proxy.port, path, *fields, **how)
    headers = sorted((name, "now" if name == "date" and len(value) == 29 else value)
                     for name, value in answer.headers)
    return {key: plain(str(value), proxy.port) for key, value in {
        "status": answer.status, "headers": headers, "interim": answer.informational,
        "body": answer.body, "trailers": answer.trailers, "end": answer.end}.items()}


def by_http1(proxy, path, fields=(), **how):
    head, _, body = plain(h1_peer.ask(proxy.port, path, *fields, **how), proxy.port).partition(
        "\r\n\r\n")
    line, *fields = head.split("\r\n")
    return {"line": line, "fields": sorted(fields), "body": body}


@pytest.mark.parametrize("ask", [by_http2, by_http1])
@pytest.mark.parametrize("fault", FAULTS)
def test_same_answer(both, fault, ask):
    how = {"method": "POST", "body": b"hello", "end": False} if fault == "early" else {}
    if ask is by_http1 and how:
        how = {"method": "POST", "body": b"he", "fields": [("content-length", "5")]}
    told = [ask(proxy, f"/{fault}", **how) for proxy in both]
    assert told[1] == told[0]


def test_same_empty_answer(both):
    told = [by_http2(proxy, "/empty-until-close") for proxy in both]
    assert told[1] == told[0]


@pytest.mark.parametrize("ask", [by_http2, by_http1])
@pytest.mark.parametrize("fault", STRICTER)
def test_refused(both, fault, ask):
    """None of it is passed on as a whole answer, and the connection is not used again."""
    answer = ask(both[1], f"/{fault}")
    if ask is by_http2:
        assert answer["status"] == "502" or answer["end"].startswith("reset"), answer
    else:
        whole = re.match(r"HTTP/1.1 200", answer["line"]) and answer["body"].endswith("0\r\n\r\n")
        assert not whole, answer
    assert json.loads(h2_peer.ask(both[1].port, "/plain").body)["line"] == "GET /plain HTTP/1.1"


COUNTERS = [
    "upstream_cx_total", "upstream_cx_http1_total", "upstream_cx_protocol_error",
    "upstream_cx_close_notify", "upstream_cx_destroy", "upstream_rq_total", "upstream_rq_1xx",
    "upstream_rq_2xx", "upstream_rq_5xx", "upstream_rq_completed", "upstream_rq_retry",
    "upstream_rq_timeout", "upstream_rq_pending_total", "upstream_rq_rx_reset",
    "upstream_rq_tx_reset",
]


def test_same_counters(upstream, tmp_path):
    """One after the other, each with a good request behind it: who keeps which connection."""
    seen = []
    for proxy in pair(upstream, tmp_path):
        steps = {}
        before = [0] * len(COUNTERS)
        with proxy:
            for fault in FAULTS:
                # After a 1xx Envoy counts no failure.
                if fault in ("early", "hang", "close-after-100"):
                    continue
                for path in (f"/{fault}", "/plain"):
                    h1_peer.ask(proxy.port, path)
                found = dict(line.split(": ") for line in proxy.admin(
                    "/stats?filter=^cluster.up.upstream_(cx|rq)_[a-z0-9_]*$")[1].splitlines()
                    if "P0" not in line and "No rec" not in line)
                now = [int(found.get(f"cluster.up.{name}", 0)) for name in COUNTERS]
                steps[fault] = {name: now[i] - before[i] for i, name in enumerate(COUNTERS)
                                if now[i] != before[i]}
                before = now
        seen.append(steps)
    assert seen[1] == seen[0]


def test_same_log(upstream, tmp_path):
    """Status, flags, bytes and hosts as the access log has them."""
    faults = [fault for fault in FAULTS if fault != "early"]
    seen = []
    for proxy in pair(upstream, tmp_path):
        with proxy:
            for fault in faults:
                h1_peer.ask(proxy.port, f"/{fault}")
            proxy.end(signal.SIGTERM)  # Envoy writes every 10 s, or now
            # Time and durations differ; what stands between and behind them does not.
            seen.append([re.sub(r'^\[[^]]*\] ("[^"]*" \d+ \S+ \d+ \d+) \d+ \S+ (.*)$', r"\1 \2",
                                plain(line, proxy.port)) for line in proxy.log_lines(len(faults))])
    assert seen[1] == seen[0]


@pytest.mark.parametrize("name", REQUESTS)
def test_same_request(both, name):
    path, fields, how = REQUESTS[name]
    told = [by_http2(proxy, path, fields, **how) for proxy in both]
    assert told[1] == told[0]


POLICIES = ["", "reset", "5xx", "gateway-error", "connect-failure", "refused-stream",
            "reset-before-request"]


@pytest.mark.parametrize("fault", ["close-at-once", "reset-at-once", "close-in-head", "garbage",
                                   "close-after-100"])
def test_same_retries(upstream, both, fault):
    """A kept connection that closes says nothing of the request: only a policy sends it again."""
    for policy in POLICIES:
        seen = []
        for proxy in both:
            h1_peer.ask(proxy.port, "/plain")  # so that there is a connection
            before = upstream.requests
            fields = [("x-envoy-retry-on", policy)] if policy else []
            seen.append((by_http1(proxy, f"/{fault}", fields=fields), upstream.requests - before))
        assert seen[1] == seen[0], policy


def test_same_refusal(tmp_path):
    class Nobody:
        port = sidecar.free_port()
    seen = []
    for proxy in pair(Nobody, tmp_path):
        with proxy:
            seen.append((by_http1(proxy, "/x"), by_http2(proxy, "/x"),
                         proxy.stat("cluster.up.upstream_cx_connect_fail")))
    assert seen[1] == seen[0]


def test_a_connection_that_closed_in_silence_is_not_used(upstream, both):
    for proxy in both:
        for _ in range(3):
            assert by_http1(proxy, "/length")["body"] == "hello"
            assert by_http1(proxy, "/say-close")["body"] == "hello"


EXPLICIT = "explicit_http_config"
SETTINGS = [
    ({EXPLICIT: {"http_protocol_options": {"enable_trailers": True}}}, {},
     ["/trailers", "/chunked"]),
    ({EXPLICIT: {"http_protocol_options": {}},
      "common_http_protocol_options": {"max_headers_count": 3}}, {}, ["/hop-by-hop", "/length"]),
    ({EXPLICIT: {"http_protocol_options": {}},
      "common_http_protocol_options": {"max_response_headers_kb": 100}}, {}, ["/huge-value"]),
    ({EXPLICIT: {"http_protocol_options": {}},
      "common_http_protocol_options": {"max_requests_per_connection": 1}}, {}, ["/length"]),
    (None, {"proxy_100_continue": True}, ["/100", "/103", "/close-after-100"]),
]


@pytest.mark.parametrize("options,hcm,paths", SETTINGS, ids=str)
def test_same_by_setting(upstream, tmp_path, options, hcm, paths):
    envoy, ours = pair(upstream, tmp_path, options, **hcm)
    with envoy, ours:
        for path in paths:
            told = [by_http2(proxy, path) for proxy in (envoy, ours)]
            assert told[1] == told[0], path
        told = [by_http2(proxy, "/x", [("expect", "100-continue")],
                         **{**POST, "trailers": [("t", "v")]}) for proxy in (envoy, ours)]
        assert told[1] == told[0]


def test_an_idle_connection_is_closed(upstream, tmp_path):
    options = {EXPLICIT: {"http_protocol_options": {}},
               "common_http_protocol_options": {"idle_timeout": "0.1s"}}
    for proxy in pair(upstream, tmp_path, options):
        with proxy:
            h1_peer.ask(proxy.port, "/length")
            sidecar.wait_for(lambda: proxy.stat("cluster.up.upstream_cx_idle_timeout") == 1, "idle")
            sidecar.wait_for(lambda: proxy.stat("cluster.up.upstream_cx_active") == 0, "closed")


def test_as_the_client_speaks(tmp_path):
    process, port = sidecar.echo(BINARY)

    class Echo:
        pass
    Echo.port = port
    seen = []
    with process:
        for proxy in pair(Echo, tmp_path, {"use_downstream_protocol_config": {}}):
            with proxy:
                told = [h1_peer.ask(proxy.port, "/x?plain=1").split("\r\n")[0],
                        h2_peer.ask(proxy.port, "/x?plain=1").status,
                        h1_peer.ask(proxy.port, "/x?plain=1").split("\r\n")[0]]
                seen.append(told + [proxy.stat(f"cluster.up.upstream_{name}_total") for name in (
                    "cx", "cx_http1", "cx_http2", "rq")])
    assert seen[1] == seen[0] == ["HTTP/1.1 200 OK", 200, "HTTP/1.1 200 OK", 2, 1, 1, 3]


@pytest.mark.parametrize("http2", [True, False])
def test_large_bodies_go_both_ways(tmp_path, http2):
    """With back-pressure: the built-in upstream answers with what it has got so far."""
    process, port = sidecar.echo(BINARY)
    body = tmp_path / "body"
    body.write_bytes(bytes(range(256)) * 20000)
    with process, sidecar.outrigger(BINARY, tmp_path, lambda at, admin, log: config(
            at, admin, sidecar.all_to("up"), [http1("up", port)])) as proxy:
        for more in ([], ["-H", "transfer-encoding: chunked"]):
            answer = sidecar.curl(proxy.port, "/x", "-H", "expect:", "--data-binary", f"@{body}",
                                  *([] if http2 else more), http2=http2)
            assert answer.status == 200
            assert answer.body.encode("latin-1") == body.read_bytes()


@pytest.mark.parametrize("early", [b"", OK + b"content-length: 0\r\n\r\n"])
def test_an_upstream_that_takes_nothing_keeps_no_connection(tmp_path, early):
    """The kernel's buffers are full, so nothing that is written tells that the request was given up."""
    body = tmp_path / "body"
    body.write_bytes(bytes(20_000_000))
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        with sidecar.outrigger(BINARY, tmp_path, lambda at, admin, log: config(
                at, admin, sidecar.all_to("up"),
                [http1("up", server.getsockname()[1])])) as proxy:
            with subprocess.Popen(["curl", "-s", "-o", "/dev/null", "-H", "expect:", "--data-binary",
                                   f"@{body}", f"http://127.0.0.1:{proxy.port}/"]) as client:
                peer = server.accept()[0]
                with peer:
                    sidecar.wait_for(lambda: proxy.stat("cluster.up.upstream_rq_active") == 1, "a request")
                    if early:
                        peer.sendall(early)
                    else:
                        client.kill()
                    sidecar.wait_for(lambda: proxy.stat("cluster.up.upstream_cx_active") == 0, "closed")
                client.kill()


if __name__ == "__main__":
    sys.exit(run_pytest(__file__))
