"""Models: the catalogue's, and those that an account uploads."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hearth.firectl import model_flags
from hearth.firectl.call import Call
from hearth.firectl.crud import create, deleter, getter, id_argument, lister, run_list, updater
from hearth.firectl.failures import Exit, Failure, Refused
from hearth.firectl.grammar import Argument, Column, Command, Flag, Noun, Resource
from hearth.firectl.http import Object
from hearth.firectl.model_files import adapter_details, files_of
from hearth.firectl.model_sources import FLAGS as SOURCE_FLAGS
from hearth.firectl.model_sources import import_body, is_elsewhere
from hearth.firectl.names import id_from, last_of, path_of
from hearth.firectl.request_parts import body_of
from hearth.firectl.transfer import download, upload
from hearth.firectl.waiting import WAIT_FLAGS, wait_until_done, wait_until_ready, watch

RESOURCE = Resource(
    collection="models",
    id_body="modelId",
    wrapper="model",
    failed_codes=("FAILED_PRECONDITION", "INVALID_ARGUMENT"),
    is_shared=True,
    columns=(
        Column(title="name", path="name"),
        Column(title="display name", path="displayName"),
        Column(title="kind", path="kind"),
        Column(title="state", path="state"),
        Column(title="context", path="contextLength"),
        Column(title="public", path="public"),
        Column(title="status", path="status.message"),
    ),
)
_PATH = Argument(
    name="PATH",
    help="The folder or file with the weights; create also takes s3:// and azure://.",
    of="PATH",
)


def _create(call: Call) -> None:
    source: str = call.get("PATH")
    fields = body_of(call) | _kind(call, source)
    name = call.name(call.get("ID"))
    if is_elsewhere(source):
        create(call, last_of(name), fields)
        _import_from(call, name, source)
        return
    files = files_of(Path(source))
    try:
        create(call, last_of(name), fields)
    except Refused as refused:
        if refused.status != 409:
            raise
        raise Failure(
            f"{refused.message} If its upload broke off, `firectl upload model "
            f"{call.get('ID')} {source}` takes it up again."
        ) from refused
    _upload_files(call, name, files)


def _kind(call: Call, source: str) -> Object:
    """What sort of model it is."""
    if call.get("base-model"):
        details: Object = {"baseModel": call.get("base-model")}
        if not is_elsewhere(source):
            details |= adapter_details(Path(source))
        return {"kind": "HF_PEFT_ADDON", "peftDetails": details}
    kind = "EMBEDDING_MODEL" if call.get("embedding") else "HF_BASE_MODEL"
    return {"kind": kind, "baseModelDetails": {"checkpointFormat": "HUGGINGFACE"}}


def _upload(call: Call) -> None:
    _upload_files(call, call.name(call.get("ID")), files_of(Path(call.get("PATH"))))


def _upload_files(call: Call, name: str, files: dict[str, Path]) -> None:
    """Ask for addresses, send the files, have the whole looked at."""
    body: Object = {
        "filenameToSize": {each: str(path.stat().st_size) for each, path in files.items()}
    }
    resumes = call.get("enable-resumable-upload", call.command.verb == "upload")
    if resumes:
        body["enableResumableUpload"] = True
    answer = call.send("POST", f"{path_of(name)}:getUploadEndpoint", body=body)
    urls = answer.get("filenameToSignedUrls") or {}
    upload(call.screen, files, urls, quiet=_is_quiet(call), resumes=resumes)
    checked = call.send("GET", f"{path_of(name)}:validateUpload")
    for warning in checked.get("warnings") or []:
        call.screen.note(f"firectl: {warning}")
    _show_ready(call, name)


def _show_ready(call: Call, name: str) -> None:
    _set_patience(call)
    call.show(wait_until_ready(call, name))


def _set_patience(call: Call) -> None:
    """How long to wait for weights, which are large."""
    call.values["wait-timeout"] = call.get("poll-duration", "2h")


def _download(call: Call) -> None:
    body = call.read(call.get("ID"), ":getDownloadEndpoint")
    urls = body.get("filenameToSignedUrls") or {}
    if not urls:
        raise Failure(f"{call.get('ID')} has no files to download.", exit_status=Exit.NOT_FOUND)
    folder = Path(call.get("PATH"))
    download(call.screen, urls, folder, quiet=_is_quiet(call))
    call.screen.note(f"{call.get('ID')} is in {folder}.")


def _is_quiet(call: Call) -> bool:
    return bool(call.get("quiet"))


def _prepare(call: Call) -> None:
    name = call.name(call.get("ID"))
    call.send("POST", f"{path_of(name)}:prepare", body=body_of(call))
    if call.get("wait"):
        watch(call, name, lambda now: now is not None and _is_prepared(now, call))
    call.screen.note(f"{name} is being prepared." if not call.get("wait") else f"{name} is ready.")


def _is_prepared(now: Object, call: Call) -> bool:
    """Whether a precision is there; where the server does not list them, its state has to do."""
    wanted = call.get("precision", "")
    wanted = "FP16" if wanted == "BF16" else wanted  # Hearth makes the same form of both
    is_there = not wanted or "precisions" not in now or wanted in now["precisions"]
    return is_there and now.get("state") in RESOURCE.ready


def _import(call: Call) -> None:
    source: str = call.get("NAME")
    source = source if is_elsewhere(source) else f"hf:{source}"
    name = call.name(call.get("model-id") or id_from(last_of(source)))
    create(call, last_of(name), body_of(call))
    _import_from(call, name, source)


def _import_from(call: Call, name: str, source: str) -> None:
    operation = call.send("POST", f"{path_of(name)}:import", body=import_body(call, source))
    _set_patience(call)
    wait_until_done(call, operation)
    call.show(wait_until_ready(call, name))


def _list(call: Call) -> None:
    if category := call.get("category"):
        wanted = f'category = "{_escaped(category)}"'
        given = call.get("filter")
        call.values["filter"] = f"({given}) AND {wanted}" if given else wanted
    run_list(call)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


NOUN = Noun(
    summary="Models: the catalogue's, and those that an account uploads.",
    commands=(
        Command(
            verb="create",
            summary="Upload a model: a whole one, or with --base-model a LoRA adapter.",
            run=_create,
            arguments=(id_argument("model"), _PATH),
            flags=(
                *model_flags.CREATION,
                *model_flags.DESCRIPTION,
                *SOURCE_FLAGS,
                model_flags.QUIET,
            ),
            resource=RESOURCE,
            examples=(
                "firectl create model my-model ./weights",
                "firectl create model my-adapter ./adapter --base-model llama-v3p1-8b-instruct",
            ),
        ),
        getter("model", RESOURCE, "firectl get model llama-v3p1-8b-instruct"),
        replace(
            lister(
                "model",
                RESOURCE,
                (Flag(name="category", help="Such as experimental; an unknown one has none."),),
                "firectl list models",
                "firectl list models --category experimental",
            ),
            summary="List the account's models and then the catalogue's; with -a, one account's.",
            run=_list,
        ),
        updater("model", RESOURCE, model_flags.DESCRIPTION),
        deleter("model", RESOURCE),
        Command(
            verb="upload",
            summary="Upload the files of a model that is there, such as after a broken upload.",
            run=_upload,
            arguments=(id_argument("model"), _PATH),
            flags=(model_flags.RESUMABLE, model_flags.POLL, model_flags.QUIET),
            resource=RESOURCE,
            examples=("firectl upload model my-model ./weights",),
        ),
        Command(
            verb="download",
            summary="Download the files of a model; what is there already is kept.",
            run=_download,
            arguments=(
                id_argument("model"),
                Argument(name="PATH", help="The folder to put them in.", of="PATH"),
            ),
            flags=(model_flags.QUIET,),
            resource=RESOURCE,
            examples=("firectl download model my-model ./local_path",),
        ),
        Command(
            verb="prepare",
            summary="Have a model made ready for another precision before it is deployed.",
            run=_prepare,
            arguments=(id_argument("model"),),
            flags=(model_flags.PRECISION, *WAIT_FLAGS),
            resource=RESOURCE,
            examples=("firectl prepare-model my-model --precision fp8 --wait",),
        ),
        Command(
            verb="import",
            summary="Have the server fetch a model from a hub, an address or a bucket.",
            run=_import,
            arguments=(
                Argument(
                    name="NAME",
                    help="Its name on the hub, such as org/model, or hf:, https://, s3://, azure://.",
                ),
            ),
            flags=(
                Flag(name="model-id", help="Its id here; the last part of NAME otherwise."),
                *SOURCE_FLAGS,
                model_flags.POLL,
            ),
            resource=RESOURCE,
            examples=("firectl import model org/model --model-id my-model",),
        ),
    ),
)
