"""Makes the certificates of a test with openssl: an authority, and what it signs."""

import pathlib
import subprocess


def openssl(*arguments, text=None):
    out = subprocess.run(["openssl", *map(str, arguments)], input=text, capture_output=True,
                         text=True, timeout=60)
    assert out.returncode == 0, out.stderr
    return out.stdout


class Authority:
    """A CA of its own; its files are in `folder`."""

    def __init__(self, folder, name="ca"):
        self.folder = pathlib.Path(folder)
        self.name = name
        self.certificate, self.key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        self.serials = 0
        make_key(self.key)
        openssl("req", "-x509", "-new", "-key", self.key, "-out", self.certificate, "-days", "30",
                "-subj", f"/CN={name}", "-addext", "basicConstraints=critical,CA:TRUE",
                "-addext", "keyUsage=critical,keyCertSign,cRLSign")
        (self.folder / f"{name}.index").write_text("")
        (self.folder / f"{name}.cnf").write_text(
            f"[ca]\ndefault_ca=a\n[a]\ndatabase={self.folder}/{name}.index\ndefault_md=sha256\n"
            f"policy=p\nnew_certs_dir={self.folder}\nserial={self.folder}/{name}.serial\n"
            "unique_subject=no\ncopy_extensions=copyall\n[p]\ncommonName=supplied\n")
        (self.folder / f"{name}.serial").write_text("1000\n")

    def issue(self, name, *sans, start=None, end=None):
        """(certificate, key) as paths; `start` and `end` as YYMMDDHHMMSSZ."""
        key, request = self.folder / f"{name}.key", self.folder / f"{name}.csr"
        certificate = self.folder / f"{name}.pem"
        make_key(key)
        names = ",".join(sans or ["DNS:localhost", "IP:127.0.0.1"])
        openssl("req", "-new", "-key", key, "-out", request, "-subj", f"/CN={name}",
                "-addext", f"subjectAltName={names}")
        dates = (["-startdate", start] if start else []) + (["-enddate", end] if end else
                                                            ["-days", "10"])
        openssl("ca", "-batch", "-notext", "-config", self.folder / f"{self.name}.cnf", "-cert",
                self.certificate, "-keyfile", self.key, "-in", request, "-out", certificate, *dates)
        return certificate, key

    def revoke(self, certificate):
        """A CRL with it, as a path."""
        config = self.folder / f"{self.name}.cnf"
        crl = self.folder / f"{self.name}.crl"
        shared = ["-config", config, "-cert", self.certificate, "-keyfile", self.key]
        openssl("ca", *shared, "-revoke", certificate)
        openssl("ca", *shared, "-gencrl", "-crldays", "10", "-out", crl)
        return crl


def make_key(path):
    openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", path)


def self_signed(folder, name, san="DNS:localhost"):
    folder = pathlib.Path(folder)
    key, certificate = folder / f"{name}.key", folder / f"{name}.pem"
    make_key(key)
    openssl("req", "-x509", "-new", "-key", key, "-out", certificate, "-days", "10", "-subj",
            f"/CN={name}", "-addext", f"subjectAltName={san}")
    return certificate, key
