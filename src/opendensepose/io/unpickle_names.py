"""What the names in a pickle mean to `unpickle`: arrays, a few containers, and inert stand-ins."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

_KINDS = re.compile(r"(b1|\?|[iu][1248]|f[248]|c8|c16|[SU]\d{1,6})")
_INERT = re.compile(r"(chumpy|scipy\.sparse)(\.\w+)*")  # modules whose objects become stand-ins
_MAX_POINT = 0x10FFFF  # the last Unicode character
_LARGEST = 200_000_000  # entries of a sparse matrix that we write out


class Refused(Exception):
    """Something that a file of arrays has no need of."""


@dataclass
class Budget:
    """Bytes that the arrays may still take: a short file must not unfold into a full memory."""

    left: int

    def spend(self, count: int) -> None:
        self.left -= count
        if self.left < 0:
            raise Refused("more array data than the file can hold")


@dataclass(frozen=True)
class Name:
    """A name of the file that is known here; it stands for itself and is never imported."""

    path: str

    @staticmethod
    def of(module: str, name: str) -> Name:
        module = module.replace("numpy._core", "numpy.core").replace("__builtin__", "builtins")
        path = f"{module.replace('copy_reg', 'copyreg')}.{name}"
        if path not in _CALLS and path not in _BARE and not _INERT.fullmatch(module):
            hint = " (torch's files are read otherwise)" if module.split(".")[0] == "torch" else ""
            raise Refused(f"the name {path[:80]}{hint}")
        return Name(path)


@dataclass(eq=False)
class Standin:
    """An object of chumpy or scipy.sparse without its code: the class by name, arguments and state."""

    name: str  # such as "chumpy.ch.Ch"
    arguments: tuple[Any, ...] = ()
    state: Any = field(default_factory=dict)


@dataclass(eq=False)
class _Array:
    """An array whose data are still to come."""

    value: NDArray[Any] | None = None


@dataclass(eq=False)
class _Kind:
    """A dtype: b1, i4, f8, S5 ... and its byte order."""

    code: str
    order: str = "<"

    def dtype(self) -> np.dtype[Any]:
        return np.dtype(self.order + self.code)


def call(target: Any, arguments: Any, budget: Budget) -> Any:
    """What one of the known names gives for its arguments."""
    if not isinstance(target, Name) or not isinstance(arguments, tuple):
        raise Refused("a call of something that is no name")
    if target.path in _CALLS:
        return _CALLS[target.path](arguments, budget)
    if target.path in _BARE:
        raise Refused(f"a call of {target.path}")
    return Standin(target.path, arguments)


def build(target: Any, state: Any, budget: Budget) -> None:
    """Give an object its state."""
    if isinstance(target, _Array):
        shape, kind, fortran, data = state[-4:]
        target.value = _array(data, kind, shape, "F" if fortran else "C", budget)
    elif isinstance(target, _Kind):
        if not (isinstance(state, tuple) and len(state) >= 2 and state[1] in ("<", ">", "|", "=")):
            raise ValueError("a dtype of an unknown form")
        target.order = state[1]
    elif isinstance(target, Standin):
        target.state = state
    else:
        raise Refused(f"a state of a {type(target).__name__}")


def finish(value: Any) -> Any:
    """The finished value: arrays in the place of what announced them. Lists and dicts keep their identity."""
    return _finish(value, {})


def _finish(value: Any, done: dict[int, Any]) -> Any:
    if id(value) in done:
        return done[id(value)]
    if isinstance(value, (Name, _Kind)):
        raise Refused(f"{value.path if isinstance(value, Name) else 'a dtype'} as a value")
    if isinstance(value, _Array):
        if value.value is None:
            raise ValueError("an array without data")
        return value.value
    if isinstance(value, tuple):
        done[id(value)] = result = tuple(_finish(item, done) for item in value)
        return result
    done[id(value)] = value  # before its content: it may hold itself
    if isinstance(value, list):
        value[:] = [_finish(item, done) for item in value]
    elif isinstance(value, dict):
        value.update({key: _finish(item, done) for key, item in value.items()})
    elif isinstance(value, Standin):
        value.arguments, value.state = _finish(value.arguments, done), _finish(value.state, done)
    return value


def as_array(value: Any) -> NDArray[Any]:
    """The array that a value of a pickle holds: an array, numbers, chumpy's, a sparse matrix as a dense one.

    Raises ValueError for anything else.
    """
    try:
        array = _unwrap(value)
    except (TypeError, KeyError, IndexError, AttributeError, OverflowError) as error:
        raise ValueError(f"expected an array, got a {_kind_of(value)} of another form ({error})") from None
    if array.dtype.kind not in "biufc":
        raise ValueError(f"expected an array of numbers, got {_kind_of(value)}")
    return array


def _kind_of(value: Any) -> str:
    return value.name if isinstance(value, Standin) else type(value).__name__


def _unwrap(value: Any) -> NDArray[Any]:
    if not isinstance(value, Standin):
        return np.asarray(value)
    state = value.state
    if value.name.startswith("scipy.sparse."):
        return _dense(value.name.rsplit(".", 1)[1], state)
    if "idxs" in state:  # chumpy.reordering: entries of another array
        return as_array(state["a"]).ravel()[as_array(state["idxs"])].reshape(state["preferred_shape"])
    return as_array(state["x"])


def _dense(kind: str, state: dict[str, Any]) -> NDArray[Any]:
    """A sparse matrix from its arrays, as a dense array [rows, columns]."""
    form = kind[:3]
    rows_count, columns_count = (int(n) for n in state["_shape" if "_shape" in state else "shape"])
    if form not in ("csc", "csr", "coo") or not 0 <= rows_count * columns_count <= _LARGEST:
        raise ValueError(f"expected a csc, csr or coo matrix, got {kind} {rows_count} x {columns_count}")
    values = as_array(state["data"])
    if form == "coo":
        pair = state["coords"] if "coords" in state else (state["row"], state["col"])
        rows, columns = (as_array(index).astype(np.int64) for index in pair)
    else:
        inner, starts = (as_array(state[name]).astype(np.int64) for name in ("indices", "indptr"))
        lines = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
        rows, columns = (inner, lines) if form == "csc" else (lines, inner)
    if min(rows.min(initial=0), columns.min(initial=0)) < 0:
        raise IndexError("a negative index")
    result = np.zeros((rows_count, columns_count), values.dtype)
    np.add.at(result, (rows, columns), values)
    return result


def _array(data: Any, kind: Any, shape: Any, order: str, budget: Budget) -> NDArray[Any]:
    if not isinstance(kind, _Kind):
        raise Refused("an array of an unknown type")
    if isinstance(data, list):
        raise Refused("an array of objects")
    raw = data.encode("latin-1") if isinstance(data, str) else data  # Python 2 had no bytes
    if not isinstance(raw, (bytes, bytearray)):
        raise ValueError("an array without data")
    dtype = kind.dtype()
    count = int(np.prod([int(n) for n in shape], dtype=object)) if len(shape) else 1
    if min(shape, default=0) < 0 or count * dtype.itemsize != len(raw) or dtype.itemsize == 0:
        raise ValueError(f"an array of {list(shape)} {dtype} in {len(raw)} bytes")
    budget.spend(len(raw))
    array = np.frombuffer(bytes(raw), dtype)
    if dtype.kind == "b":
        array = array.view(np.uint8) != 0
    if dtype.kind == "U" and array.size and array.view(f"{dtype.str[0]}u4").max() > _MAX_POINT:
        raise ValueError("text of no characters")
    return array.reshape(tuple(int(n) for n in shape), order=order)  # type: ignore[call-overload]


def _new_dtype(arguments: tuple[Any, ...], budget: Budget) -> _Kind:
    code = arguments[0]
    if not isinstance(code, str) or not _KINDS.fullmatch(code.lstrip("<>|=")):
        raise Refused("an array of objects" if str(code).startswith("O") else f"the type {str(code)[:40]!r}")
    return _Kind(code.lstrip("<>|=").replace("?", "b1"), code[0] if code[0] in "<>" else "<")


def _new_array(arguments: tuple[Any, ...], budget: Budget) -> _Array:
    if arguments[0] != Name("numpy.ndarray"):
        raise Refused("an array of another class")
    return _Array()


def _from_buffer(arguments: tuple[Any, ...], budget: Budget) -> _Array:
    data, kind, shape, order = arguments
    return _Array(_array(data, kind, shape, "F" if order == "F" else "C", budget))


def _scalar(arguments: tuple[Any, ...], budget: Budget) -> Any:
    return _array(arguments[1], arguments[0], (), "C", budget)[()]


def _reconstruct(arguments: tuple[Any, ...], budget: Budget) -> Any:
    """`copyreg._reconstructor(class, base, state)`, as protocols 0 and 1 make objects."""
    target, base, state = arguments
    if base != Name("builtins.object") or state is not None:
        raise Refused("an object of an unknown form")
    return call(target, (), budget)


def _mapping(arguments: tuple[Any, ...], budget: Budget) -> dict[Any, Any]:
    pairs = arguments[0] if arguments else []
    if not all(isinstance(key, (str, bytes, int, float)) for key, _ in pairs):
        raise Refused("keys of a dict that are neither numbers nor text")
    return dict(pairs)


def _set(arguments: tuple[Any, ...], budget: Budget) -> set[Any]:
    items = arguments[0] if arguments else []
    if not all(isinstance(item, (str, bytes, int, float, type(None))) for item in items):
        raise Refused("a set of other things than numbers and text")
    return set(items)


def _encode(arguments: tuple[Any, ...], budget: Budget) -> bytes:
    """`_codecs.encode(text, "latin1")`: how Python 3 writes bytes in Python 2's protocols."""
    text, encoding = arguments
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise Refused("an encoding other than Latin-1")
    budget.spend(len(text))
    return text.encode("latin-1")


def _bytes(arguments: tuple[Any, ...], budget: Budget) -> bytes:
    if arguments:
        raise Refused("bytes of an unknown form")
    return b""


_CALLS: dict[str, Any] = {
    "numpy.dtype": _new_dtype,
    "numpy.core.multiarray._reconstruct": _new_array,
    "numpy.core.multiarray.scalar": _scalar,
    "numpy.core.numeric._frombuffer": _from_buffer,
    "copyreg._reconstructor": _reconstruct,
    "collections.OrderedDict": _mapping,
    "builtins.dict": _mapping,
    "builtins.set": _set,
    "builtins.frozenset": _set,
    "builtins.bytes": _bytes,
    "_codecs.encode": _encode,
}
_BARE = {"numpy.ndarray", "builtins.object"}  # only ever arguments
