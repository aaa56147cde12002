# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Libraries that were written for asyncpg, on pgstride in its place; each in an interpreter of its own."""

from __future__ import annotations

import pytest

IN_PLACE = "import sys, asyncio, pgstride; pgstride.install_as_asyncpg(); dsn = sys.argv[1]\n"


@pytest.fixture
def in_place(python, dsn):
    """Runs a script with pgstride installed as asyncpg; it must print "fine" last."""

    def run(script: str) -> None:
        code, out, err = python(IN_PLACE + script, dsn, timeout=110)
        assert code == 0, err
        assert out.splitlines()[-1] == "fine", out + err

    return run


def test_modules_are_the_same(in_place):
    in_place(
        """
import importlib.util
import asyncpg, asyncpg.exceptions, asyncpg.pgproto.types, asyncpg.protocol.record, asyncpg.cluster
assert asyncpg.connect is pgstride.connect and asyncpg.Record is asyncpg.protocol.record.Record is pgstride.Record
assert tuple(map(int, asyncpg.__version__.split("."))) >= (0, 31) and pgstride.__version__ != asyncpg.__version__
assert asyncpg.exceptions.UniqueViolationError is pgstride.UniqueViolationError
for name in "compat connect_utils connection connresource cursor exceptions introspection pgproto pool".split():
    assert importlib.import_module("asyncpg." + name) is importlib.import_module("pgstride." + name)
    assert getattr(asyncpg, name) is sys.modules["pgstride." + name]
assert len(asyncpg.__all__) == len(set(asyncpg.__all__)) == 281
assert len(asyncpg.exceptions.__all__) == 276 and asyncpg.__package__ == "asyncpg"
assert not any(m.__name__.startswith("asyncpg.") for n, m in list(sys.modules.items()) if n.startswith("asyncpg"))
before = asyncpg
pgstride.install_as_asyncpg()
assert sys.modules["asyncpg"] is before and importlib.util.find_spec("asyncpg") is before.__spec__
try:
    import asyncpg._core  # would be the extension a second time
except ModuleNotFoundError:
    pass
else:
    raise SystemExit("found twice")
print("fine")
"""
    )


def test_sqlalchemy_core(in_place):
    in_place(
        """
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine

async def main():
    engine = create_async_engine(dsn.replace("postgresql:", "postgresql+asyncpg:", 1))
    meta = sa.MetaData()
    items = sa.Table("sa_core_items", meta, sa.Column("id", sa.Integer, primary_key=True),
                     sa.Column("name", sa.String, unique=True), sa.Column("data", sa.JSON), sa.Column("price", sa.Numeric(10, 2)))
    async with engine.begin() as conn:
        await conn.run_sync(meta.drop_all)
        await conn.run_sync(meta.create_all)
        await conn.execute(items.insert(), [{"name": f"n{i}", "data": {"i": i}, "price": i} for i in range(20)])
    async with engine.connect() as conn:
        rows = (await conn.execute(sa.select(items).order_by(items.c.id))).all()
        assert len(rows) == 20 and rows[3].data == {"i": 3} and str(rows[3].price) == "3.00"
        streamed = [row.name async for row in await conn.stream(sa.select(items.c.name).order_by(items.c.id))]
        assert streamed == [f"n{i}" for i in range(20)]
        try:
            await conn.execute(items.insert(), {"name": "n1"})
        except sa.exc.IntegrityError as error:
            assert error.orig.sqlstate == "23505"
        else:
            raise SystemExit("no IntegrityError")
        await conn.rollback()
        isolated = await conn.execution_options(isolation_level="SERIALIZABLE")
        assert await isolated.scalar(sa.text("show transaction_isolation")) == "serializable"
    async with engine.begin() as conn:
        await conn.run_sync(meta.drop_all)
    await engine.dispose()
    print("fine")

asyncio.run(main())
"""
    )


def test_sqlalchemy_orm(in_place):
    in_place(
        """
import datetime
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, INT4RANGE, JSONB, Range, UUID
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship, selectinload
import uuid

class Base(DeclarativeBase):
    pass

class Owner(Base):
    __tablename__ = "sa_orm_owner"
    id: Mapped[uuid.UUID] = mapped_column(UUID, primary_key=True, default=uuid.uuid4)
    name: Mapped[str]
    born: Mapped[datetime.date]
    tags = mapped_column(ARRAY(sa.String))
    extra = mapped_column(JSONB)
    years = mapped_column(INT4RANGE)
    pets: Mapped[list["Pet"]] = relationship(back_populates="owner", cascade="all, delete-orphan")

class Pet(Base):
    __tablename__ = "sa_orm_pet"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    owner_id = mapped_column(sa.ForeignKey("sa_orm_owner.id"))
    owner: Mapped[Owner] = relationship(back_populates="pets")

async def main():
    engine = create_async_engine(dsn.replace("postgresql:", "postgresql+asyncpg:", 1), pool_pre_ping=True)
    async with engine.begin() as conn:
        await conn.run_sync(Base.metadata.drop_all)
        await conn.run_sync(Base.metadata.create_all)
    sessions = async_sessionmaker(engine, expire_on_commit=False)
    async with sessions.begin() as session:
        session.add(Owner(name="Ann", born=datetime.date(1990, 1, 2), tags=["a", "b"], extra={"k": [1]},
                          years=Range(1, 5), pets=[Pet(name="Rex"), Pet(name="Tom")]))
    async with sessions() as session:
        owner = (await session.scalars(sa.select(Owner).options(selectinload(Owner.pets)))).one()
        assert owner.tags == ["a", "b"] and owner.extra == {"k": [1]} and owner.years == Range(1, 5)
        assert sorted(pet.name for pet in owner.pets) == ["Rex", "Tom"]
        async with session.begin_nested():
            owner.name = "Bea"
        await session.commit()
    async with sessions.begin() as session:
        owner = (await session.scalars(sa.select(Owner).options(selectinload(Owner.pets)))).one()
        assert owner.name == "Bea" and isinstance(owner.id, uuid.UUID)
        await session.delete(owner)
    async with engine.begin() as conn:
        await conn.run_sync(Base.metadata.drop_all)
    await engine.dispose()
    print("fine")

asyncio.run(main())
"""
    )


def test_tortoise(in_place):
    in_place(
        """
import types
from tortoise import Tortoise, fields
from tortoise.models import Model
from tortoise.transactions import in_transaction
from tortoise.exceptions import IntegrityError

class Event(Model):
    id = fields.IntField(primary_key=True)
    name = fields.CharField(max_length=50, unique=True)
    at = fields.DatetimeField(auto_now_add=True)
    data = fields.JSONField(default=dict)

    class Meta:
        table = "tortoise_event"

async def main():
    module = types.ModuleType("models"); module.Event = Event; Event.__module__ = "models"; sys.modules["models"] = module
    await Tortoise.init(db_url=dsn.replace("postgresql:", "asyncpg:", 1), modules={"models": ["models"]})
    await Tortoise.generate_schemas()
    await Event.all().delete()
    await Event.create(name="one", data={"a": 1})
    await Event.bulk_create([Event(name=f"n{i}") for i in range(5)])
    assert await Event.all().count() == 6
    assert (await Event.get(name="one")).data == {"a": 1}
    try:
        async with in_transaction():
            await Event.create(name="two")
            await Event.create(name="one")
    except IntegrityError:
        pass
    assert await Event.filter(name="two").count() == 0
    await Event.all().delete()
    await Tortoise.close_connections()
    print("fine")

asyncio.run(main())
"""
    )


def test_pgvector(in_place):
    """The extension may not be there: a type of its name with its wire format does as well."""
    in_place(
        """
import asyncpg
from pgvector.asyncpg import register_vector

async def main():
    con = await asyncpg.connect(dsn)
    await con.execute('''
        drop schema if exists vectors cascade; create schema vectors;
        create type vectors.vector; create type vectors.halfvec; create type vectors.sparsevec''')
    for name in ("vector", "halfvec", "sparsevec"):
        await con.execute(f'''
            create function vectors.{name}_in(cstring) returns vectors.{name} language internal strict immutable as 'byteain';
            create function vectors.{name}_out(vectors.{name}) returns cstring language internal strict immutable as 'byteaout';
            create function vectors.{name}_recv(internal) returns vectors.{name} language internal strict immutable as 'bytearecv';
            create function vectors.{name}_send(vectors.{name}) returns bytea language internal strict immutable as 'byteasend';
            create type vectors.{name} (input = vectors.{name}_in, output = vectors.{name}_out,
                receive = vectors.{name}_recv, send = vectors.{name}_send)''')
    await register_vector(con, schema="vectors")
    value = await con.fetchval("select $1::vectors.vector", [1.0, 2.5, -3.0])
    assert [float(x) for x in (value.tolist() if hasattr(value, "tolist") else value.to_list())] == [1.0, 2.5, -3.0], value
    assert await con.fetchval("select octet_length(vectors.vector_send($1))", [1, 2, 3]) == 4 + 3 * 4
    await con.execute("drop schema vectors cascade")
    await con.close()
    print("fine")

asyncio.run(main())
"""
    )


def test_opentelemetry(in_place):
    in_place(
        """
from opentelemetry.instrumentation.asyncpg import AsyncPGInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
import asyncpg

exporter = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
AsyncPGInstrumentor(capture_parameters=True).instrument(tracer_provider=provider, skip_dep_check=True)

def statements():
    spans = exporter.get_finished_spans()
    exporter.clear()
    return [span.attributes.get("db.statement") for span in spans]

async def main():
    con = await asyncpg.connect(dsn)
    assert await con.fetchval("select 1") == 1
    assert (await con.fetchrow("select $1::int as a", 2))["a"] == 2
    await con.fetch("select 3"); await con.execute("select 4"); await con.executemany("select $1::int", [(5,)])
    assert statements() == ["select 1", "select $1::int as a", "select 3", "select 4", "select $1::int"]
    async with con.transaction():
        cursor = await con.cursor("select generate_series(1, 5)")
        assert len(await cursor.fetch(2)) == 2 and await cursor.forward(1) == 1
        async for row in con.cursor("select 6"):
            pass
    assert statements().count("select generate_series(1, 5)") == 2
    async with asyncpg.create_pool(dsn, min_size=1, max_size=2) as pool:
        assert await pool.fetchval("select 7") == 7
    assert "select 7" in statements()
    AsyncPGInstrumentor().uninstrument()
    await con.fetch("select 8")
    assert statements() == []
    await con.close()
    print("fine")

asyncio.run(main())
"""
    )


def test_sentry(in_place):
    in_place(
        """
import sentry_sdk
from sentry_sdk.integrations.asyncpg import AsyncPGIntegration

class Transport(sentry_sdk.transport.Transport):
    sent = []
    def __init__(self): pass
    def capture_envelope(self, envelope): self.sent.append(envelope)

sentry_sdk.init(
    dsn="http://key@localhost/1", integrations=[AsyncPGIntegration(record_params=True)], default_integrations=False,
    traces_sample_rate=1.0, transport=Transport(),
)

import asyncpg

async def main():
    with sentry_sdk.start_transaction(name="test"):
        connection = await asyncpg.connect(dsn)
        await connection.execute("select 1")
        await connection.fetch("select $1::int + 1", 1)
        await connection.executemany("select $1::int + 2", [(1,)])
        await (await connection.prepare("select 3")).fetch()
        async with connection.transaction():
            async for _ in connection.cursor("select 4"): pass
            await (await connection.cursor("select 5")).fetch(1)
        await connection.close()
        async with asyncpg.create_pool(dsn, min_size=1, max_size=1) as pool:
            await pool.fetch("select 6")
    (envelope,) = Transport.sent
    spans = envelope.get_transaction_event()["spans"]
    assert [span["description"] for span in spans] == [
        "connect", "select 1", "select $1::int + 1", "select $1::int + 2", "select 3", "BEGIN;", "select 4", "select 5",
        "COMMIT;", "connect", "select 6",
    ], spans
    assert all(span["data"]["db.system"] == "postgresql" and span["data"]["db.user"] for span in spans if "db.system" in span["data"])
    print("fine")

asyncio.run(main())
"""
    )
