# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""A throwaway PostgreSQL whose certificate and access rules a test may change while it runs."""

from __future__ import annotations

import os
import pathlib
import shutil
import socket
import ssl
import struct
import time
import typing

import certificates
import postgres
import psycopg

ACCESS = """\
local      all  all              trust
hostssl    all  pgstride_scram   all  scram-sha-256
hostssl    all  pgstride_md5     all  md5
hostssl    all  pgstride_password all password
hostssl    all  pgstride_client  all  cert
hostssl    all  all              all  trust
hostnossl  all  pgstride_nossl   all  trust
"""

_SSL_REQUEST = struct.pack("!ii", 8, 80877103)


class TlsPostgres(postgres.Server):
    """TLS only, but for pgstride_nossl. Trusts the clients of `authority`."""

    authority: certificates.Authority
    access = ACCESS

    def __enter__(self) -> TlsPostgres:
        super().__enter__()
        self._files = pathlib.Path(self.socket_dir)
        try:
            self.authority = certificates.Authority(self._files / "issued")
            with self.connect() as server:
                server.execute("CREATE ROLE pgstride_client LOGIN")
            self._place(self.authority.root, "clients.crt")
            self.configure(ssl_ca_file=str(self._files / "clients.crt"))
            self._prepare()
            (self._files / "data" / "pg_hba.conf").write_text(self.access)
            self.configure()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _prepare(self) -> None:
        """What the access rules take."""

    def connect(self) -> psycopg.Connection[typing.Any]:
        """Past all rules: by the Unix socket."""
        return psycopg.connect(self.unix_dsn, autocommit=True)

    def configure(self, **settings: str) -> None:
        with self.connect() as server:
            for name, value in settings.items():
                server.execute(f"ALTER SYSTEM SET {name} = '{value}'")
            server.execute("SELECT pg_reload_conf()")

    def show(self, certificate: certificates.Certificate) -> None:
        """From now on the server has this certificate."""
        for file, name in ((certificate.crt, "shown.crt"), (certificate.key, "shown.key")):
            self._place(file, name)
        self.configure(ssl_cert_file=str(self._files / "shown.crt"), ssl_key_file=str(self._files / "shown.key"))
        wanted = ssl.PEM_cert_to_DER_cert(certificate.crt.read_text())
        deadline = time.monotonic() + 60
        while self._shown() != wanted:
            if time.monotonic() > deadline:
                raise RuntimeError("the server goes on to show its old certificate")
            time.sleep(0.02)

    def _place(self, file: pathlib.Path, name: str) -> None:
        target = self._files / name
        shutil.copyfile(file, target)
        target.chmod(0o600)
        owner = os.stat(self._files)
        os.chown(target, owner.st_uid, owner.st_gid)

    def _shown(self) -> bytes | None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as wire:
            wire.sendall(_SSL_REQUEST)
            wire.recv(1)
            with context.wrap_socket(wire) as encrypted:
                return encrypted.getpeercert(binary_form=True)
