from pathlib import Path

import pytest

from opendensepose.io.files import Input, atomic, expand_inputs


def touch(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def stems(inputs: list[Input]) -> dict[str, str]:
    """File name -> stem."""
    return {"-" if i.path is None else i.path.name: i.stem for i in inputs}


def test_atomic_replaces_only_after_success(tmp_path: Path) -> None:
    target = tmp_path / "new" / "file.txt"
    with atomic(target) as temporary:
        assert temporary.suffix == ".txt"
        temporary.write_text("one")
        assert not target.exists()
    with pytest.raises(KeyboardInterrupt), atomic(target) as temporary:
        temporary.write_text("half")
        raise KeyboardInterrupt
    assert target.read_text() == "one"
    assert list(target.parent.iterdir()) == [target]


def test_folder_keeps_subfolders_and_skips_other_files(tmp_path: Path) -> None:
    touch(
        tmp_path, "b.png", "a.JPG", "sub/c.webp", "sub/deep/v.MP4", "notes.txt", ".hidden.jpg", ".git/d.jpg"
    )
    inputs = expand_inputs([tmp_path])
    assert [i.stem for i in inputs] == ["a", "b", "sub/c", "sub/deep/v"]
    assert [i.is_video for i in inputs] == [False, False, False, True]


def test_glob_keeps_subfolders_below_its_fixed_part(tmp_path: Path) -> None:
    touch(tmp_path, "x/a.jpg", "x/y/a.jpg", "x/b.txt")
    inputs = expand_inputs([str(tmp_path / "**" / "*.jpg")])
    assert [i.stem for i in inputs] == ["x/a", "x/y/a"]
    assert [i.stem for i in expand_inputs([str(tmp_path / "*")])] == ["x/a", "x/y/a"]  # as the shell would do


def test_a_file_name_that_looks_like_a_pattern_is_a_file(tmp_path: Path) -> None:
    touch(tmp_path, "a[1].jpg", "a1.jpg")
    assert stems(expand_inputs([tmp_path / "a[1].jpg"])) == {"a[1].jpg": "a[1]"}


def test_each_file_once(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "b.jpg")
    inputs = expand_inputs([tmp_path / "a.jpg", tmp_path, str(tmp_path / "*.jpg"), tmp_path / "." / "b.jpg"])
    assert [i.stem for i in inputs] == ["a", "b"]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["a.jpg", "a.png", "b.jpg"], ["a_jpg", "a_png", "b"]),
        (["A.jpg", "a.png"], ["A_jpg", "a_png"]),  # one file on systems without letter case
        (["a.jpg", "x/a.jpg"], ["a_jpg", "a_jpg-2"]),  # given as files: no folder in the stem
        (["a.jpg", "a.png", "a_jpg.gif"], ["a_jpg-2", "a_png", "a_jpg"]),  # a stem that stands is not taken
        (["a.jpg", "x/a.jpg", "y/a.jpg", "a_jpg-2.png"], ["a_jpg", "a_jpg-3", "a_jpg-4", "a_jpg-2"]),
        (["a.tar.jpg", "a.jpg"], ["a.tar", "a"]),
    ],
)
def test_equal_stems_never_meet(tmp_path: Path, names: list[str], expected: list[str]) -> None:
    touch(tmp_path, *names)
    assert [i.stem for i in expand_inputs([tmp_path / name for name in names])] == expected


def test_what_is_not_found_stays_in_the_list(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    arguments = [str(tmp_path / "nope.jpg"), str(tmp_path / "no*.png"), str(tmp_path / "empty")]
    inputs = expand_inputs(arguments)
    assert [str(i) for i in inputs] == arguments


def test_standard_input() -> None:
    (entry,) = expand_inputs(["-", "-"])
    assert (entry.path, entry.stem, str(entry), entry.is_video) == (None, "stdin", "-", False)
