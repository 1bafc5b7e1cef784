"""Runs the real binary, the real Envoy and stock clients for tests. Everything on loopback, on ports that
were free a moment ago, with bounded waits for a condition and never for a time."""

import contextlib
import json
import os
import pathlib
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import yaml

LIMIT_S = 20
Dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)  # the former is ten times as fast
HCM = ("type.googleapis.com/envoy.extensions.filters.network."
       "http_connection_manager.v3.HttpConnectionManager")
ROUTER = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"
HTTP_OPTIONS = "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
FILE_LOG = "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog"


def free_port():
    with socket.socket() as any_port:
        any_port.bind(("127.0.0.1", 0))
        return any_port.getsockname()[1]


def wait_for(condition, what, limit=LIMIT_S):
    """The first true value of condition(); asks again until then."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.005)
    raise AssertionError(f"{what}: not within {limit} s")


def listens(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def address(port, host="127.0.0.1"):
    return {"socket_address": {"address": host, "port_value": port}}


def cluster(name, *ports, kind="STATIC", host="127.0.0.1", **more):
    return {
        "name": name, "type": kind, "connect_timeout": "1s",
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": HTTP_OPTIONS, "explicit_http_config": {"http2_protocol_options": {}}}},
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [
            {"endpoint": {"address": address(port, host)}} for port in ports]}]}, **more}


def config(port, admin, virtual_hosts, clusters, log=None, **hcm):
    manager = {
        "@type": HCM, "stat_prefix": "test", "codec_type": "AUTO",
        "route_config": {"name": "local", "virtual_hosts": virtual_hosts},
        "http_filters": [{"name": "envoy.filters.http.router", "typed_config": {"@type": ROUTER}}],
        **hcm}
    if log:
        manager["access_log"] = [{"name": "envoy.access_loggers.file",
                                  "typed_config": {"@type": FILE_LOG, "path": str(log)}}]
    return {"admin": {"address": address(admin)}, "static_resources": {
        "listeners": [{"name": "test", "address": address(port), "filter_chains": [
            {"filters": [{"name": "envoy.filters.network.http_connection_manager",
                          "typed_config": manager}]}]}],
        "clusters": clusters}}


def all_to(name, **route):
    return [{"name": "all", "domains": ["*"],
             "routes": [{"match": {"prefix": "/"}, "route": {"cluster": name, **route}}]}]


class Process:
    """A child that does not outlive the test."""

    def __init__(self, command, **options):
        self.child = subprocess.Popen([str(part) for part in command],
                                      stdin=subprocess.DEVNULL, text=True, **options)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.child.poll() is None:
            self.child.kill()
        self.child.wait()

    def end(self, signal, limit=LIMIT_S):
        self.child.send_signal(signal)
        return self.child.wait(limit)


def echo(binary):
    """(process, port) of the built-in upstream."""
    port = free_port()
    process = Process([binary, "echo", "--listen", f"127.0.0.1:{port}"],
                      stdout=subprocess.DEVNULL)
    wait_for(lambda: listens(port), "echo listens")
    return process, port


class Sidecar(Process):
    """Outrigger or Envoy with a configuration, ready."""

    def __init__(self, command, folder, make, flags=(), **options):
        self.port, self.admin_port = free_port(), free_port()
        self.log = pathlib.Path(folder) / f"access-{self.port}.log"
        path = pathlib.Path(folder) / f"config-{self.port}.yaml"
        path.write_text(yaml.dump(make(self.port, self.admin_port, self.log), Dumper=Dumper))
        super().__init__([*command, "-c", path, "-l", "error", *flags], **options)
        wait_for(lambda: self.child.poll() is not None or self.admin("/ready")[0] == 200, "ready")
        assert self.child.poll() is None, f"{command[0]} ended with {self.child.returncode}"

    def admin(self, path, method="GET"):
        request = urllib.request.Request(f"http://127.0.0.1:{self.admin_port}{path}", method=method)
        try:
            with urllib.request.urlopen(request, timeout=LIMIT_S) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def stat(self, name):
        for line in self.admin(f"/stats?filter=^{name}$")[1].splitlines():
            return int(line.rsplit(": ", 1)[1])
        raise AssertionError(f"no stat {name}")

    def log_lines(self, count):
        """The access log's lines, once there are `count`."""
        def lines():
            text = self.log.read_text() if self.log.exists() else ""
            return text.splitlines() if text.count("\n") >= count else None
        return wait_for(lines, f"{count} lines of access log")


def outrigger(binary, folder, make, flags=(), **options):
    return Sidecar([binary, "run"], folder, make, flags, **options)


def envoy_binary():
    return pathlib.Path(sys.executable).parent / "envoy"


def envoy(folder, make, **options):
    return Sidecar([envoy_binary(), "--concurrency", "1", "--disable-hot-restart"], folder, make,
                   stderr=subprocess.DEVNULL, **options)


class Answer:
    def __init__(self, text):
        head, _, self.body = text.partition("\r\n\r\n")
        while head.split(" ")[1].startswith("1"):  # 1xx come first
            head, _, self.body = self.body.partition("\r\n\r\n")
        lines = head.split("\r\n")
        self.status = int(lines[0].split(" ")[1])
        self.headers = [tuple(line.split(": ", 1)) if ": " in line else (line.rstrip(":"), "")
                        for line in lines[1:]]

    def get(self, name):
        return next((value for key, value in self.headers if key.lower() == name), None)


def curl(port, path="/", *more, http2=True, limit=LIMIT_S):
    out = subprocess.run(
        ["curl", "-sS", "-i", "--max-time", str(limit),
         "--http2-prior-knowledge" if http2 else "--http1.1", "--path-as-is",
         f"http://127.0.0.1:{port}{path}", *more],
        capture_output=True, timeout=limit + 5)
    assert out.returncode == 0, out.stderr.decode()
    return Answer(out.stdout.decode("latin-1"))


def h2load(port, requests, clients=16, streams=32, path="/"):
    """h2load's summary: (succeeded, failed)."""
    out = subprocess.run(["h2load", f"-n{requests}", f"-c{clients}", f"-m{streams}",
                          f"http://127.0.0.1:{port}{path}"],
                         capture_output=True, text=True, timeout=120)
    for line in out.stdout.splitlines():
        if line.startswith("requests:"):
            words = line.replace(",", "").split()
            return int(words[words.index("succeeded") - 1]), int(words[words.index("failed") - 1])
    raise AssertionError(out.stdout + out.stderr)


def threads(pid):
    """{thread name: CPUs it may run on, as a list}"""
    found = {}
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        status = (task / "status").read_text()
        cpus = next(l for l in status.splitlines() if l.startswith("Cpus_allowed_list:"))
        found[(task / "comm").read_text().strip()] = cpus.split()[1]
    return found


def loads(text):
    return json.loads(text)


BINARY = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else None
