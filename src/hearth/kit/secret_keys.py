"""The keys that seal what this Hearth keeps secret: from a setting, or a file of its home."""

from __future__ import annotations

import os
from base64 import b64encode
from binascii import Error as NotBase64
from binascii import a2b_base64
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile

from hearth.errors import SetupError
from hearth.kit.home import make_home
from hearth.kit.sealing import KEY_BYTES, Sealer

KEY_FILE = "secret.key"


def load_sealer(home: Path, secret_key: str = "") -> Sealer:
    """The sealer of this Hearth; a key is made in the home when there is none yet.

    Args:
        home: where `secret.key` lies or comes to lie, readable by its owner alone.
        secret_key: keys in base64, separated by commas, in place of the file's.

    Raises:
        SetupError: a key is none, or the file cannot be read or made.
    """
    if secret_key:
        return Sealer(_read_keys(secret_key.split(","), "HEARTH_SECRET_KEY"))
    path = make_home(home) / KEY_FILE
    try:
        if not path.exists():
            _make_key(path)
        return Sealer(_read_keys(path.read_text("ascii").split(), str(path)))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not base64"
        raise SetupError(
            f"Cannot use {path}: {reason}. Correct it, restore it from a backup, "
            "or set HEARTH_SECRET_KEY."
        ) from error


def _make_key(path: Path) -> None:
    """Make the file whole or not at all; of several processes that try at once, one does."""
    with NamedTemporaryFile("wb", dir=path.parent, prefix=f".{KEY_FILE}-") as file:  # mode 0600
        file.write(b64encode(os.urandom(KEY_BYTES)) + b"\n")
        file.flush()
        os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(file.name, path)


def _read_keys(texts: Sequence[str], source: str) -> list[bytes]:
    keys = []
    for text in texts:
        try:
            key = a2b_base64(text.strip(), strict_mode=True)
        except (NotBase64, ValueError):
            key = b""
        if len(key) != KEY_BYTES:
            raise SetupError(
                f"{source} must hold {KEY_BYTES} bytes in base64 for each key; "
                "`openssl rand -base64 32` makes one."
            )
        keys.append(key)
    if not keys:
        raise SetupError(f"{source} holds no key; remove it or restore it from a backup.")
    return keys
