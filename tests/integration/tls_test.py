"""TLS and mutual TLS by stock peers: what is agreed on, who is let in, and why others are not. The same
peers meet the real Envoy, which counts them as Outrigger does."""

import pathlib
import re
import signal
import socket
import ssl
import subprocess
import sys

import pytest

from tests.support import sidecar
from tests.support.certificates import Authority, self_signed
from tests.support.run_pytest import run_pytest
from tests.support.sidecar import BINARY, Answer, all_to, cluster, config, wait_for

TLS = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3."
LOG = ("%RESPONSE_CODE% %RESPONSE_FLAGS% %PROTOCOL% %DOWNSTREAM_TLS_VERSION% "
       "%DOWNSTREAM_PEER_URI_SAN% %REQUESTED_SERVER_NAME% %UPSTREAM_TRANSPORT_FAILURE_REASON% "
       "%RESPONSE_CODE_DETAILS%\n")
CLIENT_URI = "spiffe://td/ns/a/sa/client"


class Certificates:
    """Those of all tests here. Each is (certificate, key) but for `ca`."""

    def __init__(self, folder):
        authority, other = Authority(folder), Authority(folder, "other")
        self.ca = authority.certificate
        self.server = authority.issue("server", "DNS:localhost", "IP:127.0.0.1",
                                      "URI:spiffe://td/ns/b/sa/server")
        self.client = authority.issue("client", f"URI:{CLIENT_URI}", "DNS:client.example")
        self.misnamed = authority.issue("misnamed", "URI:spiffe://td/ns/a/sa/other")
        self.expired = authority.issue("expired", f"URI:{CLIENT_URI}", "DNS:localhost",
                                       start="200101000000Z", end="210101000000Z")
        self.future = authority.issue("future", f"URI:{CLIENT_URI}", "DNS:localhost",
                                      start="400101000000Z", end="410101000000Z")
        self.foreign = other.issue("foreign", f"URI:{CLIENT_URI}", "DNS:localhost")
        self.self_signed = self_signed(folder, "selfsigned", f"URI:{CLIENT_URI}")
        self.revoked = authority.issue("revoked", f"URI:{CLIENT_URI}")
        self.crl = authority.revoke(self.revoked[0])


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def upstream():
    process, port = sidecar.echo(BINARY)
    with process:
        yield port


def identity(pair):
    return {"certificate_chain": {"filename": str(pair[0])}, "private_key": {"filename": str(pair[1])}}


def transport(kind, common, **more):
    return {"transport_socket": {"name": "envoy.transport_sockets.tls", "typed_config": {
        "@type": TLS + kind, "common_tls_context": common, **more}}}


def trusting(ca, san=None, **more):
    matcher = {"match_typed_subject_alt_names": [san]} if san else {}
    return {"validation_context": {"trusted_ca": {"filename": str(ca)}, **matcher, **more}}


def uri(text, how="exact"):
    return {"san_type": "URI", "matcher": {how: text}}


def downstream(bootstrap, common, chain=None, **more):
    """The bootstrap with TLS on its listener, and a log that tells of it."""
    listener = bootstrap["static_resources"]["listeners"][0]["filter_chains"][0]
    listener.update(transport("DownstreamTlsContext", common, **more), **(chain or {}))
    for log in listener["filters"][0]["typed_config"].get("access_log", []):
        log["typed_config"]["log_format"] = {"text_format_source": {"inline_string": LOG}}
    return bootstrap


def maker(upstream, common, chain=None, tls=None, clusters=None, hosts=None, **hcm):
    def make(port, admin, log):
        return downstream(config(port, admin, hosts or all_to("echo"),
                                 clusters or [cluster("echo", upstream)], log=log, **hcm),
                          common, chain, **(tls or {}))
    return make


def mutual(upstream, certificates, **hcm):
    return maker(upstream, {
        "tls_certificates": [identity(certificates.server)], "alpn_protocols": ["h2", "http/1.1"],
        **trusting(certificates.ca, uri("spiffe://td/ns/a/", "prefix") if not hcm.pop("exact", True)
                   else uri(CLIENT_URI), crl={"filename": str(certificates.crl)})},
        tls={"require_client_certificate": True}, **hcm)


def run_curl(port, certificates, *more, client=None, http="--http2"):
    key = ["--cert", client[0], "--key", client[1]] if client else []
    return subprocess.run(["curl", "-sS", "-i", http, "--max-time", "20", "--cacert", certificates.ca,
                           *key, f"https://localhost:{port}/", *more],
                          capture_output=True, timeout=30)


def curl(*arguments, **options):
    out = run_curl(*arguments, **options)
    assert out.returncode == 0, out.stderr.decode()
    return Answer(out.stdout.decode("latin-1"))


def ssl_stats(proxy, scope):
    """{name: count} of what is not 0."""
    text = proxy.admin(f"/stats?usedonly&filter={scope}\\.ssl\\.")[1]
    found = dict(re.findall(r"\.ssl\.([a-z_]+): (\d+)", text))
    return {name: int(value) for name, value in found.items() if int(value)}


# --- What is agreed on.

@pytest.fixture(scope="module")
def plain_tls(upstream, certificates, tmp_path_factory):
    make = maker(upstream, {"tls_certificates": [identity(certificates.server)],
                            "alpn_protocols": ["h2", "http/1.1"]})
    with sidecar.outrigger(BINARY, tmp_path_factory.mktemp("plain"), make) as process:
        yield process


@pytest.mark.parametrize("http,spoken", [("--http2", "HTTP/2"), ("--http1.1", "HTTP/1.1")])
@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_alpn_chooses_the_codec(plain_tls, certificates, http, spoken, version):
    before = len(plain_tls.log.read_text().splitlines()) if plain_tls.log.exists() else 0
    answer = curl(plain_tls.port, certificates, f"--tlsv{version}", "--tls-max", version, "-d", "body",
                  http=http)
    assert (answer.status, answer.body) == (200, "body")
    assert answer.get("x-echo-header-x-forwarded-proto") == "https"
    assert plain_tls.log_lines(before + 1)[before].startswith(
        f"200 - {spoken} TLSv{version} - localhost - via_upstream")


def test_without_alpn_the_first_bytes_choose(plain_tls, certificates):
    assert curl(plain_tls.port, certificates, "--no-alpn", http="--http1.1").status == 200


@pytest.mark.parametrize("http", ["--http2", "--http1.1"])
def test_a_redirect_stays_on_https(upstream, certificates, tmp_path, http):
    hosts = [{"name": "all", "domains": ["*"], "routes": [
        {"match": {"prefix": "/"}, "redirect": {"path_redirect": "/there"}}]}]
    with sidecar.outrigger(BINARY, tmp_path, maker(upstream, {
            "tls_certificates": [identity(certificates.server)], "alpn_protocols": ["h2", "http/1.1"]},
            hosts=hosts)) as process:
        answer = run_curl(process.port, certificates, http=http)
        assert re.search(rb"^location: https://localhost:\d+/there\r$", answer.stdout, re.MULTILINE), answer


def test_bodies_pass_whole_both_ways(plain_tls, certificates, tmp_path):
    sent, received = tmp_path / "sent", tmp_path / "received"
    sent.write_bytes(bytes(range(251)) * (16 << 12))
    subprocess.run(["curl", "-sS", "--http2", "--cacert", certificates.ca, "--data-binary", f"@{sent}",
                    "-o", received, f"https://localhost:{plain_tls.port}/"], check=True, timeout=60)
    assert received.read_bytes() == sent.read_bytes()


def test_many_streams_all_succeed(plain_tls):
    out = subprocess.run(["h2load", "-n10000", "-c8", "-m32", f"https://localhost:{plain_tls.port}/"],
                         capture_output=True, text=True, timeout=120)
    assert "10000 succeeded, 0 failed" in out.stdout, out.stdout


def test_sessions_resume(plain_tls, certificates):
    context = ssl.create_default_context(cafile=certificates.ca)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    session = None
    for reused in (False, True):
        with socket.create_connection(("127.0.0.1", plain_tls.port)) as raw, context.wrap_socket(
                raw, server_hostname="localhost", session=session) as tls:
            assert tls.session_reused == reused
            session = tls.session


def test_a_silent_client_is_let_go(upstream, certificates, tmp_path):
    make = maker(upstream, {"tls_certificates": [identity(certificates.server)]},
                 chain={"transport_socket_connect_timeout": "0.2s"})
    with sidecar.outrigger(BINARY, tmp_path, make) as process:
        with socket.create_connection(("127.0.0.1", process.port), 10) as silent:
            assert silent.recv(1) == b""
        name = "downstream_cx_transport_socket_connect_timeout"
        wait_for(lambda: process.stat(f"listener.127.0.0.1_{process.port}.{name}") == 1, "count")


# --- Who is let in.

# client: what Envoy and Outrigger count, and what the log says
REFUSED = {
    "misnamed": ("fail_verify_san", r"SAN matcher, certificate SANs are \[spiffe://td/ns/a/sa/other\]"),
    "expired": ("fail_verify_error", "certificate has expired"),
    "future": ("fail_verify_error", "certificate is not yet valid"),
    "foreign": ("fail_verify_error", "unable to get local issuer certificate"),
    "self_signed": ("fail_verify_error", "self signed certificate"),
    "revoked": ("fail_verify_error", "certificate revoked"),
    None: ("fail_verify_no_cert", "PEER_DID_NOT_RETURN_A_CERTIFICATE"),
}


@pytest.fixture(scope="module")
def strict(upstream, certificates, tmp_path_factory):
    """(Envoy, Outrigger) that let one client in."""
    folder = tmp_path_factory.mktemp("strict")
    make = mutual(upstream, certificates, forward_client_cert_details="APPEND_FORWARD",
                  set_current_client_cert_details={"subject": True, "cert": True, "chain": True,
                                                   "uri": True, "dns": True})
    with open(folder / "stderr", "w") as log, sidecar.envoy(folder, make) as envoy, \
            sidecar.outrigger(BINARY, folder, make, stderr=log) as ours:
        ours.admin("/logging?level=debug", method="POST")
        ours.stderr = folder / "stderr"
        yield envoy, ours


def test_a_known_client_is_let_in(strict, certificates):
    told = []
    for proxy in strict:
        answer = curl(proxy.port, certificates, "-H", "x-forwarded-client-cert: By=before",
                      client=certificates.client)
        assert answer.status == 200
        told.append(answer.get("x-echo-header-x-forwarded-client-cert"))
    assert told[0] == told[1]
    assert told[1].startswith("By=before,By=spiffe://td/ns/b/sa/server;Hash=")
    assert f"URI={CLIENT_URI};DNS=client.example" in told[1]
    assert strict[1].log_lines(1)[0] == f"200 - HTTP/2 TLSv1.3 {CLIENT_URI} localhost - via_upstream"


@pytest.mark.parametrize("client", REFUSED)
@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_others_are_refused_with_a_reason(strict, certificates, client, version):
    metric, reason = REFUSED[client]
    for proxy in strict:
        before = ssl_stats(proxy, "listener.*")
        out = run_curl(proxy.port, certificates, "--tls-max", version,
                       client=client and getattr(certificates, client))
        assert out.returncode != 0  # which code depends on how far curl is when it is told
        expected = {**before, metric: before.get(metric, 0) + 1}
        wait_for(lambda: ssl_stats(proxy, "listener.*") == expected, f"{expected}")
    assert re.search(f"handshake failed: TLS_error:.*{reason}", strict[1].stderr.read_text())


def test_what_is_no_tls_is_counted(strict):
    for proxy in strict:
        with socket.create_connection(("127.0.0.1", proxy.port), 10) as raw:
            raw.sendall(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
            raw.recv(100)
        wait_for(lambda: ssl_stats(proxy, "listener.*").get("connection_error") == 1, "count")


# --- Upstreams.

@pytest.fixture(scope="module")
def servers(certificates):
    """{name: port} of TLS servers that say nothing."""
    children, ports = [], {}
    for name in ("server", "expired", "future", "foreign", "self_signed", "strict"):
        pair = getattr(certificates, name, certificates.server)
        more = ["-Verify", "1", "-verify_return_error", "-CAfile", certificates.ca] if (
            name == "strict") else []
        ports[name] = sidecar.free_port()
        children.append(subprocess.Popen(
            ["openssl", "s_server", "-quiet", "-accept", str(ports[name]), "-cert", pair[0], "-key",
             pair[1], "-alpn", "h2", *more], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL))
    for port in ports.values():
        wait_for(lambda: sidecar.listens(port), "server")
    yield ports
    for child in children:
        child.kill()
        child.wait()


UPSTREAMS = {
    "expired": ("fail_verify_error", "certificate_has_expired"),
    "future": ("fail_verify_error", "certificate_is_not_yet_valid"),
    "foreign": ("fail_verify_error", "unable_to_get_local_issuer_certificate"),
    "self_signed": ("fail_verify_error", "self_signed_certificate"),
    "strict": ("connection_error", "SSLV3_ALERT_HANDSHAKE_FAILURE"),
    "misnamed": ("fail_verify_san", r"SAN_matcher,_certificate_SANs_are_\[localhost,_"),
    "plain": ("connection_error", "WRONG_VERSION_NUMBER"),
}


@pytest.fixture(scope="module")
def calling(servers, upstream, certificates, tmp_path_factory):
    """(Envoy, Outrigger) before those servers."""
    def up(port, name, san=None):
        return cluster(name, port, **transport("UpstreamTlsContext", trusting(certificates.ca, san),
                                               sni="localhost"))
    clusters = [up(port, name) for name, port in servers.items()]
    clusters += [up(servers["server"], "misnamed", {"san_type": "DNS", "matcher": {"exact": "other"}}),
                 up(upstream, "plain")]
    hosts = [{"name": each["name"], "domains": [each["name"]],
              "routes": all_to(each["name"])[0]["routes"]} for each in clusters]

    def make(port, admin, log):
        bootstrap = config(port, admin, hosts, clusters, log=log)
        chain = bootstrap["static_resources"]["listeners"][0]["filter_chains"][0]
        chain["filters"][0]["typed_config"]["access_log"][0]["typed_config"]["log_format"] = {
            "text_format_source": {"inline_string": LOG}}
        return bootstrap
    folder = tmp_path_factory.mktemp("calling")
    with sidecar.envoy(folder, make) as envoy, sidecar.outrigger(BINARY, folder, make) as ours:
        yield envoy, ours


@pytest.mark.parametrize("name", UPSTREAMS)
def test_an_upstream_that_cannot_be_believed(calling, name):
    metric, reason = UPSTREAMS[name]
    bodies = []
    for proxy in calling:
        answer = sidecar.curl(proxy.port, "/", "-H", f"host: {name}")
        bodies.append((answer.status, answer.body))
        assert ssl_stats(proxy, f"cluster.{name}") == {metric: 1}
        assert proxy.stat(f"cluster.{name}.upstream_cx_connect_fail") == 1
    assert bodies[0] == bodies[1]
    line = wait_for(lambda: next((l for l in calling[1].log.read_text().splitlines()
                                  if re.search(reason, l)), None) if calling[1].log.exists() else None,
                    reason)
    assert re.fullmatch(r"503 UF HTTP/2 - - - (TLS_error:\S+:TLS_error_end) "
                        r"upstream_reset_before_response_started\{remote_connection_failure\|\1\}", line)


def test_mutual_tls_on_both_legs(upstream, certificates, tmp_path):
    with sidecar.outrigger(BINARY, tmp_path, mutual(
            upstream, certificates, forward_client_cert_details="SANITIZE_SET",
            set_current_client_cert_details={"uri": True})) as server:
        far = cluster("echo", server.port, **transport("UpstreamTlsContext", {
            "tls_certificates": [identity(certificates.client)],
            "tls_params": {"tls_maximum_protocol_version": "TLSv1_3"},
            **trusting(certificates.ca, uri(r"spiffe://td/ns/b/sa/server"))}, sni="localhost"))

        def make(port, admin, log):
            return config(port, admin, all_to("echo"), [far], log=log)
        with sidecar.outrigger(BINARY, tmp_path, make) as client:
            answer = sidecar.curl(client.port, "/", "-H", "x-forwarded-client-cert: URI=forged",
                                  "-d", "through both")
            assert (answer.status, answer.body) == (200, "through both")
            told = answer.get("x-echo-header-x-forwarded-client-cert")
            assert re.fullmatch(f"By=spiffe://td/ns/b/sa/server;Hash=[0-9a-f]{{64}};URI={CLIENT_URI}",
                                told)
            assert ssl_stats(client, "cluster.echo") == {"handshake": 1}
            assert ssl_stats(server, "listener.*") == {"handshake": 1}
            assert sidecar.h2load(client.port, 5000) == (5000, 0)


# --- What is refused at load.

def load(folder, make):
    """(exit code, stderr) of a configuration that is not taken."""
    path = pathlib.Path(folder) / "config.yaml"
    path.write_text(sidecar.yaml.dump(make(sidecar.free_port(), sidecar.free_port(), None)))
    out = subprocess.run([BINARY, "run", "-c", path], capture_output=True, text=True, timeout=30)
    return out.returncode, out.stderr


PLACE = (r"filter_chains\[0\]\.transport_socket\.typed_config\.common_tls_context\."
         r"tls_certificates\[0\]\.")
BAD = {
    "mismatch": ("server", "client", r"private_key\.filename: \S+client\.key: private key does not match"),
    "expired": ("expired", "expired", r"certificate_chain\.filename: \S+expired\.pem: "
                                      r"certificate has expired"),
    "garbled": ("garbled", "server", r"certificate_chain\.filename: \S+garbled\.pem: failed to load"),
    "unreadable": ("none", "server", r"certificate_chain\.filename: file \S+none\.pem cannot be read"),
    "no key": ("server", "none", r"private_key\.filename: file \S+none\.key cannot be read"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_identity_is_told_at_start(upstream, certificates, tmp_path, case):
    certificate, key, message = BAD[case]
    garbled = (tmp_path / "garbled.pem", tmp_path / "garbled.key")
    garbled[0].write_text(certificates.server[0].read_text().replace("A", "!"))
    named = {"garbled": garbled, "none": (tmp_path / "none.pem", tmp_path / "none.key")}

    def find(name):
        return named.get(name) or getattr(certificates, name)
    code, text = load(tmp_path, maker(upstream, {"tls_certificates": [
        identity((find(certificate)[0], find(key)[1]))]}))
    assert code == 1
    assert re.search(PLACE + message, text), text


def test_certificates_that_nobody_vouches_for_are_not_asked_for(upstream, certificates, tmp_path):
    code, text = load(tmp_path, maker(upstream, {"tls_certificates": [identity(certificates.server)]},
                                      tls={"require_client_certificate": True}))
    assert code == 1
    assert "common_tls_context.validation_context: require_client_certificate needs trusted_ca" in text


def test_a_key_in_the_wrong_place_is_not_quoted(upstream, certificates, tmp_path):
    key = certificates.server[1].read_text()
    secret = {"certificate_chain": {"filename": str(certificates.server[0])}, "private_key": key}
    code, text = load(tmp_path, maker(upstream, {"tls_certificates": [secret]}))
    assert code == 1
    assert 'private_key: expected a mapping, got PEM' in text
    assert key.splitlines()[1][:16] not in text


def test_tls_with_the_clients_version_is_told(upstream, certificates, tmp_path):
    any_version = cluster("echo", upstream, **transport("UpstreamTlsContext", {}))
    any_version["typed_extension_protocol_options"] = {
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": sidecar.HTTP_OPTIONS, "use_downstream_protocol_config": {}}}
    code, text = load(tmp_path, maker(upstream, {"tls_certificates": [identity(certificates.server)]},
                                      clusters=[any_version]))
    assert code == 1
    assert "transport_socket: TLS with use_downstream_protocol_config is not supported yet" in text


def test_an_unknown_field_is_told(upstream, certificates, tmp_path):
    code, text = load(tmp_path, maker(upstream, {
        "tls_certificates": [identity(certificates.server)], "key_log": {"path": "/tmp/keys"}}))
    assert code == 1
    assert "common_tls_context.key_log" in text


def test_keys_are_shown_to_nobody(upstream, certificates, tmp_path):
    key = certificates.server[1].read_text()
    secret = {"certificate_chain": {"filename": str(certificates.server[0])},
              "private_key": {"inline_string": key}}
    with sidecar.outrigger(BINARY, tmp_path, maker(upstream, {"tls_certificates": [secret]})) as process:
        assert curl(process.port, certificates).status == 200
        dump = process.admin("/config_dump")[1]
        assert dump.count('"inline_string": "[redacted]"') == 2, dump
        assert key.splitlines()[1] not in dump


def test_new_files_are_taken_up(upstream, certificates, tmp_path):
    pair = (tmp_path / "live.pem", tmp_path / "live.key")

    def take(source):
        for to, content in zip(pair, source):
            to.write_bytes(content.read_bytes())

    def shown():
        context = ssl._create_unverified_context()
        with socket.create_connection(("127.0.0.1", process.port), 10) as raw, context.wrap_socket(
                raw, server_hostname="localhost") as tls:
            return ssl.DER_cert_to_PEM_cert(tls.getpeercert(True)).strip()
    take(certificates.server)
    with sidecar.outrigger(BINARY, tmp_path, maker(upstream, {"tls_certificates": [identity(pair)]})) \
            as process:
        assert shown() == certificates.server[0].read_text().strip()
        take(certificates.misnamed)
        process.child.send_signal(signal.SIGHUP)
        wait_for(lambda: shown() == certificates.misnamed[0].read_text().strip(), "new certificate")


if __name__ == "__main__":
    sys.exit(run_pytest(__file__))
