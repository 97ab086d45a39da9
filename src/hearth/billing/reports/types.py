"""Reports in the form that the control plane sends."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from hearth.billing.money import Money


class LineItem(Struct, frozen=True, kw_only=True, rename="camel"):
    """One line of a billing summary."""

    category: str
    "The unit, such as `tokens` or `gpu_seconds`."
    grouping_key: str
    grouping_value: str
    secondary_grouping_key: str
    secondary_grouping_value: str
    quantity: int
    unit_amount: Money
    "The average, to a billionth of a dollar: tokens of prompts and answers have prices of theirs."
    total_cost: Money


class ServerlessUsage(Struct, frozen=True, kw_only=True, rename="camel"):
    """What was used of shared models, by what one asked to group by; the rest is empty."""

    model_name: str
    usage_type: str
    "The unit."
    prompt_tokens: str
    cached_prompt_tokens: str
    completion_tokens: str
    audio_input_seconds: float
    units: str
    requests: str
    start_time: datetime
    end_time: datetime
    api_key_id: str
    user: str
    cost: Money


class DedicatedUsage(Struct, frozen=True, kw_only=True, rename="camel"):
    """What was used of dedicated deployments, by what one asked to group by."""

    deployment_id: str
    accelerator_type: str
    accelerator_seconds: float
    model_name: str
    prompt_tokens: str
    completion_tokens: str
    requests: str
    start_time: datetime
    end_time: datetime
    api_key_id: str
    user: str
    cost: Money


class AccountUsage(Struct, frozen=True, kw_only=True, rename="camel"):
    """What an account used."""

    serverless_costs: tuple[ServerlessUsage, ...]
    dedicated_costs: tuple[DedicatedUsage, ...]


class FilterOptions(Struct, frozen=True, kw_only=True, rename="camel"):
    """What occurs in an account's usage of some time."""

    models: tuple[str, ...]
    api_keys: tuple[str, ...]
    users: tuple[str, ...]
    deployments: tuple[str, ...]


class Point(Struct, frozen=True, kw_only=True):
    """A value that holds from a moment to the next one."""

    timestamp: str
    "Seconds since the epoch."
    value: str


class TimeSeries(Struct, frozen=True, kw_only=True):
    """Values over time of what the labels say."""

    labels: dict[str, str]
    values: tuple[Point, ...]
