"""Hostile HTTP/2 peers, clients and upstreams, made of raw frames (RFC 9113): each is told off with the
right code, is counted, costs little memory, and is not felt by an honest client beside it."""

import os
import pathlib
import socket
import sys
import threading
import time

import pytest

from tests.support import sidecar
from tests.support.raw_http2 import (CALM, CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PING,
                                     PREFACE, PRIORITY, PROTOCOL, RST, SETTINGS, STREAM_CLOSED, WINDOW,
                                     Peer, Upstream, attacker, frame, get, literal, number, open_post,
                                     request)
from tests.support.run_pytest import run_pytest
from tests.support.sidecar import BINARY, all_to, cluster, config, curl, wait_for

GROWTH_KB = 16 * 1024 if "OUTRIGGER_SANITIZED" not in os.environ else 1 << 30
PATIENT_S = 2.0  # of the honest client: the machine may be busy


@pytest.fixture(scope="module")
def upstream():
    process, port = sidecar.echo(BINARY)
    with process:
        yield port


@pytest.fixture(scope="module")
def proxy(upstream, tmp_path_factory):
    def make(port, admin, log):
        return config(port, admin, all_to("echo"), [cluster("echo", upstream)], codec_type="HTTP2")
    with sidecar.outrigger(BINARY, tmp_path_factory.mktemp("abuse"), make) as process:
        for _ in range(3):  # what first requests bring into memory is nobody's attack
            sidecar.h2load(process.port, 5_000)
        yield process


def resident_kb(process):
    status = pathlib.Path(f"/proc/{process.child.pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))


class Watch:
    """An honest client beside an attack, and the memory that the attack takes."""

    def __init__(self, proxy):
        self.proxy, self.peak, self.failures, self.slowest, self.sent = proxy, 0, [], 0, 0
        self.before = resident_kb(proxy)
        self.done = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        peer, stream = attacker(self.proxy.port), -1
        while True:
            stream += 2
            start = time.monotonic()
            peer.send(get(stream))
            self.sent += 1
            try:
                wait_for(lambda: any(f[2] == stream and f[1] & END_STREAM
                                     for f in peer.frames[-20:]), "an answer")
            except AssertionError as failure:
                self.failures.append(str(failure))
            self.slowest = max(self.slowest, time.monotonic() - start)
            self.peak = max(self.peak, resident_kb(self.proxy) - self.before)
            if self.done.is_set() or self.failures:
                break
            self.done.wait(0.01)
        peer.close()

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, kind, *_):
        self.done.set()
        self.thread.join()
        if kind is None:
            assert not self.failures, self.failures
            assert self.slowest < PATIENT_S, f"an honest request took {self.slowest:.2f} s"
            assert self.peak < GROWTH_KB, f"grew by {self.peak} kB"


def times(count, make):
    return b"".join(make(i) for i in range(count))


# name, the frames by round (until the proxy has had enough), the code, the counter that grows
FLOODS = [
    ("rapid_reset", lambda i: times(50, lambda k: get(100 * i + 2 * k + 1) + frame(
        RST, 0, 100 * i + 2 * k + 1, number(8))), CALM, "http.test.downstream_rq_too_many_premature_resets"),
    ("server_made_resets", lambda i: times(50, lambda k: get(100 * i + 2 * k + 1, b"/?delay_ms=500") + frame(
        WINDOW, 0, 100 * i + 2 * k + 1, number(0x7fffffff))), CALM,
     "http.test.downstream_rq_too_many_premature_resets"),
    ("continuations", lambda i: (frame(HEADERS, 0, 1, request()) if i == 0 else b"") + frame(
        CONTINUATION, 0, 1, literal(b"a", b"b")), CALM, "http2.header_overflow"),
    ("empty_continuations", lambda i: (frame(HEADERS, 0, 1, request()) if i == 0 else b"") + frame(
        CONTINUATION, 0, 1), CALM, "http2.inbound_empty_frames_flood"),
    ("empty_data", lambda i: (open_post(1) if i == 0 else b"") + frame(DATA, 0, 1), CALM,
     "http2.inbound_empty_frames_flood"),
    ("padded_empty_data", lambda i: (open_post(1) if i == 0 else b"") + frame(
        DATA, 8, 1, b"\xff" + bytes(255)), CALM, "http2.inbound_empty_frames_flood"),
    ("priorities", lambda i: times(100, lambda k: frame(PRIORITY, 0, 3, number(1) + b"w")), CALM,
     "http2.inbound_priority_frames_flood"),
    ("window_updates", lambda i: times(100, lambda k: frame(WINDOW, 0, 0, number(1))), CALM,
     "http2.inbound_window_update_frames_flood"),
    ("oversize_heads", lambda i: frame(HEADERS, END_HEADERS | END_STREAM, 2 * i + 1, request() +
                                       times(200, lambda k: literal(b"x", b"y"))), CALM,
     "http2.header_overflow"),
    # CVE-2026-47774: one octet a field.
    ("hpack_bomb", lambda i: frame(HEADERS, END_HEADERS | END_STREAM, 2 * i + 1, request() +
                                   b"\x40\x06cookie\x7e" + b"c" * 126 + b"\xbe" * 15_000), CALM,
     "http2.header_overflow"),
    ("streams_backwards", lambda i: get(max(1, 5 - 2 * i)), PROTOCOL, None),
    ("data_on_idle_streams", lambda i: frame(DATA, 0, 2 * i + 1, b"x"), PROTOCOL, None),
    ("data_after_the_end", lambda i: (get(1) if i == 0 else frame(DATA, 0, 1, b"x")), STREAM_CLOSED, None),
    ("malformed_requests", lambda i: frame(HEADERS, END_HEADERS | END_STREAM, 2 * i + 1, request() +
                                           literal(b"X-Upper", b"y")), CALM, "http2.rx_messaging_error"),
    ("settings_of_many", lambda i: frame(SETTINGS, 0, 0, times(100, lambda k: b"\0\4" + number(100))),
     CALM, None),
]


@pytest.mark.parametrize("make,code,counter", [flood[1:] for flood in FLOODS],
                         ids=[flood[0] for flood in FLOODS])
def test_a_flood_ends_its_connection(proxy, make, code, counter):
    before = proxy.stat(counter) if counter else 0
    with Watch(proxy):
        peer = attacker(proxy.port)
        for i in range(20_000):
            if not peer.send(make(i)) or peer.closed.is_set():
                break
        assert peer.closed.wait(10), "it goes on"
        assert peer.goaway() == code
        peer.close()
    if counter:
        wait_for(lambda: proxy.stat(counter) > before, counter)


@pytest.mark.parametrize("make", [lambda i: frame(PING, 0, 0, b"12345678"),
                                  lambda i: frame(SETTINGS)], ids=["ping", "settings"])
def test_answers_that_nobody_reads_end_the_connection(proxy, make):
    before = proxy.stat("http2.outbound_control_flood")
    with Watch(proxy):
        peer = attacker(proxy.port, reading=False)
        peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        peer.socket.settimeout(5)
        flood = times(1000, make)
        for _ in range(5000):
            if not peer.send(flood):
                break
        wait_for(lambda: proxy.stat("http2.outbound_control_flood") > before, "the flood is seen")
        peer.close()


def test_10000_rapid_resets_let_few_requests_through(proxy):
    """Each reset comes on its own, so that the proxy has seen the request before."""
    before = proxy.stat("cluster.echo.upstream_rq_total")
    with Watch(proxy) as watch:
        peer = attacker(proxy.port)
        peer.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for i in range(10_000):
            stream = 2 * i + 1
            if not peer.send(get(stream, b"/?delay_ms=1000")):
                break
            if not peer.send(frame(RST, 0, stream, number(8))):
                break
        assert peer.closed.wait(10)
        assert peer.goaway() == CALM
    through = proxy.stat("cluster.echo.upstream_rq_total") - before - watch.sent
    assert through <= 100, through


@pytest.mark.parametrize("streams", [100, 400, 1000])
def test_shut_windows_hold_little_memory(proxy, streams):
    """Answers of 10 MB for a peer that never opens a window."""
    with Watch(proxy):
        peer = attacker(proxy.port, settings=b"\0\4" + number(0))
        peer.send(times(streams, lambda i: get(2 * i + 1, b"/?body_bytes=10000000")))
        wait_for(lambda: len(peer.of(HEADERS)) == streams, "all heads")
        time.sleep(0.5)  # house: what is looked for is growth while nothing happens
        peer.close()


def test_a_shut_window_is_reset_in_time(upstream, tmp_path):
    def make(port, admin, log):
        return config(port, admin, all_to("echo"), [cluster("echo", upstream)], codec_type="HTTP2",
                      stream_idle_timeout="0.3s")
    with sidecar.outrigger(BINARY, tmp_path, make) as process:
        peer = attacker(process.port, settings=b"\0\4" + number(0))
        peer.send(get(1, b"/?body_bytes=1000"))
        wait_for(lambda: peer.of(RST), "the stream is reset")
        assert process.stat("http2.tx_flush_timeout") == 1
        assert not peer.closed.is_set()
        peer.close()


@pytest.mark.parametrize("start", [b"", PREFACE[:10],
                                   PREFACE + frame(SETTINGS) + frame(HEADERS, 0, 1, request())],
                         ids=["silence", "half_a_preface", "half_a_head"])
def test_a_head_has_its_time(upstream, tmp_path, start):
    def make(port, admin, log):
        return config(port, admin, all_to("echo"), [cluster("echo", upstream)], codec_type="HTTP2",
                      request_headers_timeout="0.2s")
    with sidecar.outrigger(BINARY, tmp_path, make) as process:
        with socket.create_connection(("127.0.0.1", process.port), 10) as raw:
            peer = Peer(raw)
            peer.send(start)
            assert peer.closed.wait(10)
            assert peer.goaway() == CALM
        wait_for(lambda: process.stat("http.test.downstream_rq_header_timeout") == 1, "it is counted")


# --- Hostile upstreams.

STATUS = b"\x88"  # :status 200


def endless(data):
    while True:
        yield data


# name, what it says for ever, part of the answer's status, the counter under cluster.bad.
HOSTILE = [
    ("interim_for_ever", lambda s: endless(frame(HEADERS, END_HEADERS, s, literal(b":status", b"103") +
                                                 literal(b"link", b"x" * 100))), 502, "http2.header_overflow"),
    ("huge_head", lambda s: [frame(HEADERS, END_HEADERS, s, STATUS + times(
        200, lambda k: literal(b"x", b"y")))], 502, "http2.header_overflow"),
    ("bomb", lambda s: [frame(HEADERS, END_HEADERS, s, STATUS + b"\x40\x01c\x7e" + b"c" * 126 +
                              b"\xbe" * 15_000)], 502, "http2.header_overflow"),
    ("continuations", lambda s: [frame(HEADERS, 0, s, STATUS)] + [frame(
        CONTINUATION, 0, s, literal(b"a", b"b"))] * 100, 502, "http2.header_overflow"),
    ("empty_data", lambda s: [frame(HEADERS, END_HEADERS, s, STATUS)] + [frame(DATA, 0, s)] * 100, None,
     "http2.inbound_empty_frames_flood"),
    ("pings", lambda s: [frame(PING, 0, 0, b"12345678") * 20_000], 502, "http2.outbound_control_flood"),
    ("priorities", lambda s: [frame(PRIORITY, 0, 3, number(1) + b"w") * 1000], 502,
     "http2.inbound_priority_frames_flood"),
    ("windows", lambda s: [frame(WINDOW, 0, 0, number(1)) * 1000], 502,
     "http2.inbound_window_update_frames_flood"),
    ("malformed", lambda s: [frame(HEADERS, END_HEADERS, s, STATUS + literal(b"X", b"y"))], 502,
     "http2.rx_messaging_error"),
    ("refusals", lambda s: [frame(RST, 0, s, number(7))], 503, "http2.stream_refused_errors"),
]


@pytest.mark.parametrize("answer,status,counter", [case[1:] for case in HOSTILE],
                         ids=[case[0] for case in HOSTILE])
def test_a_hostile_upstream_is_answered_for(upstream, tmp_path, answer, status, counter):
    with Upstream(answer) as bad:
        def make(port, admin, log):
            hosts = [{"name": "bad", "domains": ["bad"], "routes": all_to("bad")[0]["routes"]},
                     *all_to("echo")]
            return config(port, admin, hosts, [cluster("echo", upstream), cluster("bad", bad.port)])
        with sidecar.outrigger(BINARY, tmp_path, make) as process:
            sidecar.h2load(process.port, 5_000)
            with Watch(process):
                if status is None:  # broken off in the middle
                    with pytest.raises(AssertionError):
                        curl(process.port, "/", "-H", "host: bad", limit=10)
                else:
                    assert curl(process.port, "/", "-H", "host: bad", limit=10).status == status
            wait_for(lambda: process.stat(f"cluster.bad.{counter}") > 0, counter)


if __name__ == "__main__":
    sys.exit(run_pytest(__file__))
