"""What the leading process tells those that follow it: frames of msgpack on a pipe."""

from __future__ import annotations

import struct
from io import RawIOBase

import msgspec
import numpy as np

from hearth.engines.llm.native.architecture import Site
from hearth.engines.llm.native.backend import AdapterWeights, Floats, Ints, LoraPair, Step
from hearth.engines.llm.native.torch_backend.assembly import Plan

_LENGTH = struct.Struct("<Q")


class Join(msgspec.Struct, tag=True, frozen=True):
    """The first: what to load, and the file by which the processes find each other."""

    plan: Plan
    meeting_file: str


class Array(msgspec.Struct, tag=True, frozen=True):
    """One tensor, or the share of it; alone it is the next of the weights."""

    name: str
    shape: tuple[int, ...]
    data: bytes


class Compute(msgspec.Struct, tag=True, frozen=True):
    """A step: the arrays of `Step`, by name."""

    arrays: dict[str, bytes]


class Put(msgspec.Struct, tag=True, frozen=True):
    """An adapter: layer, site, and both factors of each."""

    place: int
    pairs: list[tuple[int, Site, Array, Array]]


class Drop(msgspec.Struct, tag=True, frozen=True):
    """Forget an adapter."""

    place: int


class Close(msgspec.Struct, tag=True, frozen=True):
    """The last."""


Frame = Join | Array | Compute | Put | Drop | Close

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Frame] = msgspec.msgpack.Decoder(Frame)


def write_frame(pipe: RawIOBase, frame: Frame) -> None:
    """Send one.

    Raises:
        OSError: the other side is gone.
    """
    data = _encoder.encode(frame)
    for part in (_LENGTH.pack(len(data)), data):
        view = memoryview(part)
        while view:
            view = view[pipe.write(view) or 0 :]


def read_frame(pipe: RawIOBase) -> Frame:
    """Receive one.

    Raises:
        EOFError: the other side is gone.
    """
    (length,) = _LENGTH.unpack(_read(pipe, _LENGTH.size))
    return _decoder.decode(_read(pipe, length))


def array(name: str, values: Floats) -> Array:
    """Wrap a tensor."""
    return Array(name, values.shape, np.ascontiguousarray(values, np.float32).tobytes())


def values(frame: Array) -> Floats:
    """Unwrap a tensor, read-only."""
    return np.frombuffer(frame.data, np.float32).reshape(frame.shape)


def compute(step: Step) -> Compute:
    """Wrap a step."""
    return Compute({name: _bytes(getattr(step, name)) for name in Step.__dataclass_fields__})


def step_of(frame: Compute) -> Step:
    """Unwrap a step."""
    return Step(**{name: np.frombuffer(data, np.int32) for name, data in frame.arrays.items()})


def put(place: int, weights: AdapterWeights) -> Put:
    """Wrap an adapter."""
    pairs = [
        (layer, site, array("a", pair.a), array("b", pair.b))
        for (layer, site), pair in weights.items()
    ]
    return Put(place, pairs)


def adapter_of(frame: Put) -> AdapterWeights:
    """Unwrap an adapter."""
    return {(layer, site): LoraPair(a=values(a), b=values(b)) for layer, site, a, b in frame.pairs}


def _bytes(numbers: Ints) -> bytes:
    return np.ascontiguousarray(numbers, np.int32).tobytes()


def _read(pipe: RawIOBase, length: int) -> bytearray:
    data = bytearray(length)
    view = memoryview(data)
    while view:
        count = pipe.readinto(view)
        if not count:
            raise EOFError
        view = view[count:]
    return data
