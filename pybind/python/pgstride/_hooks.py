# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Methods that others replace to see what a connection or a pool does: tracing packages, subclasses, tests.

Queries take the shortest way into the core, past the internal methods that asyncpg has and tracing packages
replace. Only when one of those was replaced do queries go through them: the metaclasses here notice that, at
the cost of one set lookup per query.
"""

from __future__ import annotations

import typing

REPLACED: set[str] = set()
"""Names of the methods that were replaced for every connection; ``Protocol``, if all of that class were."""


class Hookable(type):
    """The class of a class with methods that may be replaced.

    ``cls._hooked`` is the set of those that are; the one that :meth:`keep_originals` was given, unless a subclass has
    its own.
    """

    _originals: dict[str, object]
    _replaced: set[str]
    _hooked: set[str]

    def keep_originals(cls, *names: str, replaced: set[str] = REPLACED) -> None:
        """From now on another object in the place of one of these is a replacement."""
        cls._originals = {name: getattr(cls, name) for name in names}
        cls._hooked = cls._replaced = replaced

    def __init__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, typing.Any], **options: typing.Any) -> None:
        super().__init__(name, bases, namespace, **options)
        if hasattr(cls, "_originals"):
            cls._look_again()

    def __setattr__(cls, name: str, value: object) -> None:
        super().__setattr__(name, value)
        if name in getattr(cls, "_originals", ()):
            cls._look_again()

    def __delattr__(cls, name: str) -> None:
        super().__delattr__(name)
        if name in cls._originals:
            cls._look_again()

    def _look_again(cls) -> None:
        replaced = {name for name, original in cls._originals.items() if getattr(cls, name) is not original}
        if "_originals" in vars(cls):
            cls._replaced.difference_update(cls._originals)
            cls._replaced.update(replaced)
        else:
            cls._hooked = replaced or cls._replaced
