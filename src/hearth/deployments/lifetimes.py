"""When a deployment's time is over."""

from __future__ import annotations

from datetime import datetime

from hearth.deployments.autoscaling import Scaling
from hearth.deployments.types import Deployment
from hearth.resources import Stored


def why_over(stored: Stored[Deployment], scaling: Scaling | None, now: datetime) -> str:
    """Why a deployment is to go now; empty: it stays.

    One that lives is deleted when it expires, or after a week at no replicas in which nobody asked
    it anything; one that was deleted is forgotten when it can be had back no longer.
    """
    if stored.delete_time is not None:
        is_over = stored.purge_time is not None and stored.purge_time <= now
        return "It was deleted long enough ago." if is_over else ""
    expire_time = stored.resource.expire_time
    if expire_time is not None and expire_time <= now:
        return "Its time is over."
    if scaling is not None and scaling.is_deletable and scaling.desired == 0:
        return "Nobody asked it anything for a week."
    return ""
