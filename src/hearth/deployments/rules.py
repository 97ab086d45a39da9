"""What a deployment must be like: checked and completed before it is stored."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from msgspec.structs import replace

from hearth.accounts import Status
from hearth.catalog import ServedCatalog, ServedModel
from hearth.deployments import store
from hearth.deployments.parts import Parts
from hearth.deployments.places import Places
from hearth.deployments.placing import asked_of, asks_elsewhere, explanation_of, placed
from hearth.deployments.policies import policy_of
from hearth.deployments.serving import ENGINES, SpecMaker
from hearth.deployments.types import OUTPUT_ONLY, UNUSED, Deployment, DeploymentState
from hearth.deployments.wishes import ask_of, engine_wish_of
from hearth.errors import FailedPrecondition, InvalidRequest, SetupError
from hearth.kit.clock import Clock, utc_now
from hearth.kit.db import Connection
from hearth.kit.versions import bump
from hearth.resources import Asking, Draft, Internal, Kind, Stored

DEPLOYMENT_KIND = Kind(
    collection="deployments",
    noun="Deployment",
    type=Deployment,
    id_param="deploymentId",
    output_only=OUTPUT_ONLY,
    unused=UNUSED,
    immutable=frozenset({"baseModel"}),
    restorable_s=7 * 86_400.0,
)
_PAST = frozenset({"served", "scale", "desired", "last_request_s"})
"What a deployment that comes back does not remember."
IN_USE_S = 30.0
"A deployment that was asked something so recently is in use."


@dataclass(frozen=True, kw_only=True)
class Ground:
    """What deployments stand on.

    Args:
        models: what can be served.
        places: where.
        make_spec: how a worker is told.
        parts: what else has a say.
    """

    models: ServedCatalog
    places: Places
    make_spec: SpecMaker
    parts: Parts = field(default_factory=Parts)


class DeploymentRules:
    """See `Rules`."""

    def __init__(
        self,
        ground: Ground,
        *,
        clock: Clock = utc_now,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        self._ground = ground
        self._clock = clock
        self._now_s = now_s

    async def creating(
        self, conn: Connection, draft: Draft[Deployment], asking: Asking
    ) -> Draft[Deployment]:
        """Place it for the first time, so that what cannot be is refused at once."""
        deployment = replace(draft.resource, state=DeploymentState.CREATING)
        return await self._checked(conn, Draft(resource=deployment), asking)

    async def updating(
        self,
        conn: Connection,
        before: Stored[Deployment],
        after: Draft[Deployment],
        asking: Asking,
    ) -> Draft[Deployment]:
        """Check it as a new one; the reconciler brings its replicas over."""
        state = before.resource.state
        if state is DeploymentState.READY:
            state = DeploymentState.UPDATING
        changed = replace(after.resource, state=state)
        return await self._checked(
            conn, Draft(resource=changed, internal=before.internal), asking, was=before
        )

    async def deleting(
        self, conn: Connection, stored: Stored[Deployment], asking: Asking
    ) -> Draft[Deployment]:
        """Refuse while it is in use, unless checks are to be ignored."""
        if not asking.flag("ignoreChecks"):
            await self._check_unused(conn, stored)
        await bump(conn, store.DEPLOYMENTS)
        told = Status(message="Its replicas finish what runs, then end.")
        deployment = replace(stored.resource, state=DeploymentState.DELETING, status=told)
        return Draft(resource=deployment, internal=stored.internal)

    async def undeleting(
        self, conn: Connection, stored: Stored[Deployment], asking: Asking
    ) -> Draft[Deployment]:
        """Start it anew, where its owner's wishes allow: its place and its use are forgotten."""
        wishes = stored.internal.get("asked", {})
        deployment = replace(stored.resource, state=DeploymentState.CREATING, **wishes)
        internal = {key: kept for key, kept in stored.internal.items() if key not in _PAST}
        internal["restored_s"] = self._now_s()
        return await self._checked(conn, Draft(resource=deployment, internal=internal), asking)

    async def _checked(
        self,
        conn: Connection,
        draft: Draft[Deployment],
        asking: Asking,
        was: Stored[Deployment] | None = None,
    ) -> Draft[Deployment]:
        deployment = draft.resource
        for complete in self._ground.parts.completers:
            deployment = await complete(conn, deployment, asking)
        served = self._served(deployment)
        policy = policy_of(deployment)
        self._check_engine(deployment, served)
        self._check_expiry(deployment)
        _check_context(deployment, served)
        certifications = self._ground.parts.certifications(deployment)
        asked = asked_of(deployment, draft.internal, was)
        ask = ask_of(
            replace(deployment, **asked),
            served,
            self._ground.models.variants(served.model.name),
            certifications,
        )
        # A deployment is checked as if its own replicas were not there: they make room for it.
        others = [each for each in await store.list_replicas(conn) if each.pool != deployment.name]
        account_id = deployment.name.split("/")[1]
        decision = self._ground.places.plan(ask, account_id, others)
        if was is None or asks_elsewhere(was.resource, deployment):
            deployment = placed(deployment, decision, served)
        deployment = replace(
            deployment, base_model=served.model.name, max_replica_count=policy.max_replicas
        )
        await bump(conn, store.DEPLOYMENTS)
        explanation = explanation_of(decision)
        internal: Internal = {**draft.internal, "asked": asked, "explanation": explanation}
        return Draft(resource=deployment, internal=internal)

    def _served(self, deployment: Deployment) -> ServedModel:
        models, account_id = self._ground.models, deployment.name.split("/")[1]
        if not deployment.base_model:
            raise InvalidRequest("baseModel: name the model to deploy.", param="baseModel")
        models.refresh()
        served = models.find(deployment.base_model, account_id)
        if served is None:
            why = models.why_not(deployment.base_model, account_id)
            raise InvalidRequest(
                f"baseModel: there is no model {deployment.base_model!r}. {why}", param="baseModel"
            )
        if not served.serving.callable:
            raise InvalidRequest(
                f"baseModel: {served.model.name} cannot be deployed. {served.serving.details}",
                param="baseModel",
            )
        return served

    def _check_engine(self, deployment: Deployment, served: ServedModel) -> None:
        if deployment.engine not in ENGINES:
            raise InvalidRequest(
                f"engine: there is no engine {deployment.engine!r}; use {', '.join(ENGINES)}.",
                param="engine",
            )
        assert served.serving.served_by is not None, "it is callable"
        try:
            self._ground.make_spec(served.serving.served_by, engine_wish_of(deployment))
        except SetupError as error:
            raise InvalidRequest(f"engineOptions: {error}", param="engineOptions") from error

    def _check_expiry(self, deployment: Deployment) -> None:
        if deployment.expire_time is not None and deployment.expire_time <= self._clock():
            raise InvalidRequest(
                "expireTime lies in the past; name a later time, or none.", param="expireTime"
            )

    async def _check_unused(self, conn: Connection, stored: Stored[Deployment]) -> None:
        for user in self._ground.parts.users:
            if used := await user(conn, stored.name):
                raise FailedPrecondition(
                    f"{stored.name} is in use: {used} End that first, or pass ignoreChecks.",
                    param="ignoreChecks",
                )
        asked_s = stored.internal.get("last_request_s")
        if asked_s is not None and self._now_s() - asked_s < IN_USE_S:
            raise FailedPrecondition(
                f"{stored.name} is in use: it was asked something "
                f"{max(0.0, self._now_s() - asked_s):.0f} s ago. Wait until nobody asks it for "
                f"{IN_USE_S:.0f} s, or pass ignoreChecks.",
                param="ignoreChecks",
            )


def _check_context(deployment: Deployment, served: ServedModel) -> None:
    longest = served.model.context_length
    if longest is not None and deployment.max_context_length > longest:
        raise InvalidRequest(
            f"maxContextLength is {deployment.max_context_length}; {served.model.name} has a "
            f"context of {longest} tokens: ask for no more.",
            param="maxContextLength",
        )
