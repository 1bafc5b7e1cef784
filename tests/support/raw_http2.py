"""HTTP/2 peers made of raw frames (RFC 9113), that do what no library would."""

import socket
import struct
import threading

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST, SETTINGS, PING, GOAWAY, WINDOW, CONTINUATION = 0, 1, 2, 3, 4, 6, 7, 8, 9
END_STREAM, ACK, END_HEADERS = 1, 1, 4
NO_ERROR, PROTOCOL, FLOW, CALM, STREAM_CLOSED = 0, 1, 3, 11, 5


def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def number(value):
    return struct.pack(">I", value)


def literal(name, value):
    """HPACK without tables (RFC 7541 6.2.2): both shorter than 127."""
    return bytes([0, len(name)]) + name + bytes([len(value)]) + value


def request(path=b"/", method=b"GET"):
    return (literal(b":method", method) + literal(b":scheme", b"http") + literal(b":path", path) +
            literal(b":authority", b"a.test"))


def get(stream, path=b"/"):
    return frame(HEADERS, END_HEADERS | END_STREAM, stream, request(path))


def open_post(stream):
    return frame(HEADERS, END_HEADERS, stream, request(method=b"POST"))


class Peer:
    """One end of a connection; what comes is read aside, so that nobody blocks."""

    def __init__(self, connection, reading=True):
        self.socket = connection
        self.frames = []  # (type, flags, stream, payload)
        self.closed = threading.Event()
        self.more = threading.Event()  # frames have come, or the end
        if reading:
            threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        buffer = b""
        try:
            while chunk := self.socket.recv(65536):
                buffer += chunk
                while len(buffer) >= 9:
                    size = int.from_bytes(buffer[:3], "big")
                    if len(buffer) < 9 + size:
                        break
                    stream = int.from_bytes(buffer[5:9], "big") & 0x7fffffff
                    self.frames.append((buffer[3], buffer[4], stream, buffer[9:9 + size]))
                    buffer = buffer[9 + size:]
                self.more.set()
        except OSError:
            pass
        self.closed.set()
        self.more.set()

    def send(self, data):
        """False: the other side has closed."""
        try:
            self.socket.sendall(data)
            return True
        except OSError:
            return False

    def of(self, kind):
        return [entry for entry in list(self.frames) if entry[0] == kind]

    def goaway(self):
        """The code of a GOAWAY that is no goodbye, or None."""
        codes = [int.from_bytes(payload[4:8], "big") for *_, payload in self.of(GOAWAY)]
        return next((code for code in codes if code != NO_ERROR), None)

    def close(self):
        self.socket.close()


def attacker(port, settings=b"", reading=True):
    peer = Peer(socket.create_connection(("127.0.0.1", port), 10), reading)
    peer.socket.settimeout(10)
    peer.send(PREFACE + frame(SETTINGS, 0, 0, settings))
    return peer


class Upstream:
    """Says `answer(stream)` to each request head, on each connection."""

    def __init__(self, answer, settings=b""):
        self.settings = settings
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        self.peers = []
        threading.Thread(target=self.serve, args=(answer,), daemon=True).start()

    def serve(self, answer):
        while True:
            try:
                connection = self.server.accept()[0]
            except OSError:
                return
            threading.Thread(target=self.talk, args=(connection, answer), daemon=True).start()

    def talk(self, connection, answer):
        connection.settimeout(20)
        magic = b""
        while len(magic) < len(PREFACE):
            magic += connection.recv(len(PREFACE) - len(magic))
        peer = Peer(connection)
        self.peers.append(peer)
        peer.send(frame(SETTINGS, 0, 0, self.settings) + frame(SETTINGS, ACK))
        seen = 0
        while not peer.closed.is_set():
            heads = peer.of(HEADERS)
            for entry in heads[seen:]:
                for data in answer(entry[2]):
                    if not peer.send(data):
                        return
            seen = len(heads)
            peer.more.wait(1)
            peer.more.clear()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.close()
