# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""The options for TLS: modes, files and versions, and the ssl.SSLContext made from them."""

from __future__ import annotations

import enum
import os
import pathlib
import ssl
import typing

from . import _passfile, exceptions

OPTIONS = (
    "sslcert",
    "sslkey",
    "sslrootcert",
    "sslcrl",
    "sslpassword",
    "ssl_min_protocol_version",
    "ssl_max_protocol_version",
)


IN_A_CONTEXT = frozenset({*OPTIONS, "sslcertmode", "sslcrldir", "sslkeylogfile", "sslsni"})
"""What an ``ssl.SSLContext`` says itself."""

VARIABLES = {
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcrl": "PGSSLCRL",
    "ssl_min_protocol_version": "PGSSLMINPROTOCOLVERSION",
    "ssl_max_protocol_version": "PGSSLMAXPROTOCOLVERSION",
}


class SSLMode(enum.IntEnum):
    __module__ = "pgstride.connect_utils"

    disable = 0
    allow = 1
    prefer = 2
    require = 3
    verify_ca = 4
    verify_full = 5

    @classmethod
    def parse(cls, sslmode: str | SSLMode) -> SSLMode:
        if isinstance(sslmode, cls):
            return sslmode
        try:
            return cls[typing.cast(str, sslmode).replace("-", "_")]
        except (KeyError, AttributeError):
            modes = ", ".join(known.name.replace("_", "-") for known in cls)
            raise exceptions.ClientConfigurationError(f"`sslmode` parameter must be one of: {modes}") from None

    @property
    def libpq_name(self) -> str:
        return self.name.replace("_", "-")


class SSLNegotiation(str, enum.Enum):
    __module__ = "pgstride.connect_utils"

    postgres = "postgres"
    direct = "direct"

    __str__ = str.__str__

    @classmethod
    def parse(cls, value: str) -> SSLNegotiation:
        try:
            return cls(value)
        except ValueError:
            known = ", ".join(known.value for known in cls)
            raise exceptions.ClientConfigurationError(
                f"`sslnegotiation` parameter must be one of: {known}"
            ) from None


def complete(mode: SSLMode, options: dict[str, str], uses_home: bool = True) -> dict[str, str]:
    """`options` and the files in ``~/.postgresql`` that stand in for those not given.

    Without them no certificate is shown to the server, and its own must be signed by somebody whom the system trusts.
    """
    options = dict(options)
    for key in ("ssl_min_protocol_version", "ssl_max_protocol_version"):
        if key in options:
            _version(options[key])
    if not uses_home:
        return {"sslcertmode": "disable", **({"sslrootcert": "system"} if mode > SSLMode.require else {}), **options}
    for key, name in (("sslkey", "postgresql.key"), ("sslcert", "postgresql.crt")):
        _default(options, key, name)
    if mode >= SSLMode.require:
        if "sslrootcert" not in options:
            _default(options, "sslrootcert", "root.crt")
            if "sslrootcert" not in options and mode > SSLMode.require:
                raise _no_root()
        _default(options, "sslcrl", "root.crl")
    return options


def context(mode: SSLMode, options: dict[str, str]) -> ssl.SSLContext:
    """The context for complete() options."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    if mode >= SSLMode.require and (root := options.get("sslrootcert")):
        if root == "system":
            made.load_default_certs()
        else:
            made.load_verify_locations(cafile=root)
        made.verify_mode = ssl.CERT_REQUIRED
        made.check_hostname = mode >= SSLMode.verify_full
    if mode >= SSLMode.require and (revoked := options.get("sslcrl")):
        made.load_verify_locations(cafile=revoked)
        made.verify_flags |= ssl.VERIFY_CRL_CHECK_CHAIN
    if certificate := options.get("sslcert"):
        made.load_cert_chain(certificate, options.get("sslkey"), lambda: options.get("sslpassword", ""))
    made.minimum_version = _version(options.get("ssl_min_protocol_version", "TLSv1.2"))
    if latest := options.get("ssl_max_protocol_version"):
        made.maximum_version = _version(latest)
    if keylog := os.environ.get("SSLKEYLOGFILE"):
        made.keylog_filename = keylog
    return made


def _version(name: str) -> ssl.TLSVersion:
    if name.startswith("SSL"):
        raise exceptions.ClientConfigurationError(f"Unsupported TLS version: {name}")
    try:
        return ssl.TLSVersion[name.replace(".", "_")]
    except KeyError:
        raise exceptions.ClientConfigurationError(f"No such TLS version: {name}") from None


def _directory() -> pathlib.Path | None:
    home = _passfile.home()
    return home / ".postgresql" if home else None


def _default(options: dict[str, str], key: str, name: str) -> None:
    directory = _directory()
    if key not in options and directory:
        try:
            exists = (directory / name).is_file()
        except OSError:
            exists = False
        if exists:
            options[key] = str(directory / name)


def _no_root() -> BaseException:
    directory = _directory()
    path = directory / "root.crt" if directory else "~/.postgresql/root.crt"
    return exceptions.ClientConfigurationError(
        f'root certificate file "{path}" does not exist or cannot be accessed',
        detail=None
        if directory
        else "Could not determine location of user home directory (HOME is either unset, inaccessible, "
        "or does not point to a valid directory)",
        hint=f'Provide the certificate file directly or make sure "{path}" exists and is readable.',
    )
