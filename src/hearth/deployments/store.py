"""The tables of replicas, of the pools that gateways ask for, and of what deployments did."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from msgspec.structs import asdict
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Table,
    bindparam,
    delete,
    insert,
    select,
    text,
)

from hearth.deployments.types import Replica, ReplicaState
from hearth.kit.async_engine import AsyncConnection
from hearth.kit.columns import TEXT, JsonValue, UtcTime
from hearth.kit.db import metadata

replicas = Table(
    "replicas",
    metadata,
    Column("id", TEXT, primary_key=True),
    Column("pool", TEXT, nullable=False),
    Column("model", TEXT, nullable=False),
    Column("state", TEXT, nullable=False),
    Column("address", TEXT, nullable=False),
    Column("engine", TEXT, nullable=False),
    Column("message", TEXT, nullable=False),
    Column("version", TEXT, nullable=False),
    Column("region", TEXT, nullable=False),
    Column("accelerator_type", TEXT, nullable=False),
    Column("accelerator_count", BigInteger, nullable=False),
    Column("taken", BigInteger, nullable=False),
    Column("is_emulated", Boolean, nullable=False),
    Column("held_time_ns", BigInteger, nullable=False),
    Column("billed_time_ns", BigInteger, nullable=False),
    Index("ix_replicas_pool", "pool"),
)

model_requests = Table(
    "model_requests",
    metadata,
    Column("model", TEXT, primary_key=True),
    Column("request_time", UtcTime, nullable=False),
)

deployment_samples = Table(
    "deployment_samples",
    metadata,
    Column("deployment", TEXT, primary_key=True),
    Column("time_ns", BigInteger, primary_key=True),
    Column("values", JsonValue, nullable=False),
)

REPLICAS = "replicas"
"The version that moves with every change of the replicas table."
MODEL_REQUESTS = "model_requests"
"The version that moves with every pool that is asked for."
DEPLOYMENTS = "deployments"
"The version that moves with every change of what gateways route by: deployments and the like."

# One statement: several gateways may ask for the same pool at the same moment.
_REQUEST_POOL = text(
    "INSERT INTO model_requests (model, request_time) VALUES (:pool, :request_time) "
    "ON CONFLICT (model) DO UPDATE SET request_time = excluded.request_time"
).bindparams(bindparam("request_time", type_=UtcTime))

Values = dict[str, float]
Requests = dict[str, datetime]
"When each pool was last asked for."


async def list_replicas(conn: AsyncConnection, *, pool: str | None = None) -> list[Replica]:
    """Return every replica, or those of a pool, in id order."""
    query = select(replicas).order_by(replicas.c.id)
    if pool is not None:
        query = query.where(replicas.c.pool == pool)
    rows = await conn.execute(query)
    return [
        Replica(**{**row, "state": ReplicaState(row["state"])}) for row in rows.mappings().all()
    ]


async def put_replica(conn: AsyncConnection, replica: Replica) -> None:
    """Insert or replace a replica."""
    await delete_replica(conn, replica.id)
    await conn.execute(insert(replicas).values(asdict(replica)))


async def delete_replica(conn: AsyncConnection, replica_id: str) -> None:
    """Delete a replica; one that is not there is left alone."""
    await conn.execute(delete(replicas).where(replicas.c.id == replica_id))


async def clear_replicas(conn: AsyncConnection) -> None:
    """Forget every replica: their workers died with the controller that ran them."""
    await conn.execute(delete(replicas))


async def request_pool(conn: AsyncConnection, pool: str, now: datetime) -> None:
    """Note that a gateway wants a pool served; asking again only moves the time."""
    await conn.execute(_REQUEST_POOL, {"pool": pool, "request_time": now})


async def requested_pools(conn: AsyncConnection) -> Requests:
    """Return the pools that gateways have asked for and when, oldest request first."""
    rows = await conn.execute(select(model_requests).order_by(model_requests.c.request_time))
    return {row.model: row.request_time for row in rows}


async def forget_requests(conn: AsyncConnection, requests: Mapping[str, datetime]) -> None:
    """Delete these; a pool that was asked for again since then stays asked for."""
    for pool, time in requests.items():
        await conn.execute(
            delete(model_requests)
            .where(model_requests.c.model == pool)
            .where(model_requests.c.request_time <= time)
        )


async def add_sample(conn: AsyncConnection, deployment: str, time_ns: int, values: Values) -> None:
    """Keep what a deployment did in the moments before a time."""
    row = {"deployment": deployment, "time_ns": time_ns, "values": values}
    await conn.execute(insert(deployment_samples).values(row))


async def list_samples(
    conn: AsyncConnection, deployment: str, since_ns: int
) -> list[tuple[int, Values]]:
    """The samples of a deployment since a time, in order."""
    columns = deployment_samples.c
    query = (
        select(columns.time_ns, columns["values"])
        .where(columns.deployment == deployment, columns.time_ns >= since_ns)
        .order_by(columns.time_ns)
    )
    return [(row[0], row[1]) for row in await conn.execute(query)]


async def last_sample(conn: AsyncConnection, deployment: str) -> Values:
    """The newest sample of a deployment; empty where there is none."""
    columns = deployment_samples.c
    query = (
        select(columns["values"])
        .where(columns.deployment == deployment)
        .order_by(columns.time_ns.desc())
        .limit(1)
    )
    return (await conn.execute(query)).scalar_one_or_none() or {}


async def forget_samples(conn: AsyncConnection, before_ns: int) -> None:
    """Forget what is too old to be asked for."""
    await conn.execute(delete(deployment_samples).where(deployment_samples.c.time_ns < before_ns))
