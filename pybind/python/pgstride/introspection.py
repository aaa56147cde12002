# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""SQL about types, for those who ask the catalogs themselves.

The driver's own questions are in its core; these are for code that knows asyncpg's names for them.
"""

from __future__ import annotations

import typing

INTRO_LOOKUP_TYPES = """\
WITH RECURSIVE typeinfo AS (
    SELECT t.oid, n.nspname AS ns, t.typname AS name, t.typtype AS kind,
        CASE WHEN t.typtype = 'd' THEN t.typbasetype END AS basetype,
        CASE WHEN t.typinput = 'pg_catalog.array_in'::pg_catalog.regproc THEN t.typelem END AS elemtype,
        t.typdelim AS elemdelim,
        coalesce(r.rngsubtype, m.rngtypid) AS range_subtype,
        CASE WHEN t.typtype = 'c' THEN (
            SELECT pg_catalog.array_agg(a.atttypid ORDER BY a.attnum)
            FROM pg_catalog.pg_attribute a
            WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
        ) END AS attrtypoids,
        CASE WHEN t.typtype = 'c' THEN (
            SELECT pg_catalog.array_agg(a.attname::text ORDER BY a.attnum)
            FROM pg_catalog.pg_attribute a
            WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
        ) END AS attrnames
    FROM pg_catalog.pg_type t
    JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
    LEFT JOIN pg_catalog.pg_range r ON r.rngtypid = t.oid
    LEFT JOIN pg_catalog.pg_range m ON m.rngmultitypid = t.oid
), tree AS (
    SELECT typeinfo.*, 0 AS depth FROM typeinfo WHERE oid = ANY($1::pg_catalog.oid[])
    UNION ALL
    SELECT inner_type.*, tree.depth + 1
    FROM tree JOIN typeinfo AS inner_type ON inner_type.oid = ANY(
        pg_catalog.array_cat(ARRAY[tree.basetype, tree.elemtype, tree.range_subtype], tree.attrtypoids))
)
SELECT DISTINCT * FROM tree ORDER BY depth DESC
"""

INTRO_LOOKUP_TYPES_13 = INTRO_LOOKUP_TYPES.replace("coalesce(r.rngsubtype, m.rngtypid)", "r.rngsubtype").replace(
    "    LEFT JOIN pg_catalog.pg_range m ON m.rngmultitypid = t.oid\n", ""
)
"""The same for servers before 14, which have no multiranges."""

TYPE_BY_NAME = """\
SELECT t.oid,
    t.typelem AS elemtype,
    t.typtype AS kind
FROM pg_catalog.pg_type AS t
JOIN pg_catalog.pg_namespace AS n ON n.oid = t.typnamespace
WHERE t.typname = $1 AND n.nspname = $2
"""

SCALAR_TYPE_KINDS = (b"b", b"d", b"e")


class TypeRecord(typing.NamedTuple):
    """A row of these queries. `kind` is pg_type.typtype."""

    oid: int
    ns: str | None
    name: str | None
    kind: bytes
    basetype: int | None
    elemtype: int | None
    elemdelim: str | None
    range_subtype: int | None
    attrtypoids: list[int] | None
    attrnames: list[str] | None


def _field(type_: typing.Any, name: str) -> typing.Any:
    return type_[name] if not isinstance(type_, tuple) else getattr(type_, name)


def is_scalar_type(typeinfo: typing.Any) -> bool:
    """A type whose values have no parts; an enumeration and a domain are scalar, too."""
    return _field(typeinfo, "kind") in SCALAR_TYPE_KINDS and not _field(typeinfo, "elemtype")


def is_domain_type(typeinfo: typing.Any) -> bool:
    return bool(_field(typeinfo, "kind") == b"d")


def is_composite_type(typeinfo: typing.Any) -> bool:
    return bool(_field(typeinfo, "kind") == b"c")


__all__ = (
    "INTRO_LOOKUP_TYPES",
    "INTRO_LOOKUP_TYPES_13",
    "TYPE_BY_NAME",
    "SCALAR_TYPE_KINDS",
    "TypeRecord",
    "is_scalar_type",
    "is_domain_type",
    "is_composite_type",
)
