"""Both ends of HTTP/2 for tests that look at every field: a client that tells all it got, and an
upstream that does what the request's own `x-answer` header says. On cleartext loopback.

Not a tool for load: one thread a connection, one stream at a time for the client."""

import dataclasses
import json
import socket

import h2.config
import h2.connection
import h2.events
import h2.exceptions

from tests.support.tcp_server import TcpServer

LIMIT_S = 20


def _connection(client):
    # What peers should not send is just what is tested: nothing is checked or mended on the way.
    return h2.connection.H2Connection(h2.config.H2Configuration(
        client_side=client, header_encoding="latin-1", validate_inbound_headers=False,
        validate_outbound_headers=False, normalize_inbound_headers=False,
        normalize_outbound_headers=False))


def _events(sock, connection):
    """What the next bytes from the peer tell; None at the end."""
    try:
        got = sock.recv(65536)
    except ConnectionResetError:
        got = b""
    return connection.receive_data(got) if got else None


@dataclasses.dataclass
class Answer:
    """What became of a request, as the client saw it."""
    status: int = 0
    headers: list = dataclasses.field(default_factory=list)
    informational: list = dataclasses.field(default_factory=list)
    body: bytes = b""
    trailers: list = dataclasses.field(default_factory=list)
    end: str = "open"  # "complete", "reset CODE" or "closed"

    def get(self, name):
        return next((value for key, value in self.headers if key == name), None)

    def take(self, event):
        if isinstance(event, h2.events.InformationalResponseReceived):
            self.informational.append([tuple(field) for field in event.headers])
        elif isinstance(event, h2.events.ResponseReceived):
            self.headers = [tuple(field) for field in event.headers]
            self.status = int(dict(self.headers)[":status"])
        elif isinstance(event, h2.events.DataReceived):
            self.body += event.data
        elif isinstance(event, h2.events.TrailersReceived):
            self.trailers = [tuple(field) for field in event.headers]
        elif isinstance(event, h2.events.StreamEnded):
            self.end = "complete"
        elif isinstance(event, h2.events.StreamReset) and self.end == "open":
            self.end = f"reset {int(event.error_code)}"


class Client:
    """One connection."""

    def __init__(self, port):
        self.sock = socket.create_connection(("127.0.0.1", port), LIMIT_S)
        self.connection = _connection(client=True)
        self.connection.initiate_connection()
        self.flush()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def flush(self):
        self.sock.sendall(self.connection.data_to_send())

    def send(self, path, *headers, method="GET", authority="test", body=None, trailers=(),
             end=True):
        """Opens a stream; its id. `end` False: more is to come."""
        stream = self.connection.get_next_available_stream_id()
        fields = [(":method", method), (":scheme", "http"), (":authority", authority),
                  (":path", path), *headers]
        rest = body is not None or bool(trailers)
        self.connection.send_headers(stream, fields, end_stream=end and not rest)
        if body is not None:
            self.connection.send_data(stream, body, end_stream=end and not trailers)
        if trailers:
            self.connection.send_headers(stream, list(trailers), end_stream=True)
        self.flush()
        return stream

    def receive(self, stream, until=lambda answer: answer.end != "open"):
        answer = Answer()
        while not until(answer):
            events = _events(self.sock, self.connection)
            if events is None:
                answer.end = "closed"
                break
            for event in events:
                if isinstance(event, h2.events.DataReceived):
                    self.connection.acknowledge_received_data(event.flow_controlled_length,
                                                              event.stream_id)
                if getattr(event, "stream_id", None) == stream:
                    answer.take(event)
            self.flush()
        return answer

    def request(self, path, *headers, **more):
        return self.receive(self.send(path, *headers, **more))


def ask(port, path, *headers, **more):
    """One request on a connection of its own."""
    with Client(port) as client:
        return client.request(path, *headers, **more)


def answer_with(**wish):
    """The `x-answer` field. What the upstream knows, each optional:
    status; headers and trailers as lists of pairs; body as text (instead of what it got, told as
    JSON); informational: a status to send first; at="headers": not to wait for the request's end;
    end="reset CODE", "hang", "close" (the connection), or "goaway" (then end well).
    after="headers": where `end` is due, instead of "nothing": before any answer."""
    return ("x-answer", json.dumps(wish))


class Upstream(TcpServer):
    """A server on a port of its own. Its default answer's body tells what it got."""

    def __init__(self):
        self.resets = []  # error codes that came for its streams
        super().__init__()

    def wish(self, request):
        """What to do with a request: its x-answer field."""
        return json.loads(next((value for name, value in request["headers"] if name == "x-answer"),
                               "{}"))

    def _serve(self, sock):
        with sock:
            connection = _connection(client=False)
            connection.initiate_connection()
            requests = {}
            try:
                while True:
                    sock.sendall(connection.data_to_send())
                    events = _events(sock, connection)
                    if events is None:
                        return
                    for event in events:
                        self._take(sock, connection, requests, event)
            except (OSError, h2.exceptions.ProtocolError):
                return  # closed by the peer, or as was wished

    def _take(self, sock, connection, requests, event):
        stream = getattr(event, "stream_id", None)
        if isinstance(event, h2.events.RequestReceived):
            requests[stream] = request = {"headers": [list(field) for field in event.headers],
                                          "bytes": 0, "trailers": []}
            request["wish"] = self.wish(request)
            if request["wish"].get("at") == "headers":
                _reply(sock, connection, stream, requests.pop(stream))
        elif isinstance(event, h2.events.DataReceived):
            connection.acknowledge_received_data(event.flow_controlled_length, stream)
            if stream in requests:
                requests[stream]["bytes"] += len(event.data)
        elif isinstance(event, h2.events.TrailersReceived) and stream in requests:
            requests[stream]["trailers"] = [list(field) for field in event.headers]
        elif isinstance(event, h2.events.StreamEnded) and stream in requests:
            _reply(sock, connection, stream, requests.pop(stream))
        elif isinstance(event, h2.events.StreamReset):
            self.resets.append(int(event.error_code))


def _break(sock, connection, stream, end):
    if end == "close":
        sock.sendall(connection.data_to_send())
        sock.close()
        raise ConnectionAbortedError
    if end.startswith("reset"):
        connection.reset_stream(stream, int(end.split()[1]))
    return end != "goaway"


def _reply(sock, connection, stream, request):
    wish = request.pop("wish")
    end, after = wish.get("end"), wish.get("after", "nothing")
    if end and after == "nothing" and _break(sock, connection, stream, end):
        return
    told = {**request, "headers": [f for f in request["headers"] if f[0] != "x-answer"]}
    head = [":method", "HEAD"] in request["headers"]
    body = wish.get("body", "" if head else json.dumps(told)).encode("latin-1")
    if "informational" in wish:
        connection.send_headers(stream, [(":status", str(wish["informational"]))])
    trailers = wish.get("trailers", [])
    headers = [(":status", str(wish.get("status", 200))),
               *map(tuple, wish.get("headers", [("content-type", "application/json")]))]
    finish = end in (None, "goaway")
    connection.send_headers(stream, headers, end_stream=finish and not body and not trailers)
    if body:
        connection.send_data(stream, body, end_stream=finish and not trailers)
    if end and after == "headers":
        _break(sock, connection, stream, end)
    if trailers and finish:
        connection.send_headers(stream, list(map(tuple, trailers)), end_stream=True)
    if end == "goaway":
        connection.close_connection(last_stream_id=stream)
