# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Imported before the extension: it keeps its types in statics, one set for the whole process, and the interpreter
that would load it a second time would wait for ever."""

import importlib


def _is_main() -> bool:
    for name in ("_interpreters", "_xxsubinterpreters"):  # since 3.13, and before
        try:
            interpreters = importlib.import_module(name)
        except ImportError:
            continue
        return bool(interpreters.get_current() == interpreters.get_main())
    return True


if not _is_main():
    raise ImportError("pgstride can be used in the main interpreter only")
