# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""The test-server manager."""

from __future__ import annotations

import absent
import pytest

from pgstride import cluster


@pytest.fixture
def server():
    try:
        cluster._bindir(None)
    except cluster.ClusterError:
        absent.skip("cluster", "there is no installation of a server on this machine")
    server = cluster.TempCluster(data_dir_suffix=".pgstride-test")
    server.init()
    yield server
    if server.get_status() == "running":
        server.stop()
    server.destroy()


async def test_life(server):
    assert server.is_managed() and server.get_status() == "stopped"
    assert server.get_pg_version().major >= 12
    with pytest.raises(cluster.ClusterError, match="already been initialized"):
        server.init()
    server.reset_hba()
    server.trust_local_connections()
    server.start(port="dynamic", server_settings={"max_connections": "17"})
    assert server.get_status() == "running"
    with pytest.raises(cluster.ClusterError, match="cannot destroy"):
        server.destroy()
    connection = await server.connect(user="postgres", database="postgres")
    assert await connection.fetchval("show max_connections") == "17"
    await connection.close()
    again = cluster.RunningCluster(**server.get_connection_spec())
    again.override_connection_spec(user="postgres", database="template1")
    connection = await again.connect()
    assert await connection.fetchval("select current_database()") == "template1"
    await connection.close()
    with pytest.raises(cluster.ClusterError, match="unmanaged"):
        again.reset_hba()
    server.stop()
    assert server.get_status() == "stopped"
    server.reset_wal(oid=300000)


def test_entries_that_make_no_sense(server):
    with pytest.raises(ValueError, match="invalid HBA record type"):
        server.add_hba_entry(type="x", database="all", user="all", auth_method="trust")
    with pytest.raises(ValueError, match="requires an address"):
        server.add_hba_entry(type="host", database="all", user="all", auth_method="trust")
