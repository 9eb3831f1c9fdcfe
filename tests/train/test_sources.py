import json
from dataclasses import replace

import numpy as np
import pytest

from opendensepose.data.coco import AnnotationFile, write_annotations
from opendensepose.io.files import InputError
from opendensepose.model.targets import DENSE, FILLED, SPARSE, UNKNOWN, UNLABELLED
from opendensepose.surface.parts import FINE_TO_COARSE
from opendensepose.train.sources import find_atlas, find_sources


def pair(people, row):
    """The same image by its dense truth and by its annotations."""
    dense = find_sources([str(people)])[row].read()
    sparse = find_sources([], [str(people / "annotations.json")])[row].read()
    return dense, sparse


@pytest.mark.parametrize("row", [0, 3, 7])
def test_rasters_of_annotations_are_those_of_the_dense_truth(people, row):
    dense, sparse = pair(people, row)
    assert np.array_equal(dense.image, sparse.image)
    assert ((dense.instance > 0) == (sparse.instance > 0)).mean() > 0.99
    both = (dense.instance > 0) & (sparse.instance > 0)
    assert (FINE_TO_COARSE[dense.chart][both] == sparse.coarse[both]).mean() > 0.97
    assert set(np.unique(sparse.chart)) == {0, UNKNOWN} and not sparse.uv.any()


@pytest.mark.parametrize("row", [0, 3, 7])
def test_points_lie_where_the_dense_truth_says(people, row):
    dense, sparse = pair(people, row)
    points = sparse.points
    assert len(points.chart) == 20 * len(sparse.people)
    x, y = np.floor(points.xy).astype(int).T
    assert np.array_equal(dense.chart[y, x], points.chart)
    assert np.abs(dense.uv[:, y, x].T / 255 - points.uv).max() < 0.003
    assert (sparse.instance[y, x] == points.instance).mean() > 0.97
    assert all(person.kind == SPARSE for person in sparse.people.values())
    assert all(person.kind == DENSE for person in dense.people.values())


def test_people_without_surface_points(people, tmp_path):
    """COCO annotates most people by an outline, some by a box only; crowds are nobody."""
    sample = next(s for s in AnnotationFile(people / "annotations.json") if len(s.people) == 2)
    one, two = sample.people
    bare = replace(two, points=None, parts=None, keypoints=None)
    crowd = replace(bare, id=99, iscrowd=True)
    path = tmp_path / "some.json"
    for other, inside in ((bare, two.mask(sample.size)), (replace(bare, segmentation=None), None)):
        write_annotations(path, [replace(sample, people=(one, other, crowd))])
        (source,) = find_sources([], [str(path)], str(people / "images"))
        picture = source.read()
        (number,) = (n for n, person in picture.people.items() if person.kind == UNLABELLED)
        mask = picture.instance == number
        if inside is None:
            x0, y0, x1, y1 = two.box.astype(int)
            assert mask.sum() == (x1 - x0) * (y1 - y0)
        else:
            assert np.array_equal(mask, inside)
        assert len(picture.points.chart) == 20 and len(source.boxes) == 1


def test_filled_folders_have_points_and_another_kind(people, tmp_path):
    for name in ("images", "dense"):
        (tmp_path / name).symlink_to(people / name)
    content = json.loads((people / "annotations.json").read_text())
    content["info"]["odp_filled"] = True
    (tmp_path / "annotations.json").write_text(json.dumps(content))
    picture = find_sources([str(tmp_path)])[0].read()
    assert all(person.kind == FILLED for person in picture.people.values())
    assert len(picture.points.chart) == 20 * len(picture.people)


@pytest.mark.parametrize(
    ("info", "atlas"),
    [({"odp_atlas": "smpl24"}, "smpl24"), ({"odp_seed": 1}, "odp24"), ({"description": "COCO"}, "smpl24")],
)
def test_the_atlas_of_a_file(tmp_path, info, atlas):
    path = tmp_path / "ann.json"
    write_annotations(path, [], head={"info": info})
    assert find_atlas([], [str(path)]) == atlas


def test_mixed_atlases_are_refused(people, tmp_path):
    write_annotations(tmp_path / "official.json", [], head={"info": {}})
    with pytest.raises(ValueError, match="expected labels of one atlas"):
        find_atlas([str(people)], [str(tmp_path / "official.json")])


def test_broken_files(people, tmp_path):
    with pytest.raises(FileNotFoundError):
        find_sources([], [str(tmp_path / "absent.json")])
    (tmp_path / "cut.json").write_text((people / "annotations.json").read_text()[:-40])
    with pytest.raises(InputError):
        find_sources([], [str(tmp_path / "cut.json")])
    sample = AnnotationFile(people / "annotations.json")[0]
    one = replace(sample.people[0], parts=({"size": [256, 256], "counts": "0"},) * 14)
    write_annotations(tmp_path / "bad.json", [replace(sample, people=(one,))])
    with pytest.raises(InputError, match="annotation 1: RLE"):
        find_sources([], [str(tmp_path / "bad.json")], str(people / "images"))[0].read()


def test_what_a_model_saw_is_read_beside_the_truth(people):
    path = people / "alarms.json"
    seen = [
        {"image_id": 1, "bbox": box, "score": 0.2, "uv_data": ""} for box in ([10, 5, 20, 30], [0, 0, 4.5, 4])
    ]
    path.write_text(json.dumps(seen))
    try:
        found = find_sources([str(people)])
        images = [sample.image_id for sample in AnnotationFile(people / "annotations.json")]
        assert found[images.index(1)].alarms.tolist() == [[10, 5, 30, 35], [0, 0, 4.5, 4]]
        assert all(not len(s.alarms) for s, image in zip(found, images, strict=True) if image != 1)
        for bad, text in (
            ([{**seen[0], "bbox": None}], r"alarms.json: entry 0: key 'bbox': expected .* got None"),
            ([{**seen[0], "bbox": [0, 0, float("nan"), 4]}], r"alarms.json: entry 0: key 'bbox': .* nan"),
            ([{"image_id": 1}], r"alarms.json: entry 0: key 'uv_data': expected .* got no such key"),
            ({}, r"alarms.json: expected a JSON list"),
        ):
            path.write_text(json.dumps(bad))
            with pytest.raises(InputError, match=text):
                find_sources([str(people)])
    finally:
        path.unlink()
