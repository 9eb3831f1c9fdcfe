"""Annotation files and dense truth: readers and writers."""

from opendensepose.data.coco import (
    AnnotationFile,
    Person,
    Sample,
    encode_parts,
    read_annotations,
    write_annotations,
)
from opendensepose.data.dense import read_dense, write_dense
from opendensepose.data.images import ImageFolder
from opendensepose.data.rle import decode_mask, encode_mask

__all__ = [
    "AnnotationFile",
    "ImageFolder",
    "Person",
    "Sample",
    "decode_mask",
    "encode_mask",
    "encode_parts",
    "read_annotations",
    "read_dense",
    "write_annotations",
    "write_dense",
]
