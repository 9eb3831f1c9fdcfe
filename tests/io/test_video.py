import tracemalloc
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from clips import NTSC, grey_of, packets, write_clip
from opendensepose.io.files import InputError
from opendensepose.io.video import VideoReader, VideoWriter


def copy(source: VideoReader, path: Path) -> list[Fraction]:
    """Read and write all frames; return the times of the new video's frames, in order."""
    with VideoWriter(path, like=source) as writer:
        for image in source:
            writer.write(image)
    return sorted(time for time, _ in packets(path, "video"))


def rate(path: Path) -> Fraction:
    with av.open(str(path)) as container:
        return container.streams.video[0].average_rate


@pytest.mark.parametrize("fps", [NTSC, Fraction(24000, 1001), Fraction(25), Fraction(60)])
def test_rate_frames_and_sound_are_exact(tmp_path: Path, fps: Fraction) -> None:
    clip, out = tmp_path / "clip.mp4", tmp_path / "out.mp4"
    write_clip(clip, fps=fps)
    reader = VideoReader(clip)
    assert (reader.fps, reader.size, reader.frames) == (fps, (48, 64), 30)
    assert copy(reader, out) == [k / fps for k in range(30)]
    assert rate(out) == fps
    assert packets(out, "audio") == packets(clip, "audio")  # times and bytes
    assert len(packets(out, "audio")) > 20
    assert reader.problem is None


@pytest.mark.parametrize("kind", [".mkv", ".mov", ".ts"])
def test_times_that_other_files_round_are_put_back(tmp_path: Path, kind: str) -> None:
    write_clip(tmp_path / f"clip{kind}")  # Matroska knows milliseconds only
    reader = VideoReader(tmp_path / f"clip{kind}")
    times = copy(reader, tmp_path / "out.mp4")
    assert [t - times[0] for t in times] == [k / NTSC for k in range(30)]
    assert rate(tmp_path / "out.mp4") == NTSC
    assert len(packets(tmp_path / "out.mp4", "audio")) == len(packets(tmp_path / f"clip{kind}", "audio"))


def test_sound_stays_beside_a_picture_that_starts_later(tmp_path: Path) -> None:
    clip, out = tmp_path / "clip.mp4", tmp_path / "out.mp4"
    write_clip(clip, times=[Fraction(1, 2) + k / NTSC for k in range(30)])
    copy(VideoReader(clip), out)
    before, after = packets(clip, "video")[0][0], packets(out, "video")[0][0]
    sound_before, sound_after = packets(clip, "audio")[0][0], packets(out, "audio")[0][0]
    assert before - sound_before > 0.4
    assert abs((after - sound_after) - (before - sound_before)) < Fraction(1, 1000)


def test_variable_rate_keeps_its_times(tmp_path: Path) -> None:
    times = [Fraction(k * k + 3 * k, 900) for k in range(20)]
    write_clip(tmp_path / "clip.mp4", frames=20, times=times, sound=None)
    new = copy(VideoReader(tmp_path / "clip.mp4"), tmp_path / "out.mp4")
    assert max(abs(a - b) for a, b in zip(new, times, strict=True)) <= Fraction(1, 10_000)


def test_frames_come_in_order_and_can_be_read_again(tmp_path: Path) -> None:
    write_clip(tmp_path / "clip.mp4")
    reader = VideoReader(tmp_path / "clip.mp4")
    for _ in range(2):
        frames = list(reader)
        assert all(f.shape == (48, 64, 3) and f.dtype == np.uint8 for f in frames)
        assert [round(float(f.mean()) - grey_of(k)) in range(-2, 3) for k, f in enumerate(frames)] == [
            True
        ] * 30


def test_memory_is_constant(tmp_path: Path) -> None:
    write_clip(tmp_path / "clip.mp4", frames=60, size=(240, 320))
    reader = VideoReader(tmp_path / "clip.mp4")
    tracemalloc.start()
    copy(reader, tmp_path / "out.mp4")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10 * 240 * 320 * 3  # of 60 frames


def test_stride(tmp_path: Path) -> None:
    write_clip(tmp_path / "clip.mp4")
    reader = VideoReader(tmp_path / "clip.mp4", stride=4)
    assert (reader.fps, reader.frames) == (NTSC / 4, 8)
    assert copy(reader, tmp_path / "out.mp4") == [k * 4 / NTSC for k in range(8)]
    assert [abs(f.mean() - grey_of(4 * k)) < 3 for k, f in enumerate(VideoReader(tmp_path / "out.mp4"))] == [
        True
    ] * 8
    assert len(packets(tmp_path / "out.mp4", "audio")) == len(packets(tmp_path / "clip.mp4", "audio"))


@pytest.mark.parametrize(("rotation", "turns"), [(90, 1), (180, 2), (-90, 3)])
def test_rotation_is_applied(tmp_path: Path, rotation: int, turns: int) -> None:
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:24, :32] = 255  # bright in the upper left of the stored frame
    with av.open(str(tmp_path / "clip.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
        stream.set_display_rotation(rotation)
        container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    reader = VideoReader(tmp_path / "clip.mp4")
    (image,) = list(reader)
    assert reader.size == image.shape[:2] == ((64, 48) if turns % 2 else (48, 64))
    assert np.abs(image.astype(int) - np.rot90(picture, turns)).mean() < 3  # counter-clockwise


@pytest.mark.parametrize("size", [(48, 64), (720, 1280)])
def test_colours_survive(tmp_path: Path, size: tuple[int, int]) -> None:
    colours = [(220, 40, 30), (30, 180, 60), (20, 60, 210), (240, 230, 40), (128, 128, 128)]
    with VideoWriter(tmp_path / "out.mp4", fps=25) as writer:
        for colour in colours:
            writer.write(np.full((*size, 3), colour, np.uint8))
    for image, colour in zip(VideoReader(tmp_path / "out.mp4"), colours, strict=True):
        assert np.abs(image.mean((0, 1)) - colour).max() < 4


def test_odd_sizes_get_one_more_row_and_column(tmp_path: Path) -> None:
    picture = np.full((31, 45, 3), 40, np.uint8)
    picture[-1], picture[:, -1] = 200, 200
    with VideoWriter(tmp_path / "out.mp4", fps=25) as writer:
        writer.write(picture)
    (image,) = list(VideoReader(tmp_path / "out.mp4"))
    assert image.shape == (32, 46, 3)
    assert (
        np.abs(image[-1].astype(int) - 200).mean() < 20 and np.abs(image[:, -1].astype(int) - 200).mean() < 20
    )


def test_sound_is_encoded_anew_where_the_file_cannot_hold_it(tmp_path: Path) -> None:
    write_clip(tmp_path / "clip.mp4")
    copy(VideoReader(tmp_path / "clip.mp4"), tmp_path / "out.webm")
    with av.open(str(tmp_path / "out.webm")) as container:
        assert container.streams.video[0].codec_context.name == "vp9"
        assert container.streams.audio[0].codec_context.name == "opus"
        seconds = sum(f.samples / f.sample_rate for f in container.decode(audio=0))
    assert abs(seconds - float(30 / NTSC)) < 0.1


def test_no_sound_no_sound(tmp_path: Path) -> None:
    write_clip(tmp_path / "clip.mp4", sound=None)
    copy(VideoReader(tmp_path / "clip.mp4"), tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert [s.type for s in container.streams] == ["video"]


def test_a_part_of_the_frames_gets_its_part_of_the_sound(tmp_path: Path) -> None:
    write_clip(tmp_path / "clip.mp4")
    reader = VideoReader(tmp_path / "clip.mp4")
    with VideoWriter(tmp_path / "out.mp4", like=reader) as writer:
        for _, image in zip(range(10), reader, strict=False):
            writer.write(image)
    assert abs(packets(tmp_path / "out.mp4", "audio")[-1][0] - 10 / NTSC) < 0.05


def test_truncated_video_gives_what_it_has(tmp_path: Path) -> None:
    whole = tmp_path / "clip.mp4"
    write_clip(whole, frames=60, size=(240, 320), options={"movflags": "+faststart"})
    half = tmp_path / "half.mp4"
    half.write_bytes(whole.read_bytes()[: whole.stat().st_size * 6 // 10])
    reader = VideoReader(half)
    frames = len(copy(reader, tmp_path / "out.mp4"))
    assert 10 < frames < 60
    assert reader.problem == f"{half}: expected 60 frames, got {frames} frames (broken or truncated)"
    assert [abs(f.mean() - grey_of(k)) < 3 for k, f in enumerate(VideoReader(tmp_path / "out.mp4"))][:-1] == [
        True
    ] * (frames - 1)


def test_rubbish_within_a_video_is_survived_and_told(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    write_clip(clip, frames=60, size=(240, 320))
    data = bytearray(clip.read_bytes())
    middle = len(data) // 3
    data[middle : middle + 400] = np.random.default_rng(0).bytes(400)
    clip.write_bytes(data)
    reader = VideoReader(clip)
    assert sum(1 for _ in reader) >= 50
    assert reader.problem and "broken or truncated" in reader.problem


@pytest.mark.parametrize("data", [b"", b"hello", b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41"])
def test_what_is_not_a_video(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "clip.mp4").write_bytes(data)
    with pytest.raises(InputError, match=r"clip\.mp4: expected a video, got") as caught:
        VideoReader(tmp_path / "clip.mp4")
    assert "\n" not in str(caught.value)


def test_missing_and_soundless_pictures(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="got no such file"):
        VideoReader(tmp_path / "nope.mp4")
    with av.open(str(tmp_path / "song.m4a"), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=48_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.int16), format="s16", layout="mono")
        frame.sample_rate = 48_000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(InputError, match="got a file without pictures"):
        VideoReader(tmp_path / "song.m4a")


def test_a_failure_leaves_no_file(tmp_path: Path) -> None:
    picture = np.zeros((32, 32, 3), np.uint8)
    with pytest.raises(KeyboardInterrupt), VideoWriter(tmp_path / "out.mp4", fps=25) as writer:
        writer.write(picture)
        raise KeyboardInterrupt
    with (
        pytest.raises(ValueError, match=r"frame: expected \(32, 32\)"),
        VideoWriter(tmp_path / "out.mp4", fps=25) as writer,
    ):
        writer.write(picture)
        writer.write(picture[:16])
    with (
        pytest.raises(ValueError, match="at least one frame, got none"),
        VideoWriter(tmp_path / "o.mp4", fps=25),
    ):
        pass
    assert list(tmp_path.iterdir()) == []


def test_wrong_use() -> None:
    with pytest.raises(ValueError, match=r"expected a name that ends in \.mp4"):
        VideoWriter("out.gif", fps=25)
    with pytest.raises(ValueError, match="expected `like` or `fps`"):
        VideoWriter("out.mp4")
    with pytest.raises(ValueError, match="stride: expected at least 1, got 0"):
        VideoReader("clip.mp4", stride=0)
