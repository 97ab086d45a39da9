"""HTTP for models: those of one's account to read and write, the catalogue's to read."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hearth.accounts import Caller, Door, Permission, Visit, require
from hearth.catalog import PUBLIC_ACCOUNT
from hearth.errors import FailedPrecondition, InvalidRequest, NotFound, PermissionDenied
from hearth.kit.bodies import decode_body, read_mask
from hearth.kit.db import Database
from hearth.kit.pages import list_query
from hearth.models.configs import check_config
from hearth.models.downloads import download_urls
from hearth.models.imports import Imports
from hearth.models.preparing import Preparing
from hearth.models.service import Models
from hearth.models.types import Model
from hearth.models.uploads import Uploads
from hearth.models.versions import Versions
from hearth.resources import (
    Asking,
    DescribedRoute,
    ResourceRoutes,
    answer,
    asking_of,
    json_body,
    listing,
    shown,
)

PATH = "/accounts/{account_id}/models/{resource_id}"


class ModelDoor(Door[Request]):
    """Lets everybody into the catalogue as well, to look."""

    def __init__(self, caller_of: Callable[[Request], Caller]) -> None:
        super().__init__(caller_of)
        self.caller_of = caller_of

    def enter(self, request: Request) -> Visit:
        """See `Door.enter`; raises `PermissionDenied` for changes of the catalogue."""
        if request.path_params["account_id"] != PUBLIC_ACCOUNT:
            return super().enter(request)
        caller = self.caller_of(request)
        if caller.account_id != PUBLIC_ACCOUNT and request.method not in ("GET", "HEAD"):
            raise PermissionDenied(
                f"The models of {PUBLIC_ACCOUNT} are the catalogue, which is the same for every "
                "account; make a model of your own instead."
            )
        return Visit(caller, PUBLIC_ACCOUNT)


class ModelRoutes(ResourceRoutes[Model]):
    """The routes of the collection, where others' public models can be read too."""

    def __init__(self, models: Models, door: ModelDoor) -> None:
        super().__init__(models, door)
        self._models = models
        self._model_door = door

    async def get(self, request: Request) -> Response:
        """Get a model."""
        name = self._name(request)
        caller = self._model_door.caller_of(request)
        require(caller, Permission.READ)
        owner = request.path_params["account_id"]
        if owner not in (PUBLIC_ACCOUNT, caller.account_id):
            found = self._models.around.shelf.find(name, caller.account_id)
            if found is None or not found[0].public:
                raise NotFound(f"There is no account {owner[:80]!r}.")
        return shown(await self._models.get(name), request)


class FileRoutes:
    """What is done with the files of a model."""

    def __init__(self, db: Database, models: Models, imports: Imports, door: Door[Request]) -> None:
        self._models = models
        self._imports = imports
        self._door = door
        self._uploads = Uploads(db, models)
        self._preparing = Preparing(db, models)

    def routes(self) -> Sequence[Route]:
        """The verbs below one model."""
        summaries: list[tuple[str, str, Callable[[Request], object], str]] = [
            ("getUploadEndpoint", "POST", self.announce, "Announce files; each gets a signed URL."),
            ("validateUpload", "GET", self.validate, "Make a model of the files that came."),
            ("getDownloadEndpoint", "GET", self.download, "Have a signed URL for each file."),
            ("import", "POST", self.fetch, "Have the files of a model fetched."),
            ("prepare", "POST", self.prepare, "Make another precision of a model's weights."),
        ]
        verbs = [
            DescribedRoute(f"{PATH}:{verb}", endpoint, method, summary)
            for verb, method, endpoint, summary in summaries
        ]
        operation = f"{PATH}/operations/{{operation_id}}"
        summary = "Say how far the import of a model is."
        return [*verbs, DescribedRoute(operation, self.operation, "GET", summary)]

    async def announce(self, request: Request) -> Response:
        """Announce files."""
        name, asking = self._changing(request)
        body = await json_body(request)
        urls = await self._uploads.register(
            name, body.get("filenameToSize"), _base_url(request), asking
        )
        return answer(read_mask(urls, str(body.get("readMask") or "")))

    async def validate(self, request: Request) -> Response:
        """Make a model of the files that came."""
        return answer({"warnings": await self._uploads.validate(*self._changing(request))})

    async def download(self, request: Request) -> Response:
        """Have a signed URL for each file."""
        self._door.require(request, Permission.READ)
        self._check_own(request)
        urls = await download_urls(self._models, _name_of(request), _base_url(request))
        return answer({"filenameToSignedUrls": urls})

    async def fetch(self, request: Request) -> Response:
        """Have files fetched."""
        name, asking = self._changing(request)
        return answer(await self._imports.start(name, await json_body(request), asking))

    async def operation(self, request: Request) -> Response:
        """Say how far an import is."""
        self._door.require(request, Permission.READ)
        operation_id = request.path_params["operation_id"]
        return answer(await self._imports.operation(_name_of(request), operation_id))

    async def prepare(self, request: Request) -> Response:
        """Make another precision."""
        name, asking = self._changing(request)
        precision = (await json_body(request)).get("precision")
        if not isinstance(precision, str) or not precision:
            raise InvalidRequest("precision: say which, such as `INT8`.", param="precision")
        await self._preparing.prepare(name, precision, asking)
        return answer({})

    def _changing(self, request: Request) -> tuple[str, Asking]:
        visit = self._door.require(request, Permission.WRITE)
        self._check_own(request)
        return _name_of(request), asking_of(request, visit, Permission.WRITE)

    def _check_own(self, request: Request) -> None:
        if request.path_params["account_id"] == PUBLIC_ACCOUNT:
            raise PermissionDenied(
                f"The models of {PUBLIC_ACCOUNT} are the catalogue: their files come from where "
                "the catalogue says, and stay as they are. Use a model of your own."
            )


class VersionRoutes:
    """Versions of models."""

    def __init__(self, versions: Versions, door: Door[Request]) -> None:
        self._versions = versions
        self._door = door

    def routes(self) -> Sequence[Route]:
        """Create, list, count, get; and what is not done here."""
        path = f"{PATH}/versions"
        one = f"{path}/{{version_id}}"
        return [
            DescribedRoute(f"{path}:count", self.count, "GET", "Count the versions of a model."),
            DescribedRoute(path, self.create, "POST", "Keep what a model says of itself now."),
            DescribedRoute(path, self.list, "GET", "List the versions of a model."),
            DescribedRoute(f"{one}:deploy", self.deploy, "POST", "Say why nothing is rolled out."),
            DescribedRoute(one, self.get, "GET", "Get a version of a model."),
        ]

    async def count(self, request: Request) -> Response:
        """Count versions."""
        self._door.require(request, Permission.READ)
        return answer({"count": len(await self._versions.of(_name_of(request)))})

    async def create(self, request: Request) -> Response:
        """Make a version."""
        visit = self._door.require(request, Permission.WRITE)
        asking = asking_of(request, visit, Permission.WRITE)
        version_id = request.query_params.get("versionId", "")
        return shown(await self._versions.create(_name_of(request), version_id, asking), request)

    async def list(self, request: Request) -> Response:
        """List versions."""
        self._door.require(request, Permission.READ)
        query = list_query(request.query_params)
        page = await self._versions.list(_name_of(request), query)
        return listing("modelVersions", page, request)

    async def get(self, request: Request) -> Response:
        """Get a version."""
        self._door.require(request, Permission.READ)
        version_id = request.path_params["version_id"]
        return shown(await self._versions.get(_name_of(request), version_id), request)

    async def deploy(self, request: Request) -> Response:
        """Say why nothing is rolled out."""
        self._door.require(request, Permission.WRITE)
        raise FailedPrecondition(
            "All versions of a model have the same weights here, so there is nothing to roll out; "
            "change the `baseModel` of the deployment to another model instead."
        )


class _ConfigBody(msgspec.Struct, frozen=True, rename="camel"):
    config_json: str
    tokenizer_config_json: str = ""


def model_routes(
    db: Database, models: Models, imports: Imports, caller_of: Callable[[Request], Caller]
) -> Sequence[Route]:
    """`/accounts/{account}/models` and below, and `/validateModelConfig`."""

    async def validate_config(request: Request) -> Response:
        """Say whether a model with this config.json could be loaded here, and by what."""
        require(caller_of(request), Permission.READ)
        body = decode_body(await request.body(), _ConfigBody)
        return answer(check_config(body.config_json, body.tokenizer_config_json))

    door = ModelDoor(caller_of)
    return [
        Route("/validateModelConfig", validate_config, methods=["POST"]),
        *FileRoutes(db, models, imports, door).routes(),
        *VersionRoutes(Versions(db, models), door).routes(),
        *ModelRoutes(models, door).routes(),
    ]


def _name_of(request: Request) -> str:
    return "accounts/{account_id}/models/{resource_id}".format(**request.path_params)


def _base_url(request: Request) -> str:
    """How the client reached this server."""
    return f"{request.url.scheme}://{request.url.netloc}"
