"""Where the images of an annotation file are.

`--images DIR` is the folder that the names in the file start from, or the root of a data set as people have
it: then the usual sub-folders are looked through too (DIR/train2014/NAME, DIR/images/NAME, ...). Without it,
the folder of the annotation file and the one above it take its place, so that `coco/annotations/X.json` finds
`coco/val2014/NAME`.
"""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

SUBFOLDERS = ("images", *(f"{split}{year}" for year in (2014, 2017) for split in ("train", "val", "test")))


class ImageFolder:
    """Finds the images of an annotation file by the names in it; reads none."""

    def __init__(
        self, images: str | os.PathLike[str] | None, annotations: str | os.PathLike[str] | None = None
    ) -> None:
        """Raises NotADirectoryError where `images` is given and is no folder."""
        if images is not None and not Path(images).is_dir():
            raise NotADirectoryError(f"{images}: expected the folder of the images, got no folder")
        if images is not None:
            self.roots = [Path(images)]
        elif annotations is not None:
            folder = Path(annotations).resolve().parent
            self.roots = [folder, folder.parent]
        else:
            raise ValueError("ImageFolder: expected a folder of images or an annotation file, got neither")

    def find(self, name: str) -> Path:
        """The path of an image; FileNotFoundError says where it was looked for.

        Raises ValueError for a name that leads out of the folder.
        """
        inside = PurePosixPath(name.replace("\\", "/"))
        if inside.is_absolute() or ".." in inside.parts or ":" in name or "\0" in name or not inside.name:
            raise ValueError(f"image {name!r}: expected a name inside the folder of the images")
        for root in self.roots:
            for path in self._places(root, inside):
                if path.is_file():
                    return path
        looked = " and ".join(str(root) for root in self.roots)
        raise FileNotFoundError(f"{name}: expected an image in {looked} or its usual sub-folders, got none")

    def _places(self, root: Path, name: PurePosixPath) -> list[Path]:
        places = [root / name]
        if len(name.parts) > 1:  # PoseTrack's names begin with "images/"
            places.append(root.joinpath(*name.parts[1:]))
        return places + [root / folder / name for folder in SUBFOLDERS]
