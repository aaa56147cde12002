# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Custom codecs: the methods of Connection that concern types."""

from __future__ import annotations

import typing

from . import _core, exceptions
from ._parts import Part

_SQL_NAMES = {
    "smallint": "int2",
    "int": "int4",
    "integer": "int4",
    "bigint": "int8",
    "decimal": "numeric",
    "real": "float4",
    "double precision": "float8",
    "timestamp with timezone": "timestamptz",
    "timestamp without timezone": "timestamp",
    "time with timezone": "timetz",
    "time without timezone": "time",
    "char": "bpchar",
    "character": "bpchar",
    "character varying": "varchar",
    "bit varying": "varbit",
}

BUILTIN_TYPE_OID_MAP: dict[int, str] = {oid: name for name, oid in _core.builtin_types().items()}
BUILTIN_TYPE_NAME_MAP: dict[str, int] = _core.builtin_types()
"""By their own names and by SQL's, to which ``char`` belongs."""
BUILTIN_TYPE_NAME_MAP.update({sql: BUILTIN_TYPE_NAME_MAP[own] for sql, own in _SQL_NAMES.items()})

_HSTORE = "pg_contrib.hstore"

# A true array is what array_in() reads.
_LOOK_UP = """
select t.oid, case when t.typinput = 'pg_catalog.array_in'::pg_catalog.regproc then 'a' else t.typtype::text end
from pg_catalog.pg_type t join pg_catalog.pg_namespace n on n.oid = t.typnamespace
where t.typname = $1 and n.nspname = $2
"""

_Encoder = typing.Callable[[typing.Any], typing.Any]
_Decoder = typing.Callable[[typing.Any], typing.Any]


class _Found(typing.NamedTuple):
    oid: int
    kind: str  # pg_type.typtype, or 'a'

    @property
    def is_scalar(self) -> bool:
        return self.kind in ("b", "e")


def _builtin_oid(name: str) -> int | None:
    """The OID of a built-in type by its own name or by SQL's."""
    lower = name.lower()
    return None if lower.endswith("[]") else BUILTIN_TYPE_NAME_MAP.get(lower)


async def _find(connection: Part, typename: str, schema: str) -> _Found:
    if schema == "pg_catalog":
        oid = _builtin_oid(typename)
        if oid is not None and not typename.lower().endswith("range"):
            return _Found(oid, "a" if typename.lower() in ("int2vector", "oidvector") else "b")
    rows = await connection._core.fetch_plain(_LOOK_UP, (typename, schema), None)
    if not rows:
        raise ValueError(f"unknown type: {schema}.{typename}")
    return _Found(*rows[0])


class TypeCodecs(Part):
    """The part of :class:`Connection` that is about types."""

    __slots__ = ()

    async def set_type_codec(
        self,
        typename: str,
        *,
        schema: str = "public",
        encoder: _Encoder,
        decoder: _Decoder,
        format: str = "text",
    ) -> None:
        """Convert values of a type with functions of your own.

        `format` says what `encoder` returns and `decoder` gets: ``'text'`` (str), ``'binary'`` (bytes) or
        ``'tuple'`` (a tuple that depends on the type; the only one for composite types). Neither sees NULL.
        """
        self._check_open()
        found = await _find(self, typename, schema)
        if found.kind == "d":
            raise exceptions.UnsupportedClientFeatureError(
                "custom codecs on domain types are not supported",
                hint="Set the codec on the base type.",
                detail="PostgreSQL does not distinguish domains from their base types in query results "
                "at the protocol level.",
            )
        if found.kind == "c" and format != "tuple":
            raise exceptions.UnsupportedClientFeatureError(
                "only tuple-format codecs can be used on composite types",
                hint="Use `set_type_codec(..., format='tuple')` and pass/interpret data as a Python tuple.",
            )
        if found.kind != "c" and not found.is_scalar:
            raise exceptions.InterfaceError(
                f"cannot use custom codec on type {schema}.{typename}: "
                "it is neither a scalar type nor a composite type"
            )
        if format not in ("text", "binary", "tuple"):
            raise exceptions.InterfaceError(
                f"invalid `format` argument, expected 'text', 'binary' or 'tuple', got {format!r}"
            )
        if found.oid not in BUILTIN_TYPE_OID_MAP:
            await self._core.look_up_types((found.oid,), None)
        self._core.set_type_codec(found.oid, typename, encoder, decoder, format)

    async def reset_type_codec(
        self,
        typename: str,
        *,
        schema: str = "public",
    ) -> None:
        """Go back to the built-in conversion of a type."""
        found = await _find(self, typename, schema)
        self._core.reset_type_codec(found.oid)

    async def set_builtin_type_codec(
        self,
        typename: str,
        *,
        schema: str = "public",
        codec_name: str,
        format: str | None = None,
    ) -> None:
        """Convert values of a type like those of a built-in type, or like ``'pg_contrib.hstore'``.

        `format` may restrict that to ``'text'`` or ``'binary'``.
        """
        self._check_open()
        found = await _find(self, typename, schema)
        if not found.is_scalar and found.kind != "d":
            raise exceptions.InterfaceError(f"cannot alias non-scalar type {schema}.{typename}")
        if format not in (None, "text", "binary"):
            raise exceptions.InterfaceError(
                f"invalid `format` argument, expected 'text' or 'binary', got {format!r}"
            )
        like = None if codec_name == _HSTORE else BUILTIN_TYPE_NAME_MAP.get(codec_name)
        is_there = like is not None if codec_name != _HSTORE else format != "text"
        if not is_there or not self._core.set_type_alias(found.oid, typename, schema, like, format):
            raise exceptions.InterfaceError(
                f"cannot alias {typename} to {codec_name}: there is no {format or 'text'} codec for {codec_name}"
            )

    async def reload_schema_state(self) -> None:
        """Forget what is known of types and statements, after the schema has changed."""
        self._core.forget_types()
