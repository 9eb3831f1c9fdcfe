"""Files opened lazily: every key, the same after writing, the index in the cache."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from annotation_files import coco_file, disc, posetrack_file
from benchmarks.annotations import write_file
from opendensepose.data import coco
from opendensepose.data.coco import AnnotationFile, read_annotations, write_annotations
from opendensepose.data.scan import scan

POINTS = 100  # of each person of a large file


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OPENDENSEPOSE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "annotations"


def by_id(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(entries, key=lambda entry: entry["id"])


@pytest.mark.parametrize("make", [coco_file, posetrack_file])
def test_what_is_written_is_what_was_read(tmp_path: Path, make: Any) -> None:
    """Every key of every entry, every digit of every number, and the rest of the file."""
    content = make(tmp_path / "a.json")
    file = AnnotationFile(tmp_path / "a.json")
    write_annotations(tmp_path / "b.json", file, head=file.head)
    back = json.loads((tmp_path / "b.json").read_text())
    assert back["images"] == content["images"]
    assert by_id(back["annotations"]) == by_id(content["annotations"])
    assert back | {"images": 0, "annotations": 0} == content | {"images": 0, "annotations": 0}
    again = AnnotationFile(tmp_path / "b.json")
    write_annotations(tmp_path / "c.json", again, head=again.head)
    assert (tmp_path / "c.json").read_bytes() == (tmp_path / "b.json").read_bytes()


def test_only_what_changed_is_written_anew(tmp_path: Path) -> None:
    content = coco_file(tmp_path / "a.json")
    file = AnnotationFile(tmp_path / "a.json")
    sample = file.of_image(3)
    moved = replace(sample.people[0], box=np.array([1.0, 2, 30, 40]), track_id=4)
    write_annotations(tmp_path / "b.json", [replace(sample, people=(moved,))])
    entry = json.loads((tmp_path / "b.json").read_text())["annotations"][0]
    was = content["annotations"][0]
    assert entry == was | {"bbox": [1, 2, 29, 38], "track_id": 4}


def test_coco(tmp_path: Path) -> None:
    coco_file(tmp_path / "a.json")
    file = AnnotationFile(tmp_path / "a.json")
    assert (len(file), file.people) == (3, 7)
    first, second, third = file
    assert second.file_name == "ünder/COCO_val2014_3.jpg" and third.people == ()
    assert [p.id for p in first.people] == [2, 5] and first.others[0]["category_id"] == 18
    assert [p.id for p in second.people] == [1, 6, 8, 10]
    crowd = disc((120, 100), 50, 60, 30)
    for person in (first.people[1], second.people[1]):  # a list of runs, a compressed string
        assert person.iscrowd and np.array_equal(person.mask((120, 100)), crowd)
    bare, empty = second.people[2:]
    assert bare.points is None and bare.parts is None and bare.mask((120, 100)) is None
    assert empty.points is not None and len(empty.points.chart) == 0
    with pytest.raises(ValueError, match=r"segmentation: expected a mask of \(5, 5\), got \(120, 100\)"):
        second.people[1].mask((5, 5))
    assert [s.image_id for s in file[1:]] == [3, 9] and file[-1].image_id == 9
    with pytest.raises(IndexError):
        file[3]


def test_posetrack(tmp_path: Path) -> None:
    posetrack_file(tmp_path / "a.json")
    samples = read_annotations(tmp_path / "a.json")
    assert {s.video for s in samples} == {"000034"} and all(s.size is None for s in samples)
    assert [s.frame for s in samples] == [10000340000 + k for k in range(6)]
    assert [s.labelled for s in samples] == [True, False] * 3
    assert [[p.track_id for p in s.people] for s in samples[:2]] == [[0, 1], []]
    assert samples[0].ignored[0].tolist() == [[1, 1], [9, 1], [9, 8], [1, 8]]
    flat = replace(samples[0], extra={"ignore_regions_x": [1, 2, 3], "ignore_regions_y": [4, 5, 6]})
    assert flat.ignored[0].tolist() == [[1, 4], [2, 5], [3, 6]]
    broken = replace(samples[0], extra={"ignore_regions_x": [[1, 2, 3]], "ignore_regions_y": [[4, 5]]})
    with pytest.raises(ValueError, match="ignore_regions_x/y: expected lists of equal form"):
        _ = broken.ignored


def test_large_files_leave_an_index(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coco, "SMALL", 0)
    path = tmp_path / "a.json"
    coco_file(path)
    first = AnnotationFile(path)
    (index,) = cache.iterdir()
    monkeypatch.setattr(coco, "scan", None)  # the second opening must not walk through the file
    second = AnnotationFile(path)
    for a, b in zip(first, second, strict=True):
        assert (a.image_id, a.file_name, [p.source for p in a.people]) == (
            *(b.image_id, b.file_name, [p.source for p in b.people]),
        )
    assert first.head == second.head
    monkeypatch.undo()
    monkeypatch.setenv("OPENDENSEPOSE_CACHE", str(cache.parent))
    monkeypatch.setattr(coco, "SMALL", 0)
    path.write_bytes(path.read_bytes().replace(b'"id": 9,', b'"id": 8,'))  # as large, another content
    assert AnnotationFile(path)[2].image_id == 8
    index.write_bytes(b"broken")
    coco_file(path)
    assert AnnotationFile(path)[2].image_id == 9


def test_without_a_place_for_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coco, "SMALL", 0)
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("OPENDENSEPOSE_CACHE", str(tmp_path / "file"))
    coco_file(tmp_path / "a.json")
    assert len(AnnotationFile(tmp_path / "a.json")) == 3


@pytest.mark.parametrize("chunk", [1, 7, 1000])
def test_pieces_of_any_size_give_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    """A number, a name or a text may be cut anywhere."""
    monkeypatch.setattr("opendensepose.io.jsonstream._WINDOW", chunk)
    path = tmp_path / "a.json"
    path.write_bytes(
        b'\xef\xbb\xbf {"images" : [ {"id":12345,"x":"\xc3\xbc\\u00e4"} , {"id":-1.5e3} ],\n'
        b'"n": 123 ,"annotations":[],"s":"a\\"b"}  \n'
    )
    found = list(scan(path))
    assert [(f.key, f.value) for f in found] == [
        *(("images", {"id": 12345, "x": "üä"}), ("images", {"id": -1500.0}), ("n", 123), ("s", 'a"b')),
    ]
    raw = path.read_bytes()
    assert json.loads(raw[found[0].start : found[0].end]) == found[0].value


@pytest.mark.parametrize(
    "text, message",
    [
        ('{"images":[],"annotations":[]', "at byte 29: .*the end of the file"),
        ('{"images":[],"annotations":[{"image_id":1}', "the end of the file"),
        ('{"images":[],"annotations":[{"id":1,}]}', "broken JSON"),
        ('{"images":[],"annotations":[]} x', "expected the end of the file, got 'x'"),
        ('{"images":[],"images":[],"annotations":[]}', "the key 'images' twice"),
        ('{"images":[1],"annotations":[]}', "key 'images': expected a list of objects, got 1 in it"),
        ('{"images":{},"annotations":[]}', "key 'images': expected a list, got '{}"),
        (
            '{"images":[]}',
            "expected an object with the keys 'images' and 'annotations', got an object with keys",
        ),
        ("[1]", r"expected an object with the keys 'images' and 'annotations', got '\[1\]'"),
        ("", "expected an object with the keys"),
        ("\x00\x01", "expected an object with the keys"),
        ('{"images":' + "[" * 100_000, "."),
        ('{"images":[{"id":' + "9" * 5000 + '}],"annotations":[]}', "a number too long"),
        ('{"images":[{"id":1},{"id":1}],"annotations":[]}', "image 1: expected an id of its own"),
        ('{"images":[{"id":true}],"annotations":[]}', "image number 0: key 'id': expected int, got True"),
        ('{"images":[{"id":1e3}],"annotations":[]}', "key 'id': expected int, got 1000.0"),
    ],
)
def test_broken_files(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "broken.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"broken\.json: .*" + message) as caught:
        AnnotationFile(path)
    assert len(str(caught.value).splitlines()) == 1


def test_text_that_is_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "broken.json"
    path.write_bytes(b'{"images":[{"id":1,"file_name":"\xff"}],"annotations":[]}')
    with pytest.raises(ValueError, match="text that is not UTF-8"):
        AnnotationFile(path)


READ = """
import resource, sys, time
from opendensepose.data.coco import AnnotationFile
start = time.perf_counter()
file = AnnotationFile(sys.argv[1])
seconds = time.perf_counter() - start
assert len(file) == int(sys.argv[2]) // 2 and len(file[-1].people) == 2
print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def opened(path: Path, people: int) -> tuple[float, float]:
    """Seconds and megabytes of opening a file in a process of its own."""
    out = subprocess.run(
        [sys.executable, "-c", READ, str(path), str(people)], capture_output=True, text=True, check=True
    )
    seconds, megabytes = map(float, out.stdout.split())
    return seconds, megabytes


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    write_file(tmp_path / "a.json", 400, POINTS)
    write_file(tmp_path / "b.json", 4000, POINTS)  # some 30 MB more
    (_, small), (_, large) = opened(tmp_path / "a.json", 400), opened(tmp_path / "b.json", 4000)
    assert large - small < 35


@pytest.mark.slow
def test_fifty_thousand_people(tmp_path: Path) -> None:
    """At full size: memory below 1 GB when the index is made, below 300 MB when it is there."""
    write_file(tmp_path / "a.json", 50_000, POINTS)
    (_, first), (_, later) = opened(tmp_path / "a.json", 50_000), opened(tmp_path / "a.json", 50_000)
    assert first < 1000 and later < 300
    assert len(list((tmp_path / "cache" / "annotations").iterdir())) == 1
