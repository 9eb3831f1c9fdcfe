import numpy as np
import pytest
import torch
from fake_people import write_people

from opendensepose.data.dense import read_dense
from opendensepose.train.config import TrainConfig
from opendensepose.train.dataset import Batches, loader, still_batches
from opendensepose.train.sources import find_sources


def config(folder, **options):
    given = {
        "data": (str(folder),),
        "out": "unused",
        "steps": 1,
        "batch_size": 3,
        "canvases": ((64, 96), (96, 64)),
    }
    return TrainConfig(**{**given, **options})


def same(a, b):
    tensors = lambda t: [*t.boxes, *t.instance, t.chart, t.uv, t.instances]  # noqa: E731
    pairs = zip([a.images, *tensors(a.truth)], [b.images, *tensors(b.truth)], strict=True)
    return all(x.shape == y.shape and torch.equal(x, y) for x, y in pairs)


def test_stored_pictures_are_read_back(people):
    entry = find_sources([str(people)])[0]
    chart, uv, instance = read_dense(people / "dense", "000")
    got = entry.read()
    assert np.array_equal(got.chart, chart) and np.array_equal(got.instance, instance)
    assert np.abs(got.uv / 255 - uv).max() <= 0.5 / 255 + 1e-4


def test_batches_depend_on_seed_and_step_only(people):
    entries = find_sources([str(people)])
    one, two = Batches(entries, config(people)), Batches(entries, config(people))
    later = [two[step] for step in (7, 2, 5)]
    assert same(one[2], later[1]) and same(one[7], later[0])
    assert not same(one[2], one[3])
    assert not same(one[2], Batches(entries, config(people, seed=1))[2])


def test_workers_change_nothing(people):
    batches = Batches(find_sources([str(people)]), config(people))
    for mine, theirs in zip(loader(batches, range(3), 0), loader(batches, range(3), 2), strict=True):
        assert same(mine, theirs)


def test_every_picture_once_per_epoch(people):
    entries = find_sources([str(people)])
    batches = Batches(entries, config(people))
    seen = [batches.source(i).image.name for i in range(24)]
    assert sorted(seen[:12]) == sorted(seen[12:]) == sorted(e.image.name for e in entries)
    assert seen[:12] != seen[12:]


def test_truth_fits_the_canvas(people):
    batch = Batches(find_sources([str(people)]), config(people))[0]
    assert batch.truth.chart.shape == batch.images[:, 0].shape
    for b, (boxes, numbers) in enumerate(zip(batch.truth.boxes, batch.truth.instance, strict=True)):
        for box, number in zip(boxes.tolist(), numbers.tolist(), strict=True):
            rows, columns = torch.nonzero(batch.truth.instances[b] == number, as_tuple=True)
            assert box == [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]


def test_still_batches_take_all(people):
    batches = still_batches(find_sources([str(people)]), (96, 128), 5)
    assert [len(b.images) for b in batches] == [5, 5, 2]
    assert torch.equal(batches[0].truth.chart[0], torch.from_numpy(read_dense(people / "dense", "000")[0]))


def test_missing_and_empty_folders(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"expected annotations\.json"):
        find_sources([str(tmp_path)])
    with pytest.raises(ValueError, match="expected images with annotated people"):
        find_sources([str(write_people(tmp_path / "none", 0))])


def test_boxes_of_nobody_show_nobody(people):
    entries = find_sources([str(people)])
    given = {"crops": True, "batch_size": 12, "canvases": ((160, 128),)}
    somebody, nobody = (Batches(entries, config(people, **given, nobody=share))[0] for share in (0.0, 1.0))
    assert all(len(numbers) == 1 for numbers in somebody.truth.instance)
    empty = [n for n, numbers in enumerate(nobody.truth.instance) if not len(numbers)]
    assert len(empty) > 6 and not nobody.truth.chart[empty].any()


def test_people_of_other_pictures_leave_half_of_a_person(people):
    entries = find_sources([str(people)])
    given = {"crops": True, "batch_size": 12, "canvases": ((160, 128),), "nobody": 0.0, "covered": 0.0}
    batches = [Batches(entries, config(people, **given, warped=0.0, pasted=share))[0] for share in (0.0, 1.0)]
    alone, beside = (batch.truth for batch in batches)
    before, after = ((truth.instances > 0).sum((1, 2)) for truth in (alone, beside))
    assert (after <= before).all() and (2 * after >= before).all()
    assert 0 < (after < before).sum() < 12  # some stand behind


def test_things_before_a_person_are_nobody_and_leave_half_of_them(people):
    entries = find_sources([str(people)])
    given = {"crops": True, "batch_size": 12, "canvases": ((160, 128),), "nobody": 0.0, "pasted": 0.0}
    batches = [
        Batches(entries, config(people, **given, warped=0.0, covered=share))[0] for share in (0.0, 1.0)
    ]
    alone, covered = (batch.truth for batch in batches)
    before, after = (truth.instances > 0 for truth in (alone, covered))
    assert not (after & ~before).any() and not covered.chart[~after].any()
    assert (covered.chart == alone.chart)[after].all()
    assert (2 * after.sum((1, 2)) >= before.sum((1, 2))).all() and (after < before).any((1, 2)).sum() > 8


def test_prints_loose_boxes_and_other_shapes_are_asked_for(people):
    entries = find_sources([str(people)])
    given = {"crops": True, "batch_size": 12, "canvases": ((160, 128),), "nobody": 0.0, "pasted": 0.0}
    plain, prints, loose, bent = (
        Batches(entries, config(people, **given, covered=0.0, printed=share, loose=off, warped=much))[0]
        for share, off, much in ((0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1))
    )
    assert torch.equal(plain.truth.chart, prints.truth.chart)
    assert (plain.images != prints.images).flatten(1).any(1).sum() > 3
    assert not torch.equal(plain.truth.chart, loose.truth.chart)
    assert not torch.equal(plain.truth.chart, bent.truth.chart)
    first, second = ((batch.truth.instances > 0).sum((1, 2)) for batch in (plain, bent))
    assert (first != second).sum() > 6 and ((first - second).abs() < 0.5 * first).all()


@pytest.mark.parametrize("crops", [True, False])
def test_blended_clothes_are_asked_for(people, crops):
    entries = find_sources([str(people)])
    given = {"crops": crops, "batch_size": 12, "canvases": ((160, 128),), "nobody": 0.0, "printed": 0.0}
    given |= {"pasted": 0.0, "covered": 0.0, "warped": 0.0, "shapes": 0.0}
    plain, blended = (Batches(entries, config(people, **given, blended=share))[0] for share in (0, 1))
    assert torch.equal(plain.truth.chart, blended.truth.chart)
    assert (plain.images != blended.images).flatten(1).any(1).sum() > 3


@pytest.mark.parametrize("crops", [True, False])
def test_backgrounds_out_of_focus_are_asked_for(people, crops):
    entries = find_sources([str(people)])
    given = {"crops": crops, "batch_size": 12, "canvases": ((160, 128),), "blended": 0.0, "nobody": 0.3}
    given |= {"mosaic": 0.0, "pasted": 0.0, "covered": 0.0, "warped": 0.0, "shapes": 0.0}
    plain, far = (Batches(entries, config(people, **given, defocused=share))[0] for share in (0.0, 1.0))
    assert torch.equal(plain.truth.chart, far.truth.chart)
    assert (plain.images != far.images).flatten(1).any(1).all()  # those of nobody too


def test_shapes_are_in_crops_of_nobody_only(people):
    entries = find_sources([str(people)])
    given = {"crops": True, "batch_size": 24, "canvases": ((160, 128),), "nobody": 0.5}
    without, shapes = (Batches(entries, config(people, **given, shapes=share))[0] for share in (0.0, 1.0))
    somebody = torch.tensor([len(numbers) > 0 for numbers in without.truth.instance])
    assert 6 < somebody.sum() < 24
    assert torch.equal(without.truth.instances, shapes.truth.instances)
    same_image = (without.images == shapes.images).flatten(1).all(1)
    assert torch.equal(same_image, somebody)


def test_shapes_on_whole_pictures_hide_people_and_are_nobody(people):
    entries = find_sources([str(people)])
    given = {"batch_size": 24, "canvases": ((160, 128),), "mosaic": 0.0, "blended": 0.0}
    without, shapes = (Batches(entries, config(people, **given, shapes=share))[0] for share in (0.0, 1.0))
    before, after = (batch.truth.instances > 0 for batch in (without, shapes))
    assert (before & ~after).flatten(1).any(1).sum() > 6 and not (after & ~before).any()
    assert torch.equal(shapes.truth.chart, without.truth.chart * after)
    assert (without.images != shapes.images).flatten(1).any(1).sum() > 18
