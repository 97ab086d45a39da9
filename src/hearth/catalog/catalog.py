"""The catalogue: models by every name they go by.

Data, not code: `models.toml` beside this file. Local models join through `with_local`. A lookup
on the path of a request touches dictionaries only.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from hearth.catalog import names
from hearth.catalog.names import Collection
from hearth.catalog.remotes import Holding, Remote
from hearth.catalog.types import (
    PUBLIC_ACCOUNT,
    Capability,
    CatalogModel,
    Category,
    ModelKind,
    ModelType,
    Weights,
)
from hearth.errors import SetupError

_DATA = Path(__file__).with_name("models.toml")

_LOCAL_CAPABILITIES = {
    ModelType.CHAT: frozenset({Capability.CHAT, Capability.COMPLETION}),
    ModelType.COMPLETION: frozenset({Capability.COMPLETION}),
    ModelType.VISION: frozenset({Capability.CHAT, Capability.COMPLETION}),
    ModelType.EMBEDDING: frozenset({Capability.EMBEDDING}),
    ModelType.RERANK: frozenset({Capability.RERANK}),
}
_LOCAL_KINDS = {
    ModelType.EMBEDDING: ModelKind.EMBEDDING_MODEL,
    ModelType.IMAGE: ModelKind.FLUMINA_BASE_MODEL,
    ModelType.ADAPTER: ModelKind.HF_PEFT_ADDON,
}


class Catalog:
    """Every model that can be named here.

    Raises:
        SetupError: two models share an id or an alias.
    """

    def __init__(self, models: Iterable[CatalogModel]) -> None:
        self.models: Sequence[CatalogModel] = tuple(models)
        self._public: dict[str, CatalogModel] = {}
        self._private: dict[str, dict[str, CatalogModel]] = {}
        for model in self.models:
            self._index(model)

    @classmethod
    def load(cls, path: Path = _DATA) -> Catalog:
        """Read and check the catalogue file.

        Raises:
            SetupError: naming the entry and the field that does not fit.
        """
        return cls(read_models(path))

    def with_local(self, held: Iterable[Holding]) -> Catalog:
        """This catalogue plus the pulled and attached models it does not list."""
        known = {model.name for model in self.models}
        local = (local_model(holding) for holding in held if holding.name not in known)
        return Catalog([*self.models, *local])

    def resolve(self, name: str, account_id: str) -> CatalogModel | None:
        """The model that `account_id` means by `name`, its own before the public ones.

        None when there is none, when it is another account's, or when the name is of a
        deployment, deployed model or router.
        """
        own = self._private.get(account_id)
        if own is not None and (found := own.get(name)) is not None:
            return found
        found = self._public.get(name)
        return found if found is not None else self._resolve_respelt(name, account_id)

    def why_not(self, name: str, account_id: str) -> str:
        """Say why `resolve` found nothing, for the `details` of a 404."""
        decoded = names.decode(name)
        parsed = names.parse(decoded)
        if parsed is None:
            return (
                f"{name[:200]!r} is not a model name; the forms are "
                "accounts/<account>/models/<id>, <account>/<id> and <id>."
            )
        if parsed.deployment is not None:
            return f"There is no deployment {parsed.deployment}; name the model without it."
        if parsed.collection is not Collection.MODELS:
            return f"There is no {parsed.in_account(account_id)}; name a model instead."
        return (
            f"No model {parsed.id!r} is in the catalogue or pulled here for this account: "
            "`hearth models` lists them, `hearth pull SOURCE` adds one."
        )

    def stand_ins(self, *, chat: str | None = None) -> Mapping[ModelType, CatalogModel]:
        """The embedded default of each type; `chat` names another one for text.

        Raises:
            SetupError: `chat` is not in the catalogue.
        """
        table = {kind: model for model in self.models for kind in model.stands_in_for}
        if chat is not None:
            model = self.resolve(chat, PUBLIC_ACCOUNT)
            if model is None:
                raise SetupError(
                    f"HEARTH_DEFAULT_MODEL names {chat}, which is not in the catalogue; "
                    "`hearth models` lists it."
                )
            table |= dict.fromkeys((ModelType.CHAT, ModelType.COMPLETION, ModelType.VISION), model)
        return table

    def _resolve_respelt(self, name: str, account_id: str) -> CatalogModel | None:
        own = self._private.get(account_id, {})
        decoded = names.decode(name)[: names.MAX_NAME_CHARS + 1]
        for spelling in (decoded, names.undot(decoded)):
            if (found := own.get(spelling) or self._public.get(spelling)) is not None:
                return found
        return None

    def _index(self, model: CatalogModel) -> None:
        """Enter a model under all its names; a pulled one never takes a name already given."""
        public = model.account == PUBLIC_ACCOUNT
        table = self._public if public else self._private.setdefault(model.account, {})
        for short in (model.id, *model.aliases):
            for name in (
                short,
                f"{model.account}/{short}",
                f"accounts/{model.account}/models/{short}",
            ):
                other = table.setdefault(name, model)
                if other is not model and model.category is not Category.LOCAL:
                    raise SetupError(
                        f"The catalogue gives {short!r} to {other.name} and to {model.name}; "
                        "ids and aliases must differ."
                    )
        if model.public and not public:
            for name in (f"{model.account}/{model.id}", model.name):
                self._public.setdefault(name, model)


def read_models(path: Path) -> list[CatalogModel]:
    """Read `[[model]]` entries, each checked against `CatalogModel`.

    Raises:
        SetupError: naming the entry and the field that does not fit.
    """
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SetupError(f"The catalogue {path} cannot be read: {error}.") from error
    entries = document.pop("model", None)
    if document or not isinstance(entries, list):
        raise SetupError(f"The catalogue {path} must hold [[model]] entries and nothing else.")
    models = [_check(entry, index, path) for index, entry in enumerate(entries, start=1)]
    counts = Counter(model.id for model in models)
    repeated = [model_id for model_id, count in counts.items() if count > 1]
    if repeated:
        raise SetupError(f"The catalogue {path} holds {', '.join(repeated)} more than once.")
    return models


def _check(entry: Any, index: int, path: Path) -> CatalogModel:  # Any: a TOML value, unchecked
    label = entry.get("id") if isinstance(entry, dict) else None
    try:
        return msgspec.convert(entry, CatalogModel)
    except msgspec.ValidationError as error:
        message = f"{path.name}: entry {index} ({label or 'without id'}) does not fit: {error}."
        raise SetupError(message) from error


def local_model(holding: Holding) -> CatalogModel:
    """Describe a model that the catalogue does not name from what is known of it."""
    return _attached(holding) if isinstance(holding, Remote) else _pulled(holding)


def _attached(remote: Remote) -> CatalogModel:
    return CatalogModel(
        id=remote.id,
        account=remote.account,
        display_name=remote.id,
        description=f"Attached as {remote.model}.",
        kind=ModelKind.CUSTOM_MODEL,
        type=ModelType.CHAT,
        context_length=remote.context_length,
        capabilities=_LOCAL_CAPABILITIES[ModelType.CHAT],
        category=Category.LOCAL,
        created=remote.attached,
    )


def _pulled(weights: Weights) -> CatalogModel:
    _, account, _, model_id = weights.name.split("/")
    found = weights.inspection
    return CatalogModel(
        id=model_id,
        account=account,
        display_name=model_id,
        description=f"Pulled from {weights.manifest.source}.",
        kind=_LOCAL_KINDS.get(found.type, ModelKind.HF_BASE_MODEL),
        type=found.type,
        parameters=found.parameters or None,
        active_parameters=found.active_parameters,
        context_length=found.context_length,
        capabilities=_LOCAL_CAPABILITIES.get(found.type, frozenset()),
        category=Category.LOCAL,
        created=weights.manifest.pulled_time.date(),
        public=weights.manifest.public,
    )
