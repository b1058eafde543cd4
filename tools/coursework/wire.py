"""Plain data over a pipe: what the judge and a submission's process say to each other.

A frame holds two lengths, a JSON text and the bytes of its tensors. Whoever reads one believes nothing: every length,
name and shape is checked, and no object is built but numbers, texts, lists, tuples, dictionaries and tensors.
"""

import json
import math
import os
import select
import struct
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

MAX_TEXT, MAX_BYTES, MAX_DEPTH = 2**20, 2**26, 30  # of a frame
TICK = 0.2  # seconds between two looks at what the other side uses
DTYPES = {
    str(dtype).removeprefix("torch."): dtype
    for dtype in (
        torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.complex128, torch.complex64, torch.int64,
        torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool,
    )
}  # fmt: skip


class NotPlain(TypeError):
    """A value that is no plain data."""


class Garbled(Exception):
    """What came through the pipe is not what was agreed on."""


class Ended(Exception):
    """The other side is gone."""


def written(value) -> tuple[bytes, bytes]:
    """A value as JSON text and bytes. Raises NotPlain for what is not plain, or too large."""
    blob = bytearray()
    text = json.dumps(_written(value, blob, 0)).encode()
    if len(text) > MAX_TEXT or len(blob) > MAX_BYTES:
        raise NotPlain(f"too large to be handed over: {len(text) + len(blob)} bytes")
    return text, bytes(blob)


def _written(value, blob: bytearray, depth: int):
    if depth > MAX_DEPTH:
        raise NotPlain(f"nested more than {MAX_DEPTH} deep")
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, float | np.floating):
        return float(value)
    if isinstance(value, int | np.integer):
        if abs(int(value)) >= 2**63:
            raise NotPlain("an integer beyond 64 bits")
        return int(value)
    if isinstance(value, np.ndarray | np.bool_):
        value = torch.from_numpy(np.array(value))
    if isinstance(value, Tensor):
        return {"tensor": _stored(value, blob)}
    if isinstance(value, list | tuple | range):
        kind = "tuple" if isinstance(value, tuple) else "list"
        return {kind: [_written(item, blob, depth + 1) for item in value]}
    if isinstance(value, dict):
        return {"dict": [[_written(side, blob, depth + 1) for side in pair] for pair in value.items()]}
    raise NotPlain(f"a {type(value).__name__} is neither a number nor a tensor, nor made of them")


def _stored(tensor: Tensor, blob: bytearray) -> list:
    """Name of the dtype, shape, and where the bytes are; the bytes go to `blob`."""
    name = str(tensor.dtype).removeprefix("torch.")
    if name not in DTYPES or tensor.layout != torch.strided:
        raise NotPlain(f"a tensor of the kind {name}, {tensor.layout}")
    if len(blob) + tensor.numel() * tensor.element_size() > MAX_BYTES:  # before anything is copied
        raise NotPlain(f"too large to be handed over: a tensor of the shape {tuple(tensor.shape)}")
    flat = tensor.detach().cpu().resolve_conj().resolve_neg().reshape(-1).contiguous()
    place = len(blob)
    blob += flat.view(torch.uint8).numpy().tobytes()
    return [name, list(tensor.shape), place]


def read(text: bytes, blob: bytes):
    """The value of a frame. Raises Garbled if it is none."""
    try:
        return _read(json.loads(text), blob, 0)
    except Garbled:
        raise
    except Exception as error:  # hostile bytes may make a parser raise anything
        raise Garbled(f"{type(error).__name__} while reading") from None


def _read(value, blob: bytes, depth: int):
    if depth > MAX_DEPTH + 2:
        raise Garbled("nested too deeply")
    if not isinstance(value, dict):
        if isinstance(value, list) or (type(value) is int and abs(value) >= 2**63):
            raise Garbled("a bare list, or an integer beyond 64 bits")
        return value
    ((kind, content),) = value.items()
    match kind:
        case "tensor":
            return _restored(*content, blob)
        case "list" | "tuple":
            items = [_read(item, blob, depth + 1) for item in content]
            return tuple(items) if kind == "tuple" else items
        case "dict":
            return {_read(key, blob, depth + 1): _read(item, blob, depth + 1) for key, item in content}
    raise Garbled("an unknown kind of value")


def _restored(name: str, shape: list, place: int, blob: bytes) -> Tensor:
    dtype = DTYPES[name]
    if len(shape) > 16 or any(type(size) is not int or size < 0 for size in (*shape, place)):
        raise Garbled("an impossible shape")
    count = math.prod(shape)
    if count == 0:
        return torch.empty(shape, dtype=dtype) if sum(shape) < MAX_BYTES else torch.empty(0, dtype=dtype)
    end = place + count * dtype.itemsize
    if end > len(blob):
        raise Garbled("a tensor larger than what was sent")
    data = np.frombuffer(blob[place:end], dtype=np.uint8)
    if dtype == torch.bool:
        return torch.from_numpy(data != 0).reshape(shape)  # any other byte is no truth value
    return torch.from_numpy(data.copy()).view(dtype).reshape(shape)


class Channel:
    """Two ends of pipes. `watch` is called while nothing comes; it may raise."""

    def __init__(self, reading: int, writing: int, watch: Callable[[], None] = lambda: None):
        self.reading, self.writing, self.watch = reading, writing, watch
        os.set_blocking(writing, False)

    def say(self, **message):
        """Send named values. Raises NotPlain, or Ended if nobody is there."""
        text, blob = written(message)
        rest = memoryview(struct.pack("<II", len(text), len(blob)) + text + blob)
        while rest:
            self._wait([], [self.writing])
            try:
                rest = rest[os.write(self.writing, rest[:65536]) :]
            except BlockingIOError:
                continue
            except OSError:
                raise Ended from None

    def hear(self) -> dict:
        """The next message. Raises Garbled, or Ended if the other side is gone."""
        length, more = struct.unpack("<II", self._exactly(8))
        if length > MAX_TEXT or more > MAX_BYTES:
            raise Garbled("a message that is too large")
        message = read(self._exactly(length), self._exactly(more))
        if not isinstance(message, dict):
            raise Garbled("no message")
        return message

    def _exactly(self, count: int) -> bytes:
        parts = bytearray()
        while len(parts) < count:
            self._wait([self.reading], [])
            part = os.read(self.reading, min(count - len(parts), 2**20))
            if not part:
                raise Ended
            parts += part
        return bytes(parts)

    def _wait(self, reading, writing):
        while not any(select.select(reading, writing, [], TICK)[:2]):
            self.watch()

    def close(self):
        """Close both ends."""
        os.close(self.reading)
        os.close(self.writing)
