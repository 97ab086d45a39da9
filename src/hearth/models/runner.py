"""What of models takes long, as jobs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hearth.jobs import Context, Handler
from hearth.kit.db import Database
from hearth.models.imports import IMPORT, Imports
from hearth.models.precisions import form_of
from hearth.models.preparing import PREPARE, Preparing
from hearth.models.service import Models
from hearth.models.uploads import VALIDATE, Uploads

NUM_RETRIES = 5

Arguments = Mapping[str, Any]  # Any: JSON


def model_handlers(db: Database, models: Models, imports: Imports) -> Mapping[str, Handler]:
    """By kind of job."""
    uploads, preparing = Uploads(db, models), Preparing(db, models)

    async def validate(context: Context, arguments: Arguments) -> object:
        await context.progress(1, "Looking at the files.")
        return await context.step("validate", uploads.finish, arguments["name"])

    async def prepare(context: Context, arguments: Arguments) -> object:
        await context.progress(1, f"Converting to {arguments['precision']}.")
        form = form_of(arguments["precision"])
        return await context.step("prepare", preparing.make, arguments["name"], form)

    async def fetch(context: Context, arguments: Arguments) -> object:
        await context.progress(1, "Fetching the files.")
        name, source = arguments["name"], arguments["source"]
        return await context.step("import", imports.run, name, source, num_retries=NUM_RETRIES)

    return {VALIDATE: validate, PREPARE: prepare, IMPORT: fetch}
