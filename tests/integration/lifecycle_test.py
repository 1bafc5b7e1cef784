"""How HTTP/2 connections age and end, on both sides: pings, limits of time and of requests, GOAWAY."""

import contextlib
import os
import socket
import sys
import threading

import pytest

from tests.support import sidecar
from tests.support.raw_http2 import (ACK, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PING, PREFACE, PROTOCOL, RST,
                                     SETTINGS, Upstream, attacker, frame, get, literal, number, request)
from tests.support.run_pytest import run_pytest
from tests.support.sidecar import BINARY, HTTP_OPTIONS, all_to, cluster, config, curl, wait_for

KEEPALIVE = {"connection_keepalive": {"interval": "0.1s", "timeout": "0.3s"}}
OK = b"\x88"  # :status 200


@pytest.fixture(scope="module")
def upstream():
    process, port = sidecar.echo(BINARY)
    with process:
        yield port


@contextlib.contextmanager
def proxy(folder, port, http2=None, **hcm):
    """The proxy before `port`; `http2`: the cluster's protocol options."""
    to = cluster("up", port)
    to["typed_extension_protocol_options"] = {
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": HTTP_OPTIONS, "explicit_http_config": {"http2_protocol_options": http2 or {}}}}

    def make(listen, admin, log):
        return config(listen, admin, all_to("up"), [to], codec_type="HTTP2", **hcm)
    with sidecar.outrigger(BINARY, folder, make) as process:
        yield process


def last_streams(peer):
    return [int.from_bytes(payload[:4], "big") for *_, payload in peer.of(GOAWAY)]


def answered(peer, stream):
    return wait_for(lambda: any(f[2] == stream and f[1] & END_STREAM for f in list(peer.frames)),
                    "an answer")


def acknowledge(peer, count):
    """Answers the next `count` pings."""
    for i in range(count):
        wait_for(lambda i=i: len([f for f in peer.of(PING) if not f[1] & ACK]) > i, "a ping")
        peer.send(frame(PING, ACK, 0, peer.of(PING)[i][3]))


def test_a_client_that_answers_pings_stays(upstream, tmp_path):
    with proxy(tmp_path, upstream, http2_protocol_options=KEEPALIVE) as process:
        peer = attacker(process.port)
        acknowledge(peer, 5)
        peer.send(get(1))
        answered(peer, 1)
        assert process.stat("http2.keepalive_timeout") == 0
        peer.close()


def test_a_client_that_does_not_answer_pings_goes(upstream, tmp_path):
    with proxy(tmp_path, upstream, http2_protocol_options=KEEPALIVE) as process:
        peer = attacker(process.port)
        assert peer.closed.wait(10)
        assert peer.of(PING)
        assert process.stat("http2.keepalive_timeout") == 1


def test_an_upstream_that_does_not_answer_pings_is_given_up(tmp_path):
    with Upstream(lambda stream: []) as silent:
        with proxy(tmp_path, silent.port, http2=KEEPALIVE) as process:
            assert curl(process.port).status == 503
            assert process.stat("cluster.up.http2.keepalive_timeout") == 1


def test_an_old_connection_says_goodbye_twice(upstream, tmp_path):
    with proxy(tmp_path, upstream, common_http_protocol_options={
            "max_connection_duration": "0.3s"}) as process:
        peer = attacker(process.port)
        peer.send(get(1, b"/?delay_ms=1000"))
        acknowledge(peer, 1)
        wait_for(lambda: last_streams(peer) == [0x7fffffff, 1], "two goodbyes")
        answered(peer, 1)
        assert peer.closed.wait(10)
        assert process.stat("http.test.downstream_cx_max_duration_reached") == 1


def test_the_drain_does_not_wait_for_a_ping_for_ever(upstream, tmp_path):
    with proxy(tmp_path, upstream, drain_timeout="0.2s", common_http_protocol_options={
            "max_connection_duration": "0.2s"}) as process:
        peer = attacker(process.port)
        assert peer.closed.wait(10)
        assert last_streams(peer)[0] == 0x7fffffff


def test_the_last_request_of_a_connection_ends_it(upstream, tmp_path):
    with proxy(tmp_path, upstream, common_http_protocol_options={
            "max_requests_per_connection": 3}) as process:
        peer = attacker(process.port)
        for stream in (1, 3):
            peer.send(get(stream))
            answered(peer, stream)
            assert not peer.of(GOAWAY)
        peer.send(get(5))
        answered(peer, 5)
        acknowledge(peer, 1)
        assert peer.closed.wait(10)
        assert last_streams(peer) == [0x7fffffff, 5]
        assert process.stat("http.test.downstream_cx_max_requests_reached") == 1


def test_pings_do_not_keep_an_idle_connection(upstream, tmp_path):
    with proxy(tmp_path, upstream, drain_timeout="0.1s",
               common_http_protocol_options={"idle_timeout": "0.3s"}) as process:
        peer = attacker(process.port)

        def keep_pinging():
            while not peer.closed.wait(0.02) and peer.send(frame(PING, 0, 0, b"12345678")):
                pass
        threading.Thread(target=keep_pinging, daemon=True).start()
        assert peer.closed.wait(10)
        assert process.stat("http.test.downstream_cx_idle_timeout") == 1


def test_an_idle_upstream_connection_is_closed(tmp_path):
    with Upstream(lambda stream: [frame(HEADERS, END_HEADERS | END_STREAM, stream, OK)]) as up:
        port = up.port

        def make(listen, admin, log):
            to = cluster("up", port)
            to["typed_extension_protocol_options"][
                "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"][
                    "common_http_protocol_options"] = {"idle_timeout": "0.2s"}
            return config(listen, admin, all_to("up"), [to])
        with sidecar.outrigger(BINARY, tmp_path, make) as process:
            assert curl(process.port).status == 200
            assert up.peers[0].closed.wait(10)
            assert last_streams(up.peers[0]) == [0]
            assert process.stat("cluster.up.upstream_cx_idle_timeout") == 1


def test_an_upstreams_goodbye_lets_what_it_has_taken_finish(tmp_path):
    connections = []

    def answer(stream):
        peer = up.peers[-1]
        if len(up.peers) > 1:
            return [frame(HEADERS, END_HEADERS | END_STREAM, stream, OK)]
        connections.append(peer)
        if stream == 1:
            return []
        return [frame(GOAWAY, 0, 0, number(1) + number(0)),
                frame(HEADERS, END_HEADERS | END_STREAM, 1, OK)]
    with Upstream(answer) as up, proxy(tmp_path, up.port) as process:
        client = attacker(process.port)
        client.send(get(1))
        wait_for(lambda: connections, "the first request")
        client.send(get(3))
        answered(client, 1)
        wait_for(lambda: any(f[2] == 3 for f in client.of(HEADERS)), "an answer to the refused one")
        assert next(f[3] for f in client.of(HEADERS) if f[2] == 1)[:1] == OK
        client.send(get(5))
        answered(client, 5)
        assert len(up.peers) > 1, "requests go elsewhere"
        assert up.peers[0].closed.wait(10)
        assert process.stat("cluster.up.upstream_cx_close_notify") == 1
        client.close()


def test_an_upstreams_stream_limit_holds(tmp_path):
    most, lock, open_streams = [0], threading.Lock(), set()
    release = threading.Event()

    def answer(stream):
        key = (threading.get_ident(), stream)
        with lock:
            open_streams.add(key)
            mine = [k for k in open_streams if k[0] == key[0]]
            most[0] = max(most[0], len(mine))
        release.wait(10)
        with lock:
            open_streams.discard(key)
        return [frame(HEADERS, END_HEADERS | END_STREAM, stream, OK)]
    # MAX_CONCURRENT_STREAMS 1
    with Upstream(answer, settings=b"\0\3" + number(1)) as up, proxy(tmp_path, up.port) as process:
        client = attacker(process.port)
        client.send(get(1))
        wait_for(lambda: open_streams, "the first request")
        client.send(b"".join(get(stream) for stream in (3, 5, 7)))
        wait_for(lambda: process.stat("http.test.downstream_rq_active") == 4, "all requests")
        release.set()
        for stream in (1, 3, 5, 7):
            answered(client, stream)
        assert all(len(peer.of(HEADERS)) - 1 <= 3 for peer in up.peers)
        assert most[0] == 1
        client.close()


def test_connect_is_not_taken(upstream, tmp_path):
    with proxy(tmp_path, upstream) as process:
        peer = attacker(process.port)
        peer.send(frame(HEADERS, END_HEADERS, 1, literal(b":method", b"CONNECT") +
                        literal(b":authority", b"a.test:80")))
        wait_for(lambda: any(f[2] == 1 for f in peer.of(HEADERS)), "an answer")
        assert peer.of(HEADERS)[0][3][:1] != OK
        extended = attacker(process.port)
        extended.send(frame(HEADERS, END_HEADERS, 1, request(method=b"CONNECT") +
                            literal(b":protocol", b"websocket")))
        wait_for(lambda: extended.goaway() == PROTOCOL or extended.of(RST), "it is refused")
        peer.close()


def test_10000_idle_connections_hold(upstream, tmp_path):
    """Resident memory of each, after its SETTINGS: at most 20 kB."""
    with proxy(tmp_path, upstream) as process:
        def resident():
            with open(f"/proc/{process.child.pid}/status", encoding="ascii") as status:
                return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
        assert curl(process.port).status == 200
        before, held = resident(), []
        for _ in range(10_000):
            held.append(socket.create_connection(("127.0.0.1", process.port)))
            held[-1].sendall(PREFACE + frame(SETTINGS) + frame(SETTINGS, ACK))
        wait_for(lambda: process.stat("http.test.downstream_cx_active") == 10_000, "all are there", 60)
        for connection in held:
            connection.settimeout(20)
            assert connection.recv(4096)
        each = (resident() - before) * 1024 / len(held)
        assert curl(process.port).status == 200
        for connection in held:
            connection.close()
        if "OUTRIGGER_SANITIZED" not in os.environ:
            assert each <= 20 * 1024, f"{each:.0f} bytes a connection"


if __name__ == "__main__":
    sys.exit(run_pytest(__file__))
