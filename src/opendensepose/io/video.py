"""Videos in and out, frame by frame in constant memory: exact frame rate, time stamps and sound are kept."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace
from numpy.typing import NDArray

from opendensepose.io.files import InputError, atomic

UNSPECIFIED = 2  # FFmpeg's number for a colour property that a file does not state
BT709 = 1

# The first encoder that the installed PyAV has is taken. PyAV's wheels bring x264 (GPL), which we only call.
H264 = ("libx264", "libopenh264", "h264_videotoolbox", "h264_mf", "mpeg4")
ENCODERS = {".mp4": H264, ".m4v": H264, ".mov": H264, ".mkv": H264, ".webm": ("libvpx-vp9",)}
OPTIONS = {
    "libx264": {"crf": "18", "preset": "veryfast"},
    "libvpx-vp9": {"crf": "30", "b": "0", "deadline": "realtime", "cpu-used": "6", "row-mt": "1"},
}


class VideoReader:
    """The frames of a video file as [H, W, 3] uint8 RGB, upright; can be iterated again.

    Of a broken or truncated video the frames that can be decoded come, then `problem` says what is missing.
    Raises FileNotFoundError, or InputError where not even one frame can be decoded.
    """

    def __init__(self, path: str | os.PathLike[str], stride: int = 1) -> None:
        """`stride` k gives every k-th frame, and `fps` divided by k."""
        if stride < 1:
            raise ValueError(f"stride: expected at least 1, got {stride}")
        self.path = Path(path)
        self.stride = stride
        self.problem: str | None = None  # known after an iteration
        self.finished = False  # the last iteration came to its end
        self._times: deque[Fraction] | None = (
            None  # of frames read and not yet written, when a writer listens
        )
        if not self.path.exists():
            raise FileNotFoundError(f"{path}: expected a video, got no such file")
        with self._open() as container:
            stream = container.streams.video[0]
            first = next((frame for _, frame in self._decode(container)), None)
            if first is None:
                raise InputError(
                    f"{path}: expected a video, got none of its frames decoded (broken or truncated)"
                )
            rate = stream.average_rate or stream.guessed_rate or 25
            starts = [s.start_time * s.time_base for s in _timed(container) if s.start_time is not None]
            self._coded = (first.width, first.height)
            self.fps = Fraction(rate) / stride
            self.size = (first.height, first.width)[
                :: -1 if _quarter_turns(first) % 2 else 1
            ]  # height, width
            self.frames = -(-stream.frames // stride) or None  # as the file says; None: it does not
            self.start = Fraction(min(starts, default=0))  # seconds: the earliest picture or sound
            self.tick = Fraction(stream.time_base or 0)  # seconds: what its time stamps are rounded to

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        self.problem, self.finished = None, False
        time = self.start - 1 / self.fps
        width, height = self._coded
        with self._open() as container:
            for number, frame in self._decode(container):
                if number % self.stride:
                    continue
                known = frame.pts is not None and frame.time_base
                time = frame.pts * Fraction(frame.time_base) if known else time + 1 / self.fps
                if self._times is not None:
                    self._times.append(time)
                space = frame.colorspace
                if space == UNSPECIFIED:  # players take HD for BT.709
                    space = Colorspace.ITU709 if height >= 720 else Colorspace.ITU601
                image = frame.to_ndarray(format="rgb24", width=width, height=height, src_colorspace=space)
                yield np.ascontiguousarray(np.rot90(image, _quarter_turns(frame)))
        self.finished = True

    def _open(self) -> Any:
        try:
            container = av.open(str(self.path), metadata_errors="replace")
        except av.FFmpegError as error:
            raise InputError(f"{self.path}: expected a video, got {error.strerror or error}") from error
        if not container.streams.video:
            container.close()
            raise InputError(f"{self.path}: expected a video, got a file without pictures")
        return container

    def _decode(self, container: Any) -> Iterator[tuple[int, Any]]:
        """Yield (number, frame) of all that can be decoded; then set `problem` if something could not."""
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        packets = damaged = count = 0
        try:
            for packet in container.demux(stream):
                packets += packet.size > 0
                damaged += packet.is_corrupt
                try:
                    frames = packet.decode()
                except av.FFmpegError:
                    damaged += 1
                    continue
                for frame in frames:
                    yield count, frame
                    count += 1
        except av.FFmpegError:
            damaged += 1
        # only the MP4 family counts its frames exactly
        promised = stream.frames if "mp4" in container.format.name else 0
        if damaged or packets < promised:
            expected = f"{promised} frames" if promised else "a whole video"
            self.problem = f"{self.path}: expected {expected}, got {count} frames (broken or truncated)"


class VideoWriter:
    """Write frames to PATH (.mp4, .m4v, .mov, .mkv: H.264; .webm: VP9); a context manager.

    `like`: frames get the times of those read from this reader, in order (also of variable rate), and its
    sound is copied, or encoded anew where the file type cannot hold it. Without it, or with frames read
    before the writer was made, they follow each other at `fps`. Odd sizes get one more row or column, a copy
    of the last. All frames are of one size.
    The file appears when the block ends well; after an exception there is none.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        like: VideoReader | None = None,
        *,
        fps: Fraction | int | None = None,
    ) -> None:
        suffix = Path(path).suffix.lower()
        if suffix not in ENCODERS:
            expected = ", ".join(ENCODERS)
            raise ValueError(f"{path}: expected a name that ends in {expected}, got {suffix or 'no suffix'}")
        if like is None and fps is None:
            raise ValueError("VideoWriter: expected `like` or `fps`, got neither")
        self.path = Path(path)
        self.fps = Fraction(fps) if fps is not None else like.fps  # type: ignore[union-attr]
        self.size: tuple[int, int] | None = None  # height, width of the first frame
        self._like = like
        self._clock = _Clock(self.fps, like)
        self._stack = ExitStack()

    def __enter__(self) -> VideoWriter:
        self._temporary = self._stack.enter_context(atomic(self.path))
        return self

    def write(self, image: NDArray[np.uint8]) -> None:
        """Add a frame [H, W, 3] uint8 RGB."""
        if self.size is None:
            self._start(image.shape[:2])
        if image.shape != (*self.size, 3) or image.dtype != np.uint8:  # type: ignore[misc]
            raise ValueError(f"frame: expected {self.size} x 3 uint8, got {list(image.shape)} {image.dtype}")
        time = self._clock.next()
        self._sound.copy(until=time)
        height, width = image.shape[:2]
        if height % 2 or width % 2:  # the encoders' colour planes are half as large
            image = np.pad(image, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24").reformat(
            format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG
        )
        frame.pts, frame.time_base = round(time / self._clock.tick), self._clock.tick
        self._container.mux(self._video.encode(frame))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._stack.__exit__(kind, error, trace)
            return
        with self._stack:  # closes the files, then renames the temporary one, or removes it after an error
            self._finish()

    def _start(self, size: tuple[int, ...]) -> None:
        height, width = self.size = (size[0], size[1])
        self._container = self._stack.enter_context(av.open(str(self._temporary), "w"))
        codec = next(name for name in ENCODERS[self.path.suffix.lower()] if name in av.codecs_available)
        stream: Any = self._container.add_stream(codec, rate=self.fps, options=OPTIONS.get(codec, {}))
        stream.width, stream.height = width + width % 2, height + height % 2
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.time_base = self._clock.tick
        context.colorspace = context.color_primaries = context.color_trc = BT709
        context.color_range = ColorRange.MPEG
        self._video = stream
        self._sound = _Sound(self._like, self._container, self._stack)

    def _finish(self) -> None:
        if self.size is None:
            raise ValueError(f"{self.path}: expected at least one frame, got none")
        whole = self._like is None or self._like.finished
        self._sound.copy(until=None if whole else self._clock.last + 1 / self.fps)
        self._sound.flush()
        self._container.mux(self._video.encode(None))


class _Clock:
    """Gives each written frame its time: seconds since the start, a multiple of `tick`."""

    def __init__(self, fps: Fraction, like: VideoReader | None) -> None:
        ticks = fps.numerator  # a second has so many, and a frame fps.denominator of them: exact
        while ticks < 10_000:
            ticks *= 2
        self.tick = Fraction(1, ticks)
        self.last = -1 / fps
        self._fps = fps
        self._like = like
        self._first: Fraction | None = None
        if like is not None:
            like._times = deque()

    def next(self) -> Fraction:
        """Times that the file has rounded (one tick of it off the exact grid at most) are put back."""
        if self._like is not None and self._like._times:
            time = self._like._times.popleft() - self._like.start
            self._first = time if self._first is None else self._first
            exact = self._first + round((time - self._first) * self._fps) / self._fps
            time = exact if abs(time - exact) <= self._like.tick else time
            time = round(time / self.tick) * self.tick
        else:
            time = self.last + 1 / self._fps
        # time stamps of broken files may go back: encoders need them to increase
        self.last = max(time, self.last + self.tick)
        return self.last


class _Sound:
    """Copies the sound of `like`, piece by piece, beside the pictures."""

    def __init__(self, like: VideoReader | None, target: Any, stack: ExitStack) -> None:
        self._target = target
        self._streams: dict[int, Any] = {}  # number of an input stream -> output stream
        self._encoded: set[int] = set()
        self._packets: Iterator[Any] = iter(())
        self._waiting: Any = None
        if like is None:
            return
        source = stack.enter_context(like._open())
        self._start = like.start
        for stream in source.streams.audio:
            if stream.codec_context.name in target.supported_codecs:
                self._streams[stream.index] = target.add_stream_from_template(stream)
            else:
                name, rate = ("libopus", 48000) if target.format.name == "webm" else ("aac", stream.rate)
                self._streams[stream.index] = target.add_stream(name, rate=rate, layout=stream.layout.name)
                self._encoded.add(stream.index)
        if self._streams:
            self._packets = source.demux(*source.streams.audio)

    def copy(self, until: Fraction | None) -> None:
        """Copy all sound that starts before `until` seconds, or all that is left."""
        try:
            while (packet := self._waiting or next(self._packets, None)) is not None:
                self._waiting = packet
                begins = None if packet.dts is None else packet.dts * Fraction(packet.time_base) - self._start
                if until is not None and begins is not None and begins > until:
                    return
                self._waiting = None
                self._put(packet)
        except av.FFmpegError:  # broken sound: keep what came
            self._waiting, self._packets = None, iter(())

    def _put(self, packet: Any) -> None:
        number = packet.stream.index
        out = self._streams[number]
        shift = round(self._start / Fraction(packet.time_base))
        if number in self._encoded:
            for frame in packet.decode():
                frame.pts = None if frame.pts is None else frame.pts - shift
                self._target.mux(out.encode(frame))
        elif packet.dts is not None:  # the empty packet at the end has none
            packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
            packet.stream = out
            self._target.mux(packet)

    def flush(self) -> None:
        for number in self._encoded:
            self._target.mux(self._streams[number].encode(None))


def _timed(container: Any) -> list[Any]:
    return [*container.streams.video[:1], *container.streams.audio]


def _quarter_turns(frame: Any) -> int:
    """Counter-clockwise quarter turns that make a frame upright, from the file's display matrix."""
    return round(frame.rotation / 90) % 4
