"""Values and objects that only a key of this Hearth can open, and only under their own name.

Values: AES-256-GCM with a random nonce. Streams: the STREAM construction of Hoang, Reyhanitabar,
Rogaway and Vizar, "Online Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance" (2015):
chunks whose nonces count and mark the last one, so that none can be dropped, moved or cut off;
each stream has a key of its own, derived by HKDF-SHA256 from a random salt.

The first key seals and all of them open: to change keys, put a new one in front of the old.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from hashlib import sha256
from typing import TYPE_CHECKING

from hearth.errors import SetupError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
_KEY_ID_BYTES, _NONCE_BYTES, _TAG_BYTES, _SALT_BYTES = 8, 12, 16, 32
_VALUE, _STREAM = b"HV1", b"HS1"
CHUNK_BYTES = 64 * 1024


class Sealer:
    """Seals with its first key and opens with any.

    Args:
        keys: 32 random bytes each; the newest first.
    """

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = {_key_id(key): key for key in keys}
        self._current = _key_id(keys[0])

    @property
    def key_id(self) -> str:
        """Which key seals now, as sealed values carry it; it tells nothing of the key."""
        return self._current.hex()

    def seal(self, plain: bytes, *, name: str) -> bytes:
        """What only `open` with the same name gives back; `name` says whose value it is."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = _aes(self._keys[self._current]).encrypt(nonce, plain, name.encode())
        return _VALUE + self._current + nonce + sealed

    def open(self, sealed: bytes, *, name: str) -> bytes:
        """The value that was sealed under this name.

        Raises:
            SetupError: its key is not here, it was changed, or it was sealed under another name.
        """
        start = len(_VALUE) + _KEY_ID_BYTES
        nonce, body = sealed[start : start + _NONCE_BYTES], sealed[start + _NONCE_BYTES :]
        if not sealed.startswith(_VALUE) or len(body) < _TAG_BYTES:
            raise _broken(name)
        key = self.key_of(sealed, name=name)
        return _decrypt(_aes(key), nonce, body, name)

    def is_current(self, sealed: bytes) -> bool:
        """Whether the first key sealed it; if not, sealing it again completes a change of keys."""
        return sealed[3 : 3 + _KEY_ID_BYTES] == self._current

    def sealing(self, *, name: str) -> StreamSealer:
        """Seals a stream of bytes, piece by piece."""
        return StreamSealer(self._current, self._keys[self._current], name)

    def opening(self, *, name: str) -> StreamOpener:
        """Opens a stream that was sealed under this name, piece by piece."""
        return StreamOpener(self, name)

    def key_of(self, sealed: bytes, *, name: str) -> bytes:
        """The key that the head of something sealed names; raises `SetupError`."""
        key_id = bytes(sealed[3 : 3 + _KEY_ID_BYTES])
        try:
            return self._keys[key_id]
        except KeyError:
            raise SetupError(
                f"{name} was sealed with the key {key_id.hex()}, which is not here: put it behind "
                f"the present one in HEARTH_SECRET_KEY, or restore secret.key from a backup."
            ) from None


class StreamSealer:
    """Seals one stream; what `seal` and `finish` give, in order, is the sealed stream."""

    def __init__(self, key_id: bytes, key: bytes, name: str) -> None:
        salt = os.urandom(_SALT_BYTES)
        self._head = _STREAM + key_id + salt
        self._aes = _aes(_derive(key, salt))
        self._name = name.encode()
        self._rest = bytearray()
        self._number = 0

    def seal(self, plain: bytes) -> bytes:
        """Take the next piece, of any size."""
        self._rest += plain
        out = [self._take_head()]
        while len(self._rest) > CHUNK_BYTES:  # a full one may be the last, which is marked
            out.append(self._chunk(bytes(self._rest[:CHUNK_BYTES]), is_last=False))
            del self._rest[:CHUNK_BYTES]
        return b"".join(out)

    def finish(self) -> bytes:
        """The end of the sealed stream; nothing may be sealed after it."""
        return self._take_head() + self._chunk(bytes(self._rest), is_last=True)

    def _take_head(self) -> bytes:
        head, self._head = self._head, b""
        return head

    def _chunk(self, plain: bytes, *, is_last: bool) -> bytes:
        nonce = _nonce(self._number, is_last=is_last)
        self._number += 1
        return self._aes.encrypt(nonce, plain, self._name)


class StreamOpener:
    """Opens one stream; every piece that it gives is proven, the whole only by `finish`."""

    def __init__(self, sealer: Sealer, name: str) -> None:
        self._sealer = sealer
        self._name = name
        self._rest = bytearray()
        self._number = 0
        self._aes: AESGCM | None = None

    def open(self, sealed: bytes) -> bytes:
        """Take the next piece, of any size, and give what of it is proven.

        Raises:
            SetupError: as `Sealer.open`.
        """
        self._rest += sealed
        if self._aes is None and not self._read_head():
            return b""
        out = []
        size = CHUNK_BYTES + _TAG_BYTES
        while len(self._rest) > size:
            out.append(self._chunk(bytes(self._rest[:size]), is_last=False))
            del self._rest[:size]
        return b"".join(out)

    def finish(self) -> bytes:
        """The last of it.

        Raises:
            SetupError: the end is missing, or as `Sealer.open`.
        """
        if self._aes is None:
            raise _broken(self._name)
        return self._chunk(bytes(self._rest), is_last=True)

    def _read_head(self) -> bool:
        size = len(_STREAM) + _KEY_ID_BYTES + _SALT_BYTES
        if len(self._rest) < size:
            return False
        head = bytes(self._rest[:size])
        if not head.startswith(_STREAM):
            raise _broken(self._name)
        key = self._sealer.key_of(head, name=self._name)
        self._aes = _aes(_derive(key, head[-_SALT_BYTES:]))
        del self._rest[:size]
        return True

    def _chunk(self, sealed: bytes, *, is_last: bool) -> bytes:
        assert self._aes is not None, "the head comes first"
        nonce = _nonce(self._number, is_last=is_last)
        self._number += 1
        return _decrypt(self._aes, nonce, sealed, self._name)


def _key_id(key: bytes) -> bytes:
    return sha256(b"hearth key id" + key).digest()[:_KEY_ID_BYTES]


def _aes(key: bytes) -> AESGCM:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(key)


def _derive(key: bytes, salt: bytes) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return HKDF(SHA256(), KEY_BYTES, salt, b"hearth stream").derive(key)


def _nonce(number: int, *, is_last: bool) -> bytes:
    return number.to_bytes(_NONCE_BYTES - 1, "big") + bytes([is_last])


def _decrypt(aes: AESGCM, nonce: bytes, sealed: bytes, name: str) -> bytes:
    from cryptography.exceptions import InvalidTag

    try:
        return aes.decrypt(nonce, sealed, name.encode())
    except (InvalidTag, ValueError):  # ValueError: too short to hold a tag
        raise _broken(name) from None


def _broken(name: str) -> SetupError:
    return SetupError(
        f"{name} cannot be opened: it was changed, cut, or sealed under another name. "
        "Write it anew, or restore it from a backup."
    )
