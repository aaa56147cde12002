# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""One place of a pool, and its connection: how that is opened, lent, taken back and closed."""

from __future__ import annotations

import asyncio
import typing
import warnings

from . import _callers, _loops, _observing, connection, exceptions
from ._parts import Row
from ._pool_proxy import PoolConnectionProxy

if typing.TYPE_CHECKING:
    from .pool import Pool

_BASE: type[connection.Connection[typing.Any]] = connection.Connection
# A class that has put something else in the place of one of these has its own way of resetting.
PLAIN_RESET = _BASE.reset
PLAIN_RESET_QUERY = _BASE.get_reset_query
_CLOSE_LIMIT = 10.0  # seconds, for a connection that nobody waits for
_CHECK_LIMIT = 5.0


class PoolConnectionHolder(typing.Generic[Row]):
    """A slot of the pool's core, with the connection in it if there is one."""

    __module__ = "pgstride.pool"

    __slots__ = ("_con", "_pool", "_slot", "_timeout", "_generation", "_releasing", "_lent_until", "_loan", "_why")

    def __init__(self, pool: Pool[Row], slot: int) -> None:
        self._pool = pool
        self._slot = slot
        self._con: connection.Connection[Row] | None = None
        self._timeout: float | None = None
        self._generation: int | None = None
        self._releasing: asyncio.Task[None] | None = None
        self._lent_until: asyncio.Future[None] | None = None
        self._loan: tuple[float, str, str | None] | None = None  # since when, by which task, in debug mode: where
        self._why = "lost"  # what an observer is told when the connection has ended

    def is_connected(self) -> bool:
        return self._con is not None and not self._con.is_closed()

    def is_idle(self) -> bool:
        return self._pool._core.state(self._slot) != "leased" and self._releasing is None

    def _is_free(self) -> bool:
        """Or in nobody's hands, at least."""
        state = self._pool._core.state(self._slot)
        return state in ("empty", "idle", "checking", "resetting") and self._releasing is None

    @property
    def _in_use(self) -> asyncio.Future[None] | None:
        """Done when the connection is given back; None when it is not lent."""
        if self.is_idle():
            return None
        if self._lent_until is None:
            self._lent_until = self._pool._loop.create_future()
        return self._lent_until

    async def wait_until_released(self) -> None:
        """Returns at once when nobody has the connection."""
        lent_until = self._in_use
        if lent_until is not None:
            await _loops.library_of(self._pool._loop).shielded(lent_until)

    # --- connecting ---------------------------------------------------------------------------------

    async def connect(self) -> None:
        """Open the connection of an empty holder."""
        if self._con is not None:
            raise exceptions.InternalClientError(
                "PoolConnectionHolder.connect() called while another connection already exists"
            )
        self._con = con = await self._pool._get_new_connection()
        self._generation = self._pool._generation
        self._why = "lost"
        con._on_end = self._ended

    async def _open(self) -> None:
        """Connect in a slot that waits for that."""
        try:
            self._pool._check_open()
            await self.connect()
        finally:
            self._opened()
        if self._con is None:
            raise exceptions.InterfaceError("connection is closed")

    def _opened(self, failure_counts: bool = False) -> None:
        """Connecting is over; tells the core how it went."""
        core, con = self._pool._core, self._con
        if con is None or con.is_closed():
            self._con = None
            core.failed(self._slot, failure_counts)
        else:
            core.connected(self._slot, con._core, con._with_roles(_BASE.get_reset_query(con)))

    # --- lending ------------------------------------------------------------------------------------

    async def acquire(self) -> PoolConnectionProxy[Row]:
        """Lend the connection, which is leased to the caller."""
        return await self._lend(None)

    async def _lend(self, timeout: float | None) -> PoolConnectionProxy[Row]:
        pool, con = self._pool, self._con
        if con is None or pool._core.state(self._slot) != "leased":
            raise exceptions.InternalClientError("PoolConnectionHolder.acquire() called on a holder that is not leased")
        proxy = PoolConnectionProxy(self, con)
        self._timeout = timeout
        site = _callers.frames() if pool._loop.get_debug() else None
        self._loan = pool._loop.time(), _loops.library_of(pool._loop).task_name(), site
        if pool._setup is not None:
            try:
                await pool._setup(proxy)
            except BaseException as error:
                # Nobody knows what it has done: the connection is not safe to be used again.
                self._why = "discarded"
                await _dispose(con, error)
                raise
        return proxy

    async def release(self, timeout: float | None) -> None:
        """Take the connection back."""
        if self.is_idle():
            raise exceptions.InternalClientError("PoolConnectionHolder.release() called on a free connection holder")
        if self._releasing is None:
            if self._give_back(timeout):
                return
            assert self._con is not None
            self._releasing = self._pool._loop.create_task(self._release_slowly(timeout, self._con._proxy))
            self._releasing.add_done_callback(_retrieve)
        # However the caller's task ends, the connection comes back.
        await _loops.library_of(self._pool._loop).shielded(self._releasing)

    def _give_back(self, timeout: float | None) -> bool:
        """Without waiting for anything: the reset runs behind whatever is under way, and nobody gets the
        connection before the server has confirmed it. False: that is not possible."""
        con = self._con
        assert con is not None
        kind = type(con)
        if (
            self._pool._reset is not None
            or kind.reset is not PLAIN_RESET
            or kind.get_reset_query is not PLAIN_RESET_QUERY
            or con._core.busy
            or con._core.closed
        ):
            return False
        rolls_back = con._top_xact is not None or con._core.transaction != "I"
        if rolls_back:
            con._leave_transaction()
        if not self._pool._core.release(self._slot, timeout, rolls_back):
            return False
        self._free()
        return True

    async def _release_slowly(self, timeout: float | None, proxy: object) -> None:
        """Close the connection when it has to go, else run what the user put in place of the reset.

        `proxy` is held meanwhile: a connection that is being given back is not one that was forgotten.
        """
        con, core = self._con, self._pool._core
        try:
            if con is None:
                return  # it has ended in the meantime
            if con._core.closed:
                con.terminate()
            elif core.state(self._slot) == "retiring" or not core.release(self._slot, False, False):
                self._why = core.end_reason(self._slot)
                await con.close(timeout=timeout)
            else:
                self._why = "not reset"
                async with _loops.library_of(self._pool._loop).deadline(timeout):
                    await self._reset(con, timeout)
                if self._con is con and core.ready(self._slot):
                    self._why = "lost"
                elif self._con is con:
                    con.terminate()
        except BaseException:
            self.terminate()
            raise
        finally:
            self._releasing = None
            self._free()

    async def _reset(self, con: connection.Connection[typing.Any], timeout: float | None) -> None:
        if self._pool._reset is None:
            return await con.reset(timeout=timeout)
        if con._top_xact is not None or con.is_in_transaction():
            con._leave_transaction()
            await con._script("ROLLBACK", timeout)
        await self._pool._reset(con)

    def _free(self) -> None:
        """The connection is not lent any more."""
        proxy = self._con._proxy if self._con is not None else None
        if isinstance(proxy, PoolConnectionProxy):
            proxy._detach()
        self._timeout = None
        self._loan = None
        if self._lent_until is not None and not self._lent_until.done():
            self._lent_until.set_result(None)
        self._lent_until = None

    # --- parting ------------------------------------------------------------------------------------

    async def close(self) -> None:
        """Close the connection gracefully, if there is one."""
        if self._con is not None:
            await self._con.close()

    def terminate(self, *, why: str | None = None) -> None:
        """Close the connection at once, if there is one."""
        if self._con is not None:
            self._why = why or self._why
            self._con.terminate()

    async def _check(self) -> None:
        """Is the connection still there? Somebody waits for it, and nobody has it."""
        con = self._con
        if con is None:
            return
        try:
            await con._script("", _CHECK_LIMIT)
        except Exception:
            self.terminate(why="check failed")
        if self._con is con and not self._pool._core.ready(self._slot):
            self.terminate(why="check failed")

    async def _fill(self) -> None:
        """Connect in a slot that nobody waits for; whoever comes next is told what is wrong."""
        try:
            await self.connect()
        except Exception:
            pass
        finally:
            self._opened(failure_counts=True)

    async def _retire(self) -> None:
        """The core has given the connection up. Whoever closes the pool waits for that, and is told what fails."""
        con = self._con
        if con is None:
            return
        self._why = self._pool._core.end_reason(self._slot)
        try:
            async with _loops.library_of(self._pool._loop).deadline(_CLOSE_LIMIT):
                await con.close()
        except (Exception, asyncio.CancelledError) as error:
            if self._pool._closing:
                self._pool._close_failure = self._pool._close_failure or error
        finally:
            if self._con is con:  # not over, or a parent process's
                con.terminate()

    def _ended(self) -> None:
        """The connection is over, whoever ended it."""
        self._free()
        con, self._con = self._con, None
        observer = self._pool._observer
        if con is not None and observer is not None:
            event = _observing.Observer.Evict(con._core.pid, self._why)
            _observing.tell(self._pool._loop, observer.on_evict, event)
        if self._pool._core.state(self._slot) not in ("empty", "connecting"):
            self._pool._core.gone(self._slot)

    def _forgotten(self, proxy: PoolConnectionProxy[Row]) -> None:
        """Nobody can give the connection back any more. What it runs may come to its end."""
        con = proxy._con
        assert con is not None
        proxy._con = None
        self._why = "discarded"
        site = f"; acquired at:\n{self._loan[2]}" if self._loan and self._loan[2] else ""
        loop = self._pool._loop
        if not loop.is_closed():  # a request that was made of it may just be about to begin
            loop.call_soon(loop.call_soon, con._core.abort_when_free)
        # Last, as a warning may be an error.
        warnings.warn(f"{con!r} was never released to its pool, and is closed{site}", ResourceWarning, source=con)


async def _dispose(con: connection.Connection[typing.Any], cause: BaseException | None) -> None:
    """Close a connection that is of no use any more, whatever happens."""
    try:
        if cause is None or isinstance(cause, Exception):
            await con.close(timeout=_CLOSE_LIMIT)
    except Exception:
        pass  # it has been aborted
    finally:
        con.terminate()


def _retrieve(task: asyncio.Task[None]) -> None:
    """Nobody may be there any more to hear of a failure; the connection is closed in any case."""
    if not task.cancelled():
        task.exception()


__all__ = ("PoolConnectionHolder",)
