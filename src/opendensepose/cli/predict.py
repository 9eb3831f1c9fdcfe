"""`densepose predict`: people on the surface of the body, in photos, folders, videos and annotated sets."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import click
from tqdm import tqdm

from opendensepose.cli.common import FAILURES, JsonCommand, json_option, one_line, write_summary
from opendensepose.data.boxes import GivenBoxes
from opendensepose.data.coco import read_annotations
from opendensepose.io.files import expand_inputs
from opendensepose.runtime.jobs import predict_dataset, predict_image, predict_video
from opendensepose.runtime.predictor import Predictor, load
from opendensepose.viz.overlay import STYLES


@click.command(cls=JsonCommand)
@click.argument("inputs", nargs=-1)
@click.option("--out", metavar="DIR", default="results", show_default=True, help="Folder for the results.")
@click.option(
    "--style", type=click.Choice(list(STYLES)), default="parts", show_default=True, help="Of overlays."
)
@click.option(
    "--threshold", type=click.FloatRange(0, 1), help="Least score of a person; default: the model's."
)
@click.option(
    "--boxes", metavar="FILE", help="Boxes (JSON) instead of the detector; `gt` with --annotations."
)
@click.option(
    "--model", default="small", show_default=True, help="Name of a packaged model, or a model file."
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu or cuda:0.")
@click.option(
    "--precision",
    type=click.Choice(["exact", "fast"]),
    default="exact",
    show_default=True,
    help="fast: bfloat16 on the CPU, with slightly other numbers; needs [fast].",
)
@click.option(
    "--stride", type=click.IntRange(1), default=1, show_default=True, help="Every k-th frame of videos."
)
@click.option("--annotations", metavar="FILE", help="Predict the images of this annotation file ...")
@click.option("--images", metavar="DIR", help="... which are in this folder ...")
@click.option("--results", metavar="FILE", help="... into this one results file.")
@click.option("--quiet", is_flag=True, help="Print failures only.")
@json_option
def predict(
    inputs: tuple[str, ...], model: str, device: str, precision: str, json_file: str | None, **options: Any
) -> None:
    """Map people in photos, folders, globs, videos or `-` (standard input) to the surface of the body.

    Writes STEM.json, STEM_iuv.png, STEM.npz and STEM_overlay.jpg for each photo, STEM_overlay.mp4 and
    STEM.json for each video. Ends with 1 if an input failed; the others are done.

    Boxes are JSON in one of three forms: [[x1, y1, x2, y2], ...] for every input,
    {"photo.jpg": [[...], ...]}, or COCO annotations.
    """
    as_set = [options[name] is not None for name in ("annotations", "images", "results")]
    if any(as_set) and not (all(as_set) and not inputs):
        raise click.UsageError("--annotations, --images and --results: expected all three and no INPUTS")
    if not inputs and not any(as_set):
        raise click.UsageError("expected photos, folders, globs, videos or '-', got no INPUTS")
    predictor = load(model, device=device, precision=precision)
    # with the summary on standard output, the lines for people go to standard error
    say = partial(_say, file=sys.stderr if json_file == "-" else sys.stdout, quiet=options["quiet"])
    summary: dict[str, Any] = {"model": predictor.meta["name"], "device": predictor.device}
    failed: dict[str, str] = {}
    work = _predict_set if any(as_set) else _predict_files
    summary |= work(predictor, say, failed, inputs=inputs, **options)
    write_summary({**summary, "failed": failed}, json_file)
    if failed:
        lines = [f"{len(failed)} failed:", *(f"  {text}" for text in failed.values())]
        click.echo("\n".join(lines), err=True)
        sys.exit(1)


def _predict_files(
    predictor: Predictor, say: Callable[[str], None], failed: dict[str, str], **options: Any
) -> dict[str, Any]:
    given = GivenBoxes(options["boxes"]) if options["boxes"] else None
    common = {key: options[key] for key in ("threshold", "style")}
    watch = partial(_bar, quiet=options["quiet"], unit="frame", leave=False)
    done = []
    for source in _bar(expand_inputs(options["inputs"]), quiet=options["quiet"], unit="file"):
        try:
            common["boxes"] = given.of(str(source)) if given else None
            if source.is_video:
                stride = options["stride"]
                report = predict_video(
                    predictor, source, Path(options["out"]), stride=stride, watch=watch, **common
                )
            else:
                report = predict_image(predictor, source, Path(options["out"]), **common)
        except Exception as error:  # whatever one input does, the others are done
            failed[str(source)] = _with_name(source, error)
            continue
        if report.problem:
            failed[str(source)] = report.problem
        people = f"{report.people} {'person' if report.people == 1 else 'people'}"
        frames = "" if report.frames is None else f" in {report.frames} frames"
        say(f"{source}: {people}{frames}, {report.seconds:.2f} s")
        done.append(report.summary())
    return {"inputs": done}


def _predict_set(
    predictor: Predictor, say: Callable[[str], None], failed: dict[str, str], **options: Any
) -> dict[str, Any]:
    boxes = options["boxes"]
    if boxes not in (None, "gt"):
        raise click.UsageError(f"--boxes with --annotations: expected gt, got {boxes!r}")
    if not Path(options["images"]).is_dir():
        raise NotADirectoryError(f"{options['images']}: expected the folder of the images, got no folder")
    samples = read_annotations(options["annotations"])
    people = predict_dataset(
        predictor,
        _bar(samples, quiet=options["quiet"], unit="image"),
        options["images"],
        options["results"],
        given_boxes=boxes == "gt",
        threshold=options["threshold"],
        on_failure=lambda name, error: failed.update({name: _with_name(name, error)}),
    )
    say(f"{options['results']}: {people} people in {len(samples) - len(failed)} images")
    return {"results": options["results"], "people": people, "images": len(samples) - len(failed)}


def _with_name(source: object, error: Exception) -> str:
    """One line that names the input, and the kind of an error that nobody wrote for users."""
    text = one_line(error) if isinstance(error, FAILURES) else f"{type(error).__name__}: {one_line(error)}"
    return text if str(source) in text else f"{source}: {text}"


def _bar(items: Iterable[Any], *, quiet: bool, **options: Any) -> Iterable[Any]:
    """The items behind a progress bar, on a terminal only."""
    total = getattr(items, "frames", None)  # a VideoReader's
    return tqdm(items, total=total, disable=True if quiet else None, **options)


def _say(text: str, file: Any, quiet: bool) -> None:
    if not quiet:
        tqdm.write(text, file=file)  # above the bar
