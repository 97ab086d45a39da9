"""What is to enter the store, decided before anything is fetched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hearth.catalog.catalog import Catalog
from hearth.catalog.sources.address import is_address, parse_address, public_form, suggest_id
from hearth.catalog.types import PUBLIC_ACCOUNT, Form, Inspection, WeightsSource
from hearth.errors import SetupError
from hearth.kit.ids import RESOURCE_ID_RULE, is_resource_id


@dataclass(frozen=True, kw_only=True)
class PullSpec:
    """One model to fetch.

    Args:
        name: the full name it will have.
        uri: where its weights come from; see `sources.address`.
        sha256: of the file, where the catalogue knows it.
        replace: fetch even when weights are here.
    """

    name: str
    uri: str
    sha256: str | None = None
    size_bytes: int | None = None
    form: Form | None = None
    replace: bool = False

    @property
    def source(self) -> str:
        """The uri as it may be stored and shown, without secrets."""
        return public_form(self.uri)


@dataclass(frozen=True, kw_only=True)
class Incoming:
    """Weights that somebody brings.

    Args:
        name: the full name they will have.
        source: where they came from, in a word or as a source without secrets.
        fill: puts the files into an empty folder; called under the model's lock.
        check: refuses what is not wanted, by raising, before anything is in the store.
        is_public: whether every account may call the model.
    """

    name: str
    source: str
    fill: Callable[[Path], None]
    check: Callable[[Path, Inspection], None]
    is_public: bool = False


def plan_pull(
    catalog: Catalog,
    target: str,
    *,
    account_id: str = PUBLIC_ACCOUNT,
    as_id: str | None = None,
    replace: bool = False,
) -> PullSpec:
    """Decide what `hearth pull TARGET` fetches and what the model will be called.

    A model of the catalogue keeps its own name unless `as_id` renames it; a source becomes
    `accounts/<account_id>/models/<as_id>`, or an id made from its file name.

    Raises:
        SetupError: no such model or source, no known weights, or an id that cannot be.
    """
    if is_address(target):
        weights = WeightsSource(uri=target)
        model_id = as_id or suggest_id(parse_address(target))
    else:
        weights, name = _catalogue_weights(catalog, target, account_id)
        if as_id is None:
            return _spec(name, weights, replace=replace)
        model_id = as_id
    _check_id(catalog, account_id, model_id)
    return _spec(f"accounts/{account_id}/models/{model_id}", weights, replace=replace)


def _catalogue_weights(catalog: Catalog, target: str, account_id: str) -> tuple[WeightsSource, str]:
    model = catalog.resolve(target, account_id)
    if model is None:
        raise SetupError(
            f"No model {target!r} is in the catalogue: `hearth models` lists it, and "
            "`hearth pull SOURCE --as ID` takes weights from anywhere."
        )
    if not model.weights:
        raise SetupError(
            f"The catalogue knows no weights for {model.id}: name some, as in "
            f"`hearth pull SOURCE --as {model.id} --account {model.account}`."
        )
    return model.weights[0], model.name


def _check_id(catalog: Catalog, account_id: str, model_id: str) -> None:
    for text in (account_id, model_id):
        if not is_resource_id(text):
            raise SetupError(f"{text!r} cannot be an id: {RESOURCE_ID_RULE}; choose with --as.")
    model = catalog.resolve(f"accounts/{account_id}/models/{model_id}", account_id)
    if model is not None and model.id != model_id:
        raise SetupError(f"{model_id!r} is another name of {model.name}; choose another with --as.")


def _spec(name: str, weights: WeightsSource, *, replace: bool) -> PullSpec:
    return PullSpec(
        name=name,
        uri=weights.uri,
        sha256=weights.sha256,
        size_bytes=weights.size_bytes,
        form=weights.form,
        replace=replace,
    )
