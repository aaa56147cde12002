# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""A throwaway Kerberos realm on 127.0.0.1, for GSSAPI. Standard library only.

`environment()` is what a client's process needs: it is pgstride_gss then, by a keytab, without a kinit.
"""

from __future__ import annotations

import os
import pathlib
import shutil
import socket
import subprocess
import time

NAME = "PGSTRIDE.TEST"
START_TIMEOUT = 30.0

CLIENT_CONFIGURATION = """\
[libdefaults]
default_realm = {name}
dns_lookup_kdc = false
dns_lookup_realm = false
dns_canonicalize_hostname = false
rdns = false
udp_preference_limit = 0
[realms]
{name} = {{
  kdc = 127.0.0.1:{port}
}}
"""

SERVER_CONFIGURATION = """\
[kdcdefaults]
kdc_listen = 127.0.0.1:{port}
kdc_tcp_listen = 127.0.0.1:{port}
[realms]
{name} = {{
  database_name = {folder}/principal
  key_stash_file = {folder}/stash
  master_key_type = aes256-cts
  supported_enctypes = aes256-cts:normal
}}
"""

PRINCIPALS = """\
addprinc -randkey pgstride_gss
addprinc -randkey postgres/localhost
addprinc -randkey till/localhost
ktadd -k {folder}/client.keytab pgstride_gss
ktadd -k {folder}/server.keytab postgres/localhost till/localhost
"""


def is_installed() -> bool:
    return all(_find(program) for program in ("krb5kdc", "kdb5_util", "kadmin.local"))


def environment(folder: str | os.PathLike[str]) -> dict[str, str]:
    return {
        "KRB5_CONFIG": f"{folder}/krb5.conf",
        "KRB5_CLIENT_KTNAME": f"FILE:{folder}/client.keytab",
        "KRB5CCNAME": "MEMORY:pgstride",
    }


class Realm:
    """Its files lie in `folder`: krb5.conf, client.keytab, server.keytab."""

    def __init__(self, folder: pathlib.Path, port: int) -> None:
        self.folder = folder
        self._port = port

    def start(self) -> None:
        self.folder.mkdir(mode=0o755)
        values = {"name": NAME, "port": self._port, "folder": self.folder}
        (self.folder / "krb5.conf").write_text(CLIENT_CONFIGURATION.format(**values))
        (self.folder / "kdc.conf").write_text(SERVER_CONFIGURATION.format(**values))
        self._run("kdb5_util", "create", "-s", "-r", NAME, "-P", "secret")
        self._run("kadmin.local", "-r", NAME, stdin=PRINCIPALS.format(**values))
        for keytab in self.folder.glob("*.keytab"):
            keytab.chmod(0o644)  # a server under another name reads it
        with open(self.folder / "log", "ab") as log:
            self._kdc = subprocess.Popen(
                [_find("krb5kdc"), "-n", "-r", NAME], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self._env()
            )
        deadline = time.monotonic() + START_TIMEOUT
        while self._kdc.poll() is None and time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self._port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.02)
        self.stop()
        raise RuntimeError("the KDC did not start:\n" + (self.folder / "log").read_text(errors="replace"))

    def stop(self) -> None:
        self._kdc.kill()
        self._kdc.wait()

    def _run(self, program: str, *arguments: str, stdin: str = "") -> None:
        done = subprocess.run(
            [_find(program), *arguments],
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=self._env(),
        )
        if done.returncode != 0:
            raise RuntimeError(f"{program} failed:\n{done.stdout}")

    def _env(self) -> dict[str, str]:
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "KRB5_CONFIG": str(self.folder / "krb5.conf"),
            "KRB5_KDC_PROFILE": str(self.folder / "kdc.conf"),
        }


def _find(program: str) -> str | None:
    return shutil.which(program) or shutil.which(program, path="/usr/sbin")
