"""A secret as the control plane sends and takes it."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from hearth.kit.bodies import ShortText
from hearth.resources import Kind

MAX_VALUE_BYTES = 64 * 1024


class Secret(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A value under a name; `name` is `accounts/{account}/secrets/{secret}`."""

    name: str
    key_name: ShortText
    "What programs call it, such as WANDB_API_KEY."
    value: str = ""
    "Only ever taken: what is sent out never holds it."
    create_time: datetime | None = None
    update_time: datetime | None = None
    created_by: str = ""
    etag: str = ""

    def __repr__(self) -> str:
        return f"Secret({self.name})"


SECRETS = Kind(collection="secrets", noun="Secret", type=Secret, id_param="secretId")
