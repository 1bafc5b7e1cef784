"""A server for tests: one thread accepts, and each connection has one of its own."""

import socket
import threading


class TcpServer:
    """On a port of its own, until the end of the `with`. `_serve(sock)` is for who inherits, whose own
    fields are there before this one's `__init__`: connections may come at once."""

    def __init__(self):
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        self.connections = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.close()

    def _accept(self):
        while True:
            try:
                sock, _ = self.server.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()
