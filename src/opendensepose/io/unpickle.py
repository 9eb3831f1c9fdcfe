"""Pickle files without their danger: only plain containers of numbers, text and NumPy arrays come out.

A pickle is a program for a small stack machine, and Python's own reader lets that program call anything.
Here `pickletools` takes the file apart and a machine of our own runs it: nothing named in the file is
imported or called, a short list of names has a meaning, and every other name is refused.
"""

from __future__ import annotations

import codecs
import mmap
import os
import pickletools
from pathlib import Path
from typing import Any

from opendensepose.io.files import InputError
from opendensepose.io.unpickle_names import Budget, Name, Refused, Standin, as_array, build, call, finish

__all__ = ["Standin", "as_array", "load_pickle"]

_PLAIN_KEYS = (str, bytes, int, float, type(None))
_MARK = object()
_NOT_A_PICKLE = (
    ValueError,
    IndexError,
    KeyError,
    OverflowError,
    UnicodeError,
    EOFError,
    TypeError,
    AttributeError,
)
_CONSTANTS: dict[str, Any] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_OPCODES = {opcode.code: opcode for opcode in pickletools.opcodes}
_EMPTY = {"EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple, "EMPTY_SET": set}
# fmt: off
_LITERALS = {"INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT", "STRING",
             "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8",
             "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"}
# fmt: on


def load_pickle(path: str | os.PathLike[str]) -> Any:
    """What a pickle file holds, as plain containers of numbers, text and NumPy arrays.

    dict (also of an OrderedDict), list, tuple, set, str, bytes, numbers, None, NumPy scalars, and arrays of
    numbers, truth values or text, which are read-only views. Text of Python 2 is read as Latin-1. Objects of
    chumpy and sparse matrices of SciPy come as `Standin`s, which `as_array` turns into arrays.
    Raises FileNotFoundError, or InputError for anything else: functions, other classes, arrays of objects,
    torch's tensors, a broken file. Nothing in the file is ever executed.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: expected a pickle file, got no such file")
    if path.stat().st_size == 0:
        raise InputError(f"{path}: expected a pickle file, got an empty file")
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as view:
        try:
            return finish(_Machine(view).run())
        except Refused as error:
            raise InputError(f"{path}: expected only arrays and plain containers, got {error}") from None
        except RecursionError:
            raise InputError(f"{path}: expected a pickle file, got one that is nested too deeply") from None
        except _NOT_A_PICKLE as error:
            raise InputError(f"{path}: expected a pickle file, got a broken or other one ({error})") from None


class _Machine:
    """The stack machine of pickle, less everything that could call or import."""

    def __init__(self, file: mmap.mmap) -> None:
        self._file = file
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}
        self._budget = Budget(4 * len(file) + 1024)  # bytes of all arrays together

    def run(self) -> Any:
        while True:
            code = self._file.read(1).decode("latin-1")
            opcode = _OPCODES.get(code)
            if opcode is None:
                raise ValueError(f"no pickle instruction at byte {self._file.tell() - 1}")
            name = opcode.name
            if name == "STOP":
                return self._stack.pop()
            argument = self._argument(opcode)
            if name in _LITERALS:
                self._stack.append(argument)
            elif name in _EMPTY:
                self._stack.append(_EMPTY[name]())
            elif name in _CONSTANTS:
                self._stack.append(_CONSTANTS[name])
            elif name not in ("PROTO", "FRAME"):
                method = getattr(self, f"_do_{name.lower()}", None)
                if method is None:
                    raise Refused(f"the instruction {name}")
                method(argument)

    def _argument(self, opcode: pickletools.OpcodeInfo) -> Any:
        if opcode.name == "STRING":  # pickletools takes it for ASCII
            quoted = self._file.readline().strip()
            if len(quoted) < 2 or quoted[:1] not in (b"'", b'"') or quoted[-1:] != quoted[:1]:
                raise ValueError("a text without quotes")
            return codecs.escape_decode(quoted[1:-1])[0].decode("latin-1")
        return None if opcode.arg is None else opcode.arg.reader(self._file)  # type: ignore[arg-type]

    def _above_mark(self) -> list[Any]:
        """Take everything above the last mark, and the mark."""
        at = len(self._stack) - 1
        while self._stack[at] is not _MARK:
            at -= 1
            if at < 0:
                raise ValueError("no mark on the stack")
        items = self._stack[at + 1 :]
        del self._stack[at:]
        return items

    def _do_mark(self, _: None) -> None:
        self._stack.append(_MARK)

    def _do_pop(self, _: None) -> None:
        self._stack.pop()

    def _do_pop_mark(self, _: None) -> None:
        self._above_mark()

    def _do_dup(self, _: None) -> None:
        self._stack.append(self._stack[-1])

    def _do_put(self, number: int) -> None:
        self._memo[number] = self._stack[-1]

    _do_binput = _do_long_binput = _do_put

    def _do_memoize(self, _: None) -> None:
        self._memo[len(self._memo)] = self._stack[-1]

    def _do_get(self, number: int) -> None:
        self._stack.append(self._memo[number])

    _do_binget = _do_long_binget = _do_get

    def _do_tuple(self, _: None) -> None:
        self._stack.append(tuple(self._above_mark()))

    def _do_tuple1(self, _: None, count: int = 1) -> None:
        items = tuple(self._stack[-count:])
        del self._stack[-count:]
        self._stack.append(items)

    def _do_tuple2(self, _: None) -> None:
        self._do_tuple1(None, 2)

    def _do_tuple3(self, _: None) -> None:
        self._do_tuple1(None, 3)

    def _do_list(self, _: None) -> None:
        self._stack.append(self._above_mark())

    def _do_dict(self, _: None) -> None:
        items = self._above_mark()
        self._stack.append({})
        self._set(items)

    def _do_append(self, _: None) -> None:
        self._extend([self._stack.pop()])

    def _do_appends(self, _: None) -> None:
        self._extend(self._above_mark())

    def _extend(self, items: list[Any]) -> None:
        if not isinstance(self._stack[-1], list):
            raise Refused("entries of something that is no list")
        self._stack[-1].extend(items)

    def _do_additems(self, _: None) -> None:
        items = self._above_mark()
        if not isinstance(self._stack[-1], set) or not all(isinstance(i, _PLAIN_KEYS) for i in items):
            raise Refused("a set of other things than numbers and text")
        self._stack[-1].update(items)

    def _do_setitem(self, _: None) -> None:
        value, key = self._stack.pop(), self._stack.pop()
        self._set([key, value])

    def _do_setitems(self, _: None) -> None:
        self._set(self._above_mark())

    def _set(self, items: list[Any]) -> None:
        target = self._stack[-1]
        if not isinstance(target, dict) or len(items) % 2:
            raise Refused("keys of something that is no dict")
        for key, value in zip(items[::2], items[1::2], strict=True):
            if not isinstance(key, _PLAIN_KEYS):
                raise Refused(f"a {type(key).__name__} as a key")
            target[key] = value

    def _do_global(self, argument: str) -> None:
        self._stack.append(Name.of(*argument.split(" ", 1)))

    def _do_stack_global(self, _: None) -> None:
        name, module = self._stack.pop(), self._stack.pop()
        if not (isinstance(name, str) and isinstance(module, str)):
            raise ValueError("a name that is no text")
        self._stack.append(Name.of(module, name))

    def _do_reduce(self, _: None) -> None:
        arguments, target = self._stack.pop(), self._stack.pop()
        self._stack.append(call(target, arguments, self._budget))

    def _do_newobj(self, _: None) -> None:
        self._do_reduce(None)

    def _do_inst(self, argument: str) -> None:
        arguments = tuple(self._above_mark())
        self._stack.append(call(Name.of(*argument.split(" ", 1)), arguments, self._budget))

    def _do_obj(self, _: None) -> None:
        target, *arguments = self._above_mark()
        self._stack.append(call(target, tuple(arguments), self._budget))

    def _do_build(self, _: None) -> None:
        state = self._stack.pop()
        build(self._stack[-1], state, self._budget)
