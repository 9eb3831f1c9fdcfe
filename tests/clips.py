"""Small clips with sound for the tests: every frame tells its number by its grey value."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

NTSC = Fraction(30000, 1001)


def grey_of(number: int) -> int:
    return 20 + 6 * (number % 36)


def write_clip(
    path: Path,
    *,
    fps: Fraction = NTSC,
    frames: int = 30,
    size: tuple[int, int] = (48, 64),  # height, width
    times: list[Fraction] | None = None,  # seconds; None: at `fps`
    sound: str | None = "aac",
    rotation: int = 0,
    options: dict[str, str] | None = None,
) -> None:
    """Encode `frames` frames of one grey each, with as long a tone beside them."""
    with av.open(str(path), "w", options=options or {}) as container:
        video = container.add_stream("libx264", rate=fps, options={"crf": "10", "bf": "0"})
        video.height, video.width = size
        video.pix_fmt = "yuv420p"
        tick = Fraction(1, 90_000) if times else 1 / fps
        video.codec_context.time_base = tick
        if rotation:
            video.set_display_rotation(rotation)
        audio = container.add_stream(sound, rate=48_000, layout="mono") if sound else None
        for number in range(frames):
            picture = np.full((*size, 3), grey_of(number), np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = (round(times[number] / tick) if times else number), tick
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if audio is not None:
            _write_tone(container, audio, round(48_000 * frames / fps))


def _write_tone(container, audio, samples: int) -> None:
    wave = (8000 * np.sin(np.arange(samples) / 20)).astype(np.int16)
    for start in range(0, samples, 1024):
        frame = av.AudioFrame.from_ndarray(wave[None, start : start + 1024], format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 48_000, start, Fraction(1, 48_000)
        container.mux(audio.encode(frame))
    container.mux(audio.encode(None))


def packets(path: Path, kind: str) -> list[tuple[Fraction, bytes]]:
    """(time in seconds, bytes) of each packet of the first stream of a kind."""
    with av.open(str(path)) as container:
        stream = next(s for s in container.streams if s.type == kind)
        return [(p.pts * Fraction(p.time_base), bytes(p)) for p in container.demux(stream) if p.size]
