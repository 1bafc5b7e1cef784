"""A client and an upstream of HTTP/1.1 that say exactly what a test tells them to, right or not."""

import contextlib
import json
import socket
import struct

from tests.support.tcp_server import TcpServer

LIMIT_S = 10
CLOSE = "close"  # the sending side's end
RESET = "reset"  # of the connection
HANG = "hang"    # say no more; the peer ends it


class Reader:
    """Bytes of a socket by lines and by length; EOFError where they end."""

    def __init__(self, sock):
        self.sock, self.buffer = sock, b""

    def more(self):
        part = self.sock.recv(65536)
        if not part:
            raise EOFError
        self.buffer += part

    def until(self, mark):
        while mark not in self.buffer:
            self.more()
        part, _, self.buffer = self.buffer.partition(mark)
        return part

    def take(self, size):
        while len(self.buffer) < size:
            self.more()
        part, self.buffer = self.buffer[:size], self.buffer[size:]
        return part


def _chunks(reader):
    body, sizes = b"", []
    while True:
        size = int(reader.until(b"\r\n"), 16)
        sizes.append(size)
        if size == 0:
            break
        body += reader.take(size)
        assert reader.take(2) == b"\r\n"
    trailers = []
    while line := reader.until(b"\r\n"):
        trailers.append(line.decode())
    return body, trailers


def ask(port, path="/", *headers, method="GET", body=b"", host="test", version="1.1"):
    """One request on a connection of its own, which is the last; all that comes back."""
    fields = [("host", host), ("connection", "close"), *headers]
    if body and not any(name in ("content-length", "transfer-encoding") for name, _ in headers):
        fields.append(("content-length", str(len(body))))
    head = "".join(f"{name}: {value}\r\n" for name, value in fields)
    with socket.create_connection(("127.0.0.1", port), LIMIT_S) as sock:
        sock.sendall(f"{method} {path} HTTP/{version}\r\n{head}\r\n".encode() + body)
        reader = Reader(sock)
        with contextlib.suppress(EOFError, ConnectionError):
            while True:
                reader.more()
        return reader.buffer.decode("latin-1")


class Upstream(TcpServer):
    """A server on a port of its own. A request's path names what it does: a key of `cases`, whose
    value is a list of bytes to send and of CLOSE, RESET and HANG. Steps before `None` are taken
    when the head is there, the others when the whole request is. Else it tells what it got."""

    def __init__(self, cases):
        self.cases = cases
        self.requests = 0
        super().__init__()

    def _serve(self, sock):
        sock.settimeout(LIMIT_S)
        reader = Reader(sock)
        with sock, contextlib.suppress(EOFError, OSError):
            while self._exchange(sock, reader):
                pass

    def _exchange(self, sock, reader):
        lines = reader.until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        self.requests += 1
        path = lines[0].split(" ")[1]
        steps = list(self.cases.get(path.split("?")[0].lstrip("/"), []))
        if None in steps:
            early, steps = steps[:steps.index(None)], steps[steps.index(None) + 1:]
            if not self._take(sock, reader, early):
                return False
        fields = dict(line.split(": ", 1) for line in lines[1:] if ": " in line)
        body, trailers = b"", []
        if "transfer-encoding" in fields:
            body, trailers = _chunks(reader)
        elif "content-length" in fields:
            body = reader.take(int(fields["content-length"]))
        if steps:
            return self._take(sock, reader, steps)
        told = json.dumps({"line": lines[0], "fields": sorted(lines[1:]), "body": body.decode(),
                           "trailers": trailers}).encode()
        head = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(told)
        sock.sendall(head if lines[0].startswith("HEAD") else head + told)
        return True

    @staticmethod
    def _take(sock, reader, steps):
        for step in steps:
            if step == CLOSE:
                sock.shutdown(socket.SHUT_WR)
                while True:  # until the peer has gone, too
                    reader.more()
            elif step == RESET:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                return False
            elif step == HANG:
                while True:
                    reader.more()
            else:
                sock.sendall(step)
        return True
