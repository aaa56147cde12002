# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""The C++ programs in examples/ do what they say. (`./dev demo` runs the demo.)"""

from __future__ import annotations

import asyncio
import os
import pathlib
import signal
import subprocess
import urllib.error
import urllib.request

import absent
import pytest

import pgstride

ROOT = pathlib.Path(__file__).parents[2]
FOLDER = next((path for path in (ROOT / "build").glob("*/examples") if (path / "bulk_loader").exists()), None)
SCHEMA = f"examples_{os.getpid()}"
TABLES = f"""
    create schema {SCHEMA};
    set search_path to {SCHEMA};
    create table users (id int, name text); insert into users values (1, 'Ada'), (2, 'Grace');
    create table readings (sensor int, value float8, taken_at timestamptz);
    create table jobs (id serial primary key, payload text, done_at timestamptz);
    insert into jobs (payload) values ('first'), ('second');
"""

if FOLDER is None:
    absent.skip("examples", "they have not been built")


@pytest.fixture(scope="module")
def schema():
    async def execute(script):
        connection = await pgstride.connect(os.environ["PGSTRIDE_TEST_DSN"])
        await connection.execute(script)
        await connection.close()

    asyncio.run(execute(TABLES))
    yield
    asyncio.run(execute(f"drop schema {SCHEMA} cascade"))


@pytest.fixture
def start(schema):
    dsn = os.environ["PGSTRIDE_TEST_DSN"]
    dsn += ("&" if "?" in dsn else "?") + f"options=-csearch_path%3D{SCHEMA}"
    started = []

    def start(name, *arguments):
        pipe = subprocess.PIPE
        command = [FOLDER / name, dsn, *arguments]
        process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT, text=True)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def run(start):
    def run(name, *arguments, given="", status=0):
        process = start(name, *arguments)
        said, _ = process.communicate(given, timeout=60)
        assert process.returncode == status, said
        return said

    return run


def get(port, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_quickstart(run):
    said = run("quickstart")
    assert "1: Ada, 36\n2: Grace, age unknown\n2 users, the oldest is 36\n" in said
    assert "Key (id)=(1) already exists." in said


def test_a_loop_of_ones_own(run):
    assert run("epoll_loop").startswith("PostgreSQL ")


def test_a_pool_for_each_thread(run):
    assert run("threads").startswith("500000500000, by ")


def test_a_worker(run):
    assert run("worker", "2") == "job 1: first\njob 2: second\n"


def test_a_bulk_loader_loads_all_or_nothing(run):
    lines = "".join(f"{i} {i / 7}\n" for i in range(20_000))
    assert run("bulk_loader", given=lines) == "20000 rows\n"
    assert "line 20001: not a sensor" in run("bulk_loader", given=lines + "nonsense\n", status=1)


def test_a_service_ends_in_good_order(start):
    service = start("http_service", "0")
    port = service.stdout.readline().rsplit(":", 1)[1].strip()
    assert get(port, "/users/2") == (200, '{"id":2,"name":"Grace"}')
    assert get(port, "/users/3")[0] == 404
    assert '"Ada"' in get(port, "/users")[1]
    assert get(port, "/health") == (200, '{"connections": 1, "waiting": 0}')
    service.send_signal(signal.SIGTERM)
    said, _ = service.communicate(timeout=60)
    assert service.returncode == 0, said
