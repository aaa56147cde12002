# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Certificates for tests, made by the openssl command while the tests run. Standard library only."""

from __future__ import annotations

import pathlib
import subprocess
import typing

_CONFIG = """\
[ca]
default_ca = this
[this]
dir = {directory}
database = $dir/index.txt
serial = $dir/serial
crlnumber = $dir/crlnumber
new_certs_dir = $dir
certificate = $dir/ca.crt
private_key = $dir/ca.key
default_md = sha256
default_days = 30
default_crl_days = 30
unique_subject = no
policy = anything
[anything]
commonName = optional
organizationName = optional
[req]
distinguished_name = nobody
prompt = no
[nobody]
"""

_KEYS = {
    "ec": ("EC", "ec_paramgen_curve:P-256"),
    "ec384": ("EC", "ec_paramgen_curve:P-384"),
    "rsa": ("RSA", "rsa_keygen_bits:2048"),
    "ed25519": ("ED25519", None),
}


def openssl(*arguments: object, stdin: str | None = None) -> str:
    done = subprocess.run(
        ["openssl", *map(str, arguments)], input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    if done.returncode != 0:
        raise RuntimeError(f"openssl {arguments[0]} failed:\n{done.stderr}")
    return done.stdout


class Certificate(typing.NamedTuple):
    crt: pathlib.Path
    key: pathlib.Path


class Authority:
    """Signs certificates, and revokes them. `root` is what clients and servers must trust."""

    def __init__(self, directory: pathlib.Path, name: str = "pgstride test authority", key: str = "ec"):
        self.directory = directory
        directory.mkdir(parents=True)
        self._config = directory / "ca.cnf"
        self._config.write_text(_CONFIG.format(directory=directory))
        (directory / "index.txt").touch()
        (directory / "serial").write_text("1000\n")
        (directory / "crlnumber").write_text("1000\n")
        self.root = directory / "ca.crt"
        self.root_key = directory / "ca.key"
        make_key(self.root_key, key)
        self_sign(self.root, self.root_key, name, ["basicConstraints=critical,CA:TRUE"], self._config)

    def issue(
        self,
        file: str,
        common_name: str = "",
        names: typing.Sequence[str] = (),
        *,
        key: str = "ec",
        digest: str = "sha256",
        expired: bool = False,
        signature: typing.Sequence[str] = (),
        password: str | None = None,
        extension: str | None = None,
    ) -> Certificate:
        """A certificate under `file`.crt and .key.

        `names` are subject alternative names as openssl writes them, such as ``DNS:db.test``; `extension` is one
        in full; `signature` goes to -sigopt.
        """
        made = Certificate(self.directory / f"{file}.crt", self.directory / f"{file}.key")
        request = self.directory / f"{file}.csr"
        make_key(made.key, key, password)
        subject = f"/O=pgstride/CN={common_name}" if common_name else "/O=pgstride"
        unlock = ["-passin", f"pass:{password}"] if password else []
        openssl("req", "-new", "-config", self._config, "-key", made.key, *unlock, "-subj", subject, "-out", request)
        extensions = self.directory / f"{file}.ext"
        lines = ["basicConstraints=CA:FALSE"]
        if names:
            lines.append("subjectAltName=" + ",".join(names))
        if extension:
            lines.append(extension)
        extensions.write_text("\n".join(lines) + "\n")
        dates = ["-startdate", "20200101000000Z", "-enddate", "20200201000000Z"] if expired else []
        options = [word for option in signature for word in ("-sigopt", option)]
        openssl(
            *("ca", "-batch", "-notext", "-config", self._config, "-in", request, "-out", made.crt),
            *("-extfile", extensions, "-md", digest, *dates, *options),
        )
        return made

    def revoke(self, certificate: Certificate) -> None:
        openssl("ca", "-config", self._config, "-revoke", certificate.crt)

    def revocations(self, file: str = "revoked") -> pathlib.Path:
        """The list of what has been revoked so far."""
        path = self.directory / f"{file}.crl"
        openssl("ca", "-config", self._config, "-gencrl", "-out", path)
        return path


def make_key(path: pathlib.Path, kind: str = "ec", password: str | None = None) -> None:
    algorithm, option = _KEYS[kind]
    options = ["-pkeyopt", option] if option else []
    lock = ["-aes256", "-pass", f"pass:{password}"] if password else []
    openssl("genpkey", "-algorithm", algorithm, *options, *lock, "-out", path)
    path.chmod(0o600)


def self_sign(
    crt: pathlib.Path, key: pathlib.Path, name: str, extensions: typing.Sequence[str], config: pathlib.Path
) -> None:
    added = [word for extension in extensions for word in ("-addext", extension)]
    openssl(
        *("req", "-x509", "-new", "-config", config, "-key", key, "-subj", f"/CN={name}", "-days", 30),
        *(*added, "-out", crt),
    )
