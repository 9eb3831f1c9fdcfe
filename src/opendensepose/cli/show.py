"""`densepose show`: annotations on their images, on the 3D body, and as annotated video."""

from __future__ import annotations

from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from opendensepose.cli.common import JsonCommand, json_option, write_summary
from opendensepose.data.coco import AnnotationFile
from opendensepose.data.images import ImageFolder
from opendensepose.data.sample import Person
from opendensepose.io.files import atomic
from opendensepose.io.image import write_image
from opendensepose.surface.atlas import Atlas
from opendensepose.viz.body3d import Marked, body_page
from opendensepose.viz.sheet import choose, choose_grid, draw_choice, draw_grid

Told = tuple[str, dict[str, Any]]  # what is printed, and the summary


class GridSize(click.ParamType):
    """ROWSxCOLUMNS."""

    name = "RxC"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, tuple):
            return value
        rows, _, columns = str(value).lower().partition("x")
        if not (
            rows.isdecimal() and columns.isdecimal() and 1 <= int(rows) <= 50 and 1 <= int(columns) <= 50
        ):
            self.fail(f"expected rows x columns such as 4x4, got {value!r}", param, ctx)
        return int(rows), int(columns)


@click.command(cls=JsonCommand)
@click.argument("annotations")
@click.option("--images", metavar="DIR", help="Folder of the images, or root of the data set.")
@click.option("--id", "number", type=int, help="Of an annotation (a close view) or of an image.")
@click.option("--grid", type=GridSize(), help="People drawn at random, such as 4x4: image, U, V of each.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Other people.")
@click.option("--out", metavar="FILE", default="show.png", show_default=True, help="Picture to write.")
@click.option("--on-model", metavar="FILE.html", help="Instead: a page with the points on the 3D body.")
@click.option("--results", metavar="FILE", help="With --on-model: the error of these results too.")
@click.option("--atlas", metavar="DIR", help="With --on-model: the official surface, out of its files.")
@click.option("--video", metavar="FILE.mp4", help="Instead: PoseTrack's clips, coloured by track.")
@click.option("--vid", metavar="ID", help="With --video: only this video of the file.")
@click.option("--fps", type=click.FloatRange(1, 240), default=15, show_default=True, help="Of --video.")
@click.option("--quiet", is_flag=True, help="Print nothing.")
@json_option
def show(annotations: str, json_file: str | None, quiet: bool, **options: Any) -> None:
    """Draw ANNOTATIONS as the publication does: the image, its points coloured by U and by V, the parts.

    Without --images the images are looked for beside the annotation file and one folder above it.
    """
    for name in ("results", "atlas"):
        if options[name] and not options["on_model"]:
            raise click.UsageError(f"--{name}: expected with --on-model only")
    modes = [name for name in ("grid", "on_model", "video") if options[name]]
    if len(modes) > 1:
        raise click.UsageError(f"expected one of --grid, --on-model and --video, got {len(modes)} of them")
    file = AnnotationFile(annotations)
    folder = ImageFolder(options["images"], annotations)
    work = {"on_model": _on_model, "video": _video}.get(modes[0] if modes else "", _picture)
    text, summary = work(file, folder, quiet or json_file == "-", **options)
    if not quiet and json_file != "-":
        click.echo(text)
    write_summary(summary, json_file)


def _picture(file: AnnotationFile, folder: ImageFolder, quiet: bool, **options: Any) -> Told:
    out = options["out"]
    if options["grid"]:
        rows, columns = options["grid"]
        choices = choose_grid(file, rows * columns, options["seed"])
        picture = draw_grid(choices, folder, columns)
    else:
        choices = [choose(file, options["number"])]
        picture = draw_choice(choices[0], folder)
    write_image(out, picture)
    people = [person for choice in choices for person in choice.people]
    points = _points(people)
    images = ", ".join(dict.fromkeys(choice.sample.file_name for choice in choices[:3]))
    more = ", ..." if len(choices) > 3 else ""
    ids = {"images": [c.sample.image_id for c in choices], "annotations": [p.id for p in people]}
    text = f"{out}: {_people(len(people))} with {points} points of {images}{more}"
    return text, {"out": out, "points": points, **ids}


def _on_model(file: AnnotationFile, folder: ImageFolder, quiet: bool, **options: Any) -> Told:
    out, number, atlas = options["on_model"], options["number"], options["atlas"]
    errors = _errors(options["results"], file, atlas or "odp24") if options["results"] else None
    marked = []
    for sample in file if number is None else [choose(file, number)]:
        for person in sample.people:
            if person.points is not None:
                lost = np.full(len(person.points.chart), np.inf)
                error = None if errors is None else errors.get(person.id, lost)
                marked.append(Marked(f"annotation {person.id}", person.points, error))
    page = body_page(Atlas.load(atlas or "odp24"), marked, file.path.name)
    with atomic(out) as beside:
        beside.write_text(page, encoding="utf-8")
    points = sum(len(mark.points.chart) for mark in marked)
    text = f"{out}: {_people(len(marked))} with {points} points"
    return text, {"out": out, "people": len(marked), "points": points}


def _errors(results: str, file: AnnotationFile, atlas: str) -> dict[int, NDArray[np.floating]]:
    """Metres between each person's points [P] and what the results say there, as `densepose eval` counts."""
    from opendensepose.eval.run import evaluate

    groups = evaluate(results, file.path, atlas=atlas).evaluation.groups
    return {error.annotation: error.distance for group in groups for error in group.errors}


def _video(file: AnnotationFile, folder: ImageFolder, quiet: bool, **options: Any) -> Told:
    from opendensepose.viz.clips import write_clips

    clips = write_clips(
        file, folder, options["video"], options["fps"], only=options["vid"], progress=not quiet
    )
    lines = [f"{clip.path}: video {clip.video}, {clip.frames} frames, {clip.tracks} tracks" for clip in clips]
    return "\n".join(lines), {"clips": [clip._asdict() | {"path": str(clip.path)} for clip in clips]}


def _points(people: list[Person]) -> int:
    return sum(0 if person.points is None else len(person.points.chart) for person in people)


def _people(count: int) -> str:
    return f"{count} {'person' if count == 1 else 'people'}"
