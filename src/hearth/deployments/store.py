"""The replicas table, and which models gateways have asked for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from msgspec.structs import asdict
from sqlalchemy import Column, Table, bindparam, delete, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from hearth.deployments.types import Replica, ReplicaState
from hearth.kit.columns import TEXT, UtcTime
from hearth.kit.db import metadata

replicas = Table(
    "replicas",
    metadata,
    Column("id", TEXT, primary_key=True),
    Column("model", TEXT, nullable=False),
    Column("state", TEXT, nullable=False),
    Column("address", TEXT, nullable=False),
    Column("engine", TEXT, nullable=False),
    Column("message", TEXT, nullable=False),
)

model_requests = Table(
    "model_requests",
    metadata,
    Column("model", TEXT, primary_key=True),
    Column("request_time", UtcTime, nullable=False),
)

REPLICAS = "replicas"
"The version that moves with every change of the replicas table."
MODEL_REQUESTS = "model_requests"
"The version that moves with every model that is asked for."

# One statement: several gateways may ask for the same model at the same moment.
_REQUEST_MODEL = text(
    "INSERT INTO model_requests (model, request_time) VALUES (:model, :request_time) "
    "ON CONFLICT (model) DO UPDATE SET request_time = excluded.request_time"
).bindparams(bindparam("request_time", type_=UtcTime))


async def list_replicas(conn: AsyncConnection) -> list[Replica]:
    """Return every replica, in id order."""
    rows = await conn.execute(select(replicas).order_by(replicas.c.id))
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


async def request_model(conn: AsyncConnection, model: str, now: datetime) -> None:
    """Note that a gateway wants a model served; asking again only moves the time."""
    await conn.execute(_REQUEST_MODEL, {"model": model, "request_time": now})


async def requested_models(conn: AsyncConnection) -> dict[str, datetime]:
    """Return the models that gateways have asked for and when, oldest request first."""
    rows = await conn.execute(select(model_requests).order_by(model_requests.c.request_time))
    return {row.model: row.request_time for row in rows}


async def forget_requests(conn: AsyncConnection, requests: Mapping[str, datetime]) -> None:
    """Delete these; a model that was asked for again since then stays asked for."""
    for model, time in requests.items():
        await conn.execute(
            delete(model_requests)
            .where(model_requests.c.model == model)
            .where(model_requests.c.request_time <= time)
        )
