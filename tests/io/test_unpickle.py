"""Pickles without their danger: what plain ones hold, and that no attack gets through."""

from __future__ import annotations

import collections
import datetime
import os
import pickle
import random
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from opendensepose.io.files import InputError
from opendensepose.io.unpickle import Standin, as_array, load_pickle

PLAIN: dict[str, Any] = {
    "numbers": [1, -(2**31), 2**80, 2.5, float("inf"), True, None],
    "text": ["", "naïve", "中", "a'b\"\n"],
    "bytes": b"\x00\xff",
    "nested": ({"a": [(), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)]}, {1: "one"}),
    "ordered": collections.OrderedDict(b=1, a=[2]),
    "set": {1, 2, "three"},
}
ARRAYS = {
    "c order": np.arange(6.0).reshape(2, 3),
    "fortran order, big-endian": np.asfortranarray(np.arange(6, dtype=">i4").reshape(2, 3)),
    "truth": np.array([True, False]),
    "text": np.array(["ab", "中"]),
    "byte strings": np.array([b"ab", b"c"]),
    "empty": np.zeros((0, 3), np.float32),
    "one number": np.array(3, np.uint16),
    "half": np.float16(0.5) * np.ones(3, np.float16),
}


def dumped(path: Path, value: Any, protocol: int) -> Path:
    path.write_bytes(pickle.dumps(value, protocol=protocol))
    return path


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_plain_values_and_arrays(tmp_path: Path, protocol: int) -> None:
    got = load_pickle(dumped(tmp_path / "a.pkl", PLAIN | {"scalar": np.float32(1.5)}, protocol))
    assert got == PLAIN | {"scalar": np.float32(1.5)}
    assert type(got["scalar"]) is np.float32 and list(got["ordered"]) == ["b", "a"]
    arrays = load_pickle(dumped(tmp_path / "b.pkl", ARRAYS, protocol))
    for name, array in ARRAYS.items():
        assert arrays[name].dtype == array.dtype and arrays[name].shape == array.shape, name
        assert np.array_equal(arrays[name], array), name


def test_a_list_that_holds_itself(tmp_path: Path) -> None:
    own: list[Any] = [np.arange(2)]
    own.append(own)
    got = load_pickle(dumped(tmp_path / "a.pkl", own, 2))
    assert got[1] is got and got[0].tolist() == [0, 1]


def test_text_of_python_2(tmp_path: Path) -> None:
    """Python 2's byte strings, among them the data of arrays, come as instructions S, T and U."""
    path = tmp_path / "two.pkl"
    path.write_bytes(b"(dp0\nS'caf\\xe9'\np1\nU\x02\xe9!sT\x01\x00\x00\x00kI7\ns.")
    assert load_pickle(path) == {"café": "é!", "k": 7}
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR(I1\n(I2\ntcnumpy\ndtype\n"
        b"(S'f4'\nI0\nI1\ntR(I3\nS'<'\nNNNI-1\nI-1\nI0\ntbI00\nS'\\x00\\x00\\x80?\\x00\\x00\\x00@'\ntb."
    )
    path.write_bytes(array)
    assert load_pickle(path).tolist() == [1.0, 2.0]


@pytest.fixture
def chumpy(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """A module of that name whose objects pickle as chumpy's do: their attributes, by name of the class."""
    module = types.ModuleType("chumpy.ch")
    module.Ch = type("Ch", (), {"__module__": "chumpy.ch"})  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "chumpy", types.ModuleType("chumpy"))
    monkeypatch.setitem(sys.modules, "chumpy.ch", module)
    return module


@pytest.mark.parametrize("protocol", range(5))
def test_chumpy_objects_stay_inert(tmp_path: Path, chumpy: types.ModuleType, protocol: int) -> None:
    inner, outer = chumpy.Ch(), chumpy.Ch()
    inner.x, inner._dirty_vars = np.arange(6.0).reshape(2, 3), {"x"}
    outer.a, outer.idxs, outer.preferred_shape = inner, np.array([5, 0, 1, 2]), (2, 2)
    path = dumped(tmp_path / "a.pkl", {"shapedirs": inner, "chosen": outer}, protocol)
    del sys.modules["chumpy.ch"]
    got = load_pickle(path)
    assert isinstance(got["shapedirs"], Standin) and got["shapedirs"].name == "chumpy.ch.Ch"
    assert np.array_equal(as_array(got["shapedirs"]), inner.x)
    assert as_array(got["chosen"]).tolist() == [[5, 0], [1, 2]]
    assert "chumpy.ch" not in sys.modules


@pytest.mark.parametrize("form", ["csc", "csr", "coo"])
def test_sparse_matrices(tmp_path: Path, form: str) -> None:
    sparse = pytest.importorskip("scipy.sparse")
    matrix = sparse.random(7, 5, 0.4, random_state=0).asformat(form)
    for protocol in (0, 2, 4):
        got = load_pickle(dumped(tmp_path / "a.pkl", {"J_regressor": matrix}, protocol))["J_regressor"]
        assert np.array_equal(as_array(got), matrix.toarray())


@pytest.mark.parametrize(
    "state",
    [
        {"_shape": (2, 2), "data": np.ones(1), "indices": np.array([5]), "indptr": np.array([0, 1, 1])},
        {"_shape": (2, 2), "data": np.ones(1), "indices": np.array([-1]), "indptr": np.array([0, 1, 1])},
        {"_shape": (10**6, 10**6), "data": np.ones(0), "indices": np.ones(0), "indptr": np.zeros(1)},
        {"_shape": (2, 2), "data": np.ones(1)},
        {},
        None,
    ],
)
def test_broken_sparse_matrices(state: Any) -> None:
    with pytest.raises(ValueError, match="expected"):
        as_array(Standin("scipy.sparse.csc.csc_matrix", (), state))


class Attack:
    """Pickles as a call of anything."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


def witness(path: str) -> None:
    Path(path).write_text("executed")


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_no_code_runs(tmp_path: Path, protocol: int) -> None:
    mark = tmp_path / "executed"
    calls = [
        Attack(os.system, f"touch {mark}"),
        Attack(eval, f"open({str(mark)!r}, 'w')"),
        Attack(__import__, "os"),
        Attack(np.load, str(mark)),
        Attack(np.memmap, str(mark), "u1", "w+", 0, (4,)),
        Attack(open, str(mark), "w"),
    ]
    for number, attack in enumerate(calls):
        for value in (attack, {"a": [attack]}, [np.arange(3), attack]):
            with pytest.raises(InputError, match=r"a\.pkl: expected only arrays and plain containers, got"):
                load_pickle(dumped(tmp_path / "a.pkl", value, protocol))
        assert not mark.exists(), number


@pytest.mark.parametrize(
    "content, message",
    [
        (b"cos\nsystem\n(S'true'\ntR.", "the name os.system"),
        (b"cos\nsystem\n.", "the name os.system"),
        (b"cnumpy\nndarray\n.", "numpy.ndarray as a value"),
        (b"cnumpy\nndarray\n(I9\ntR.", "a call of numpy.ndarray"),
        (b"(ios\nsystem\n.", "the name os.system"),
        (b"ctorch._utils\n_rebuild_tensor_v2\n.", "torch's files are read otherwise"),
        (b"S'x'\nP1\n.", "PERSID"),
        (b"\x80\x02\x82\x01.", "EXT1"),
        (b"\x80\x05]\x97.", "NEXT_BUFFER"),
        (b"((lI1\nd.", "a list as a key"),
        (b"I1\n}b.", "a state of a int"),
        (b"}I1\na.", "entries of something that is no list"),
        (b"c__builtin__\nobject\n)R.", "a call of builtins.object"),
    ],
)
def test_refusals_say_why(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "a.pkl"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message.replace("(", r"\(")):
        load_pickle(path)


@pytest.mark.parametrize(
    "value",
    [
        np.array([{}, None], object),
        np.zeros(2, [("a", "f4")]),
        np.datetime64("2020-01-01"),
        datetime.date(2020, 1, 1),
        types.SimpleNamespace(a=1),
        (np.float64,),
    ],
)
def test_other_values_are_refused(tmp_path: Path, value: Any) -> None:
    for protocol in (0, 2, 5):
        with pytest.raises(InputError, match="expected only arrays and plain containers"):
            load_pickle(dumped(tmp_path / "a.pkl", value, protocol))


def test_a_small_file_does_not_fill_the_memory(tmp_path: Path) -> None:
    """Many arrays of the same bytes, and arrays that announce more than they bring."""
    data = b"x" * 10_000
    arrays = b"".join(
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR(I1\n(I10000\ntcnumpy\ndtype\n"
        b"(S'u1'\nI0\nI1\ntR(I3\nS'|'\nNNNI-1\nI-1\nI0\ntbI00\nh\x01tb"
        for _ in range(100)
    )
    path = tmp_path / "bomb.pkl"
    path.write_bytes(b"\x80\x02T\x10\x27\x00\x00" + data + b"q\x010(" + arrays + b"l.")
    with pytest.raises(InputError, match="more array data than the file can hold"):
        load_pickle(path)
    path.write_bytes(b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x0fabc.")  # announces 2^60 bytes
    with pytest.raises(InputError, match="expected a pickle file"):
        load_pickle(path)
    path.write_bytes(b"]" + b"\x85" * 200_000 + b".")
    with pytest.raises(InputError, match="nested too deeply"):
        load_pickle(path)


def test_broken_files(tmp_path: Path) -> None:
    path = tmp_path / "a.pkl"
    with pytest.raises(FileNotFoundError):
        load_pickle(path)
    for content in (b"", b"hello", b"\x89PNG\r\n", b"PK\x03\x04", b".", b"0.", b"t.", b"}", b"h\x07."):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"a\.pkl: expected"):
            load_pickle(path)


def test_damaged_files_give_a_message_or_a_value(tmp_path: Path) -> None:
    """Whatever happens to the bytes: plain values or InputError."""
    rng = random.Random(0)
    path = tmp_path / "a.pkl"
    originals = [pickle.dumps({**PLAIN, **ARRAYS}, protocol=p) for p in (0, 2, 4, 5)]
    refused = 0
    for number in range(400):
        content = bytearray(originals[number % 4])
        for _ in range(rng.randint(1, 4)):
            at = rng.randrange(len(content))
            if rng.random() < 0.5:
                content[at] = rng.randrange(256)
            else:
                del content[at : at + rng.randint(1, 9)]
        path.write_bytes(content)
        try:
            load_pickle(path)
        except InputError as error:
            refused += 1
            assert "\n" not in str(error)
    assert 50 < refused < 400
