# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""The two files that libpq's users keep: passwords, and services."""

from __future__ import annotations

import configparser
import os
import pathlib
import re
import stat
import typing
import warnings

from . import exceptions

_FIELD = re.compile(r"((?:[^:\\]|\\.?)*):")


def home() -> pathlib.Path | None:
    """The user's home directory, if there is any knowing."""
    try:
        return pathlib.Path.home()
    except (RuntimeError, KeyError):
        return None


def find_passwords(
    path: str | os.PathLike[str] | None,
    places: typing.Iterable[tuple[typing.Sequence[str], int]],
    database: str,
    user: str,
) -> list[str | None]:
    """What the password file has for each place: a port and the names that its host goes by.

    `path` None: the default file.
    """
    if path is None:
        directory = home()
        path = directory / ".pgpass" if directory else None
    entries = _entries(pathlib.Path(path)) if path else []
    return [
        next((found for name in names if (found := _find(entries, (name, str(port), database, user)))), None)
        for names, port in places
    ]


def _find(entries: list[list[str]], key: tuple[str, str, str, str]) -> str | None:
    for *patterns, password in entries:
        if all(map(_matches, patterns, key)):
            return _unescape(password)
    return None


def service(name: str, path: str | os.PathLike[str] | None) -> dict[str, str]:
    """The settings of a service. `path` None: the default files."""
    for file in _service_files(path or os.environ.get("PGSERVICEFILE")):
        # Values are taken as they are, and there is no section whose settings all others share.
        parser = configparser.RawConfigParser(default_section="", strict=False)
        try:
            parser.read(file, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError):  # its text quotes the line, which may hold a password
            raise exceptions.ClientConfigurationError(f'syntax error in service file "{file}"') from None
        if parser.has_section(name):
            said = {key: value for key, value in parser.items(name) if value}
            if "database" in said:  # which is asyncpg's name for it
                said.setdefault("dbname", said.pop("database"))
            return said
    raise exceptions.ClientConfigurationError(f'definition of service "{name}" not found')


def _service_files(chosen: str | os.PathLike[str] | None) -> list[pathlib.Path]:
    files = []
    if chosen:
        if not os.path.exists(chosen):
            raise exceptions.ClientConfigurationError(f'service file "{os.fspath(chosen)}" not found')
        files.append(pathlib.Path(chosen))
    elif directory := home():
        files.append(directory / ".pg_service.conf")
    if system := os.environ.get("PGSYSCONFDIR"):
        files.append(pathlib.Path(system) / "pg_service.conf")
    return files


def _entries(path: pathlib.Path) -> list[list[str]]:
    """The lines of a password file, five fields each, still escaped."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            warnings.warn(f"password file {path!r} is not a plain file", stacklevel=2)
            return []
        if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            warnings.warn(
                f"password file {path!r} has group or world access; permissions should be u=rw (0600) or less",
                stacklevel=2,
            )
            return []
        text = path.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return []
    entries = []
    for line in text.splitlines():
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        fields: list[str] = []
        while len(fields) < 4 and (match := _FIELD.match(line)):
            fields.append(match[1])
            line = line[match.end() :]
        if len(fields) == 4:
            entries.append([*fields, line])
    return entries


def _matches(pattern: str, value: str) -> bool:
    # asyncpg compares the field as it is written, libpq without its backslashes. Both are in use.
    return pattern == "*" or value in (pattern, _unescape(pattern))


def _unescape(field: str) -> str:
    return re.sub(r"\\(.?)", r"\1", field)
