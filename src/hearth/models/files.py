"""The files of an upload: what they may be called, and whether they came as announced."""

from __future__ import annotations

from collections.abc import Mapping

from hearth.errors import InvalidRequest, PayloadTooLarge

MAX_FILES = 2000
MAX_MODEL_BYTES = 4 << 40
"More than any model that is published."
_MAX_PART_CHARS = 200
_SHOWN_FAULTS = 10
_OURS = "manifest.json"

Sizes = dict[str, int]
"Bytes by file name."


def read_sizes(given: object) -> Sizes:
    """What `filenameToSize` announces; sizes are numbers, or text as proto3 JSON has them.

    Raises:
        InvalidRequest: a name or size cannot be; the message names it.
        PayloadTooLarge: they are too large together.
    """
    param = "filenameToSize"
    if not isinstance(given, dict) or not given:
        raise InvalidRequest(
            f"{param}: name each file of the model with its size in bytes, as in "
            '{"model.safetensors": "1024"}.',
            param=param,
        )
    if len(given) > MAX_FILES:
        raise InvalidRequest(f"{param}: at most {MAX_FILES} files make a model.", param=param)
    sizes = {str(name): _size(str(name), size) for name, size in given.items()}
    for name in sizes:
        check_name(name)
    if sum(sizes.values()) > MAX_MODEL_BYTES:
        raise PayloadTooLarge(
            f"{param}: {sum(sizes.values())} bytes are more than the {MAX_MODEL_BYTES} that a "
            "model may have.",
            param=param,
        )
    return sizes


def _size(name: str, size: object) -> int:
    text = str(size) if isinstance(size, int | str) and not isinstance(size, bool) else ""
    if not (text.isascii() and text.isdecimal() and len(text) <= 15):
        raise InvalidRequest(
            f"filenameToSize: the size of {name[:80]!r} must be a number of bytes, not "
            f"{str(size)[:40]!r}.",
            param="filenameToSize",
        )
    return int(text)


def check_name(name: str) -> None:
    """Raise `InvalidRequest` where a file could lie elsewhere, or would be taken for ours."""
    parts = name.split("/")
    unsafe = {"", ".", ".."} & set(parts) or "\\" in name or not name.isprintable()
    if unsafe or any(len(part.encode()) > _MAX_PART_CHARS for part in parts) or len(parts) > 8:
        raise InvalidRequest(
            f"filenameToSize: {name[:200]!r} cannot be the name of a file: write a path inside "
            "the model's folder, such as `tokenizer.json` or `onnx/model.onnx`.",
            param="filenameToSize",
        )
    if name == _OURS or parts[0].startswith(".lora") or name.endswith(".part"):
        raise InvalidRequest(
            f"filenameToSize: {name!r} is a name that Hearth uses itself; leave that file out.",
            param="filenameToSize",
        )


def check_arrived(announced: Mapping[str, int], here: Mapping[str, int]) -> None:
    """Raise `InvalidRequest`, with a reason for each file, where not all came as announced."""
    faults = []
    for name, size in announced.items():
        if name not in here:
            faults.append(f"{name}: not uploaded yet")
        elif here[name] != size:
            faults.append(f"{name}: {here[name]} bytes are here, {size} were announced")
    if faults:
        shown = "; ".join(faults[:_SHOWN_FAULTS])
        more = f"; and {len(faults) - _SHOWN_FAULTS} more" if len(faults) > _SHOWN_FAULTS else ""
        raise InvalidRequest(
            f"{len(faults)} of {len(announced)} files are not as announced: {shown}{more}. Put "
            "them by their signed URLs, then validate again.",
            param="filenameToSize",
        )
