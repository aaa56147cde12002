# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""How the tests run: `async def` tests on every event loop, beside a real server, with nothing lost.

Every coroutine test runs once per loop (asyncio, uvloop). After each, whatever Python only mentions in
passing fails the test: unclosed connections, exceptions that nobody retrieved or could raise, coroutines
never awaited, tasks left behind (LK-6). A test that hangs ends the whole run with all stacks.
"""

from __future__ import annotations

import asyncio
import faulthandler
import gc
import inspect
import os
import pathlib
import subprocess
import sys
import textwrap
import time
import urllib.parse
from typing import Any, Awaitable, Callable, Coroutine

import absent
import cpp_tour
import pytest

import pgstride
from pgstride import _parameters

HANGS_AFTER = float(os.environ.get("PGSTRIDE_HANGS_AFTER", "120"))

try:
    import uvloop
except ImportError:
    uvloop = None

NO_UVLOOP = [] if uvloop else pytest.mark.skip(absent.note("uvloop", "it is not installed"))
LOOPS = ["asyncio", pytest.param("uvloop", marks=NO_UVLOOP)]


# --- running ------------------------------------------------------------------------------------------


class Runner:
    """One loop for one test, its fixtures included."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.complaints: list[dict[str, Any]] = []
        """What the loop's exception handler was told. A test that provokes it clears it."""
        loop.set_exception_handler(lambda _, context: self.complaints.append(context))

    def __call__(self, awaitable: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(awaitable)

    def close(self) -> None:
        try:
            self._settle()
            left = asyncio.all_tasks(self.loop)
            for task in left:
                task.cancel()
            if left:
                self(asyncio.wait(left))
            self(self.loop.shutdown_asyncgens())
            self(self.loop.shutdown_default_executor())
            gc.collect()
            self._settle()
        finally:
            asyncio.set_event_loop(None)
            self.loop.close()
        assert not left, f"tasks left behind: {left}"
        assert not self.complaints, f"the loop was told of {self.complaints}"

    def _settle(self) -> None:
        self(asyncio.sleep(0))
        self(asyncio.sleep(0))


@pytest.fixture(params=LOOPS)
def runner(request):
    loop = asyncio.new_event_loop() if request.param == "asyncio" else uvloop.new_event_loop()
    asyncio.set_event_loop(loop)
    runner = Runner(loop)
    yield runner
    runner.close()


def pytest_pycollect_makeitem(collector, name, obj):
    if inspect.iscoroutinefunction(obj) and collector.istestfunction(obj, name):
        pytest.mark.usefixtures("runner")(obj)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = pyfuncitem._fixtureinfo.argnames
    pyfuncitem.funcargs["runner"](pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names}))
    return True


# --- nothing is lost, nothing hangs -------------------------------------------------------------------


def pytest_configure(config):
    for category in (
        "ResourceWarning",
        "RuntimeWarning",  # a coroutine that was never awaited
        "pytest.PytestUnraisableExceptionWarning",
        "pytest.PytestUnhandledThreadExceptionWarning",
    ):
        config.addinivalue_line("filterwarnings", f"error::{category}")
    config.stash[real_stderr] = os.fdopen(os.dup(sys.__stderr__.fileno()), "w")  # not yet captured


def pytest_addoption(parser):
    parser.addoption(
        "--half",
        type=int,
        choices=(1, 2),
        help="run every other file; the two halves may run at once, each beside a server of its own",
    )


def pytest_collection_modifyitems(config, items):
    half = config.getoption("half")
    if half is None:
        return
    files = list(dict.fromkeys(item.path for item in items))
    mine = set(files[half - 1 :: 2])
    config.hook.pytest_deselected(items=[item for item in items if item.path not in mine])
    items[:] = [item for item in items if item.path in mine]


def pytest_collection_finish():
    """The collection of garbage after each test looks at what the test has made, not at thousands of others."""
    gc.collect()
    gc.freeze()


real_stderr = pytest.StashKey()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    faulthandler.dump_traceback_later(HANGS_AFTER, exit=True, file=item.config.stash[real_stderr])
    try:
        return (yield)
    finally:
        faulthandler.cancel_dump_traceback_later()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session):
    """Nothing is skipped silently (R-G4)."""
    if absent.undeclared() and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter):
    if lacking := absent.undeclared():
        terminalreporter.section("what this run lacks, and has not declared", red=True)
        for name, why in lacking.items():
            terminalreporter.line(f"{name}: {why}")
        terminalreporter.line(f"to do without: PGSTRIDE_ABSENT={','.join(lacking)}")


# --- the server ---------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def tour() -> Callable[[str], str]:
    """Runs the C++ quick start on the server of a URL; what it says."""
    if cpp_tour.PROGRAM is None:
        pytest.skip("the examples have not been built")
    return lambda dsn: cpp_tour.run(dsn)[1]


@pytest.fixture(scope="session")
def dsn() -> str:
    dsn = os.environ.get("PGSTRIDE_TEST_DSN")
    if not dsn:
        pytest.fail("PGSTRIDE_TEST_DSN is not set: run under `tests/support/postgres.py run -- pytest`")
    return dsn


Connect = Callable[..., Awaitable[pgstride.Connection]]


@pytest.fixture
def connect(runner, dsn):
    """Opens connections that are closed when the test is over. The first argument defaults to the dsn."""
    opened = []

    async def connect(*args, **options):
        connection = await pgstride.connect(*(args or (dsn,)), **options)
        opened.append(connection)
        return connection

    yield connect
    for connection in opened:
        if not connection.is_closed():
            runner(connection.close(timeout=30))
    opened.clear()


@pytest.fixture
def connection(runner, connect):
    return runner(connect())


@pytest.fixture
def create_pool(runner, dsn):
    """Makes pools, of one connection if not said otherwise, that are closed when the test is over."""
    made = []

    async def create_pool(**options):
        pool = await pgstride.create_pool(dsn, **{"min_size": 1, "max_size": 1, **options})
        made.append(pool)
        return pool

    yield create_pool
    for pool in made:
        runner(asyncio.wait_for(pool.close(), 30))
    made.clear()


class Observer:
    """Looks at the server from a connection of its own, so that tests can wait for what is, not for time."""

    def __init__(self, connection: pgstride.Connection) -> None:
        self.connection = connection

    async def until(self, query: str, *args: object) -> None:
        """Returns once the query says true."""
        while not await self.connection.fetchval(f"select ({query})::int", *args):
            await asyncio.sleep(0.005)

    async def runs(self, pid: int, text: str = "") -> None:
        """Returns once the backend runs a statement that contains `text`."""
        await self.until(
            "select count(*) from pg_stat_activity where pid = $1 and state = 'active' and strpos(query, $2) > 0",
            pid,
            text,
        )

    async def sleeps(self, pid: int) -> None:
        """Returns once the backend is inside pg_sleep()."""
        await self.until("select count(*) from pg_stat_activity where pid = $1 and wait_event = 'PgSleep'", pid)

    async def rests(self, pid: int) -> None:
        """Returns once the backend does nothing any more."""
        await self.until("select count(*) from pg_stat_activity where pid = $1 and state like 'idle%'", pid)

    async def gone(self, pid: int) -> None:
        """Returns once there is no such backend."""
        await self.until("select 1 - count(*) from pg_stat_activity where pid = $1", pid)

    async def terminate(self, pid: int) -> None:
        await self.connection.fetchval("select pg_terminate_backend($1)::int", pid)
        await self.gone(pid)


@pytest.fixture
def observer(runner, connect):
    return Observer(runner(connect()))


# --- what tests say often -----------------------------------------------------------------------------


@pytest.fixture
def usable() -> Callable[[pgstride.Connection], Awaitable[None]]:
    """Asserts that a connection answers, and answers to what it was asked."""

    async def usable(connection: pgstride.Connection) -> None:
        token = f"token {time.monotonic_ns()}"
        assert await connection.fetchval("select $1::text", token) == token

    return usable


@pytest.fixture
def python(dsn):
    """Runs a script in an interpreter of its own: (exit code, stdout, stderr)."""

    def python(script: str, *args: str, stdin: str | None = None, options=(), timeout: float = 60.0):
        done = subprocess.run(
            [sys.executable, *options, *(["-c", textwrap.dedent(script)] if script else []), *args],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        return done.returncode, done.stdout, done.stderr

    return python


@pytest.fixture
def parts(dsn):
    """The server's address, apart: host, port, user, database."""
    url = urllib.parse.urlsplit(dsn)
    options = dict(urllib.parse.parse_qsl(url.query))
    return {
        "host": url.hostname or options["host"],
        "port": url.port or int(options["port"]),
        "user": url.username,
        "database": url.path[1:],
    }


@pytest.fixture
def parse(monkeypatch, tmp_path):
    """What connect() makes of its arguments: (addresses, parameters). The home directory is `tmp_path`, the
    system's user `login`, and the environment says nothing yet."""
    for name in list(os.environ):
        if name.startswith("PG") or name == "SSLKEYLOGFILE":
            monkeypatch.delenv(name)
    monkeypatch.setattr(pathlib.Path, "home", lambda: tmp_path)
    monkeypatch.setenv("LOGNAME", "login")
    nothing = dict.fromkeys(
        "dsn host port user password passfile database ssl service servicefile direct_tls server_settings "
        "target_session_attrs krbsrvname gsslib".split()
    )

    def parse(package=pgstride, **given):
        return package.connect_utils._parse_connect_dsn_and_args(**{**nothing, **given})

    return parse


@pytest.fixture
def resolve(parse):
    """The whole of it: what the driver is told, too."""
    nothing = dict.fromkeys(inspect.signature(_parameters.resolve).parameters)
    del nothing["untrusted_dsn"], nothing["more"]
    return lambda **given: _parameters.resolve(**{**nothing, **given})
