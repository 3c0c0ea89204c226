"""VideoWriter: what comes out of the file is what went in."""

from __future__ import annotations

import threading

import av
import pytest
import torch

from toolkit import hooks
from toolkit.frame import Frame
from toolkit.media.errors import MediaError
from toolkit.media.scenes import Scene
from toolkit.media.writer import CODECS, VideoWriter

COLOURS = ((0.8, 0.2, 0.3), (0.1, 0.7, 0.2), (0.15, 0.25, 0.9), (0.9, 0.9, 0.1), (0.5, 0.5, 0.5))
ENCODERS = [codec for codec in CODECS if codec in av.codecs_available]


class Listener:
    def __init__(self):
        self.events = []

    def event(self, event):
        self.events.append(event)

    def of(self, kind):
        return [event for event in self.events if event.kind == kind]


@pytest.fixture
def bill():
    listener = Listener()
    hooks.listen(listener)
    yield listener
    hooks.unlisten(listener)


def patches(height=64, width=80):
    """Five flat colours side by side, (3, H, W)."""
    picture = torch.zeros(3, height, width)
    for index, colour in enumerate(COLOURS):
        picture[:, :, index * 16 : index * 16 + 16] = torch.tensor(colour)[:, None, None]
    return picture


def decode(path):
    with av.open(str(path)) as container:
        return list(container.decode(video=0))


def rgb(frame):
    return torch.from_numpy(frame.to_ndarray(format="rgb24")).permute(2, 0, 1).float() / 255


def patch_error(frame):
    """Largest difference from COLOURS in the middle of each patch, in levels of 255."""
    seen = rgb(frame)
    differences = [
        (seen[:, 32, index * 16 + 8] - torch.tensor(colour)).abs().max()
        for index, colour in enumerate(COLOURS)
    ]
    return 255 * float(max(differences))


def test_pictures_come_back_with_their_times_and_colours(tmp_path):
    with VideoWriter(tmp_path / "out.mp4", width=80, height=64, fps=25) as writer:
        for index in range(5):
            writer.write(patches(), pts_seconds=index / 25)
    frames = decode(tmp_path / "out.mp4")
    assert [frame.time for frame in frames] == [0, 0.04, 0.08, 0.12, 0.16]
    assert max(patch_error(frame) for frame in frames) < 5


# -- wrong use -------------------------------------------------------------------------------------


def test_a_picture_of_another_size_is_refused(tmp_path):
    with (
        VideoWriter(tmp_path / "out.mp4", width=80, height=64) as writer,
        pytest.raises(ValueError, match="80x32 px for a file of 80x64"),
    ):
        writer.write(torch.zeros(3, 32, 80))


@pytest.mark.parametrize(
    "picture",
    [torch.zeros(64, 80), torch.zeros(2, 64, 80), torch.zeros(3, 64, 80, dtype=torch.int64)],
)
def test_what_is_no_picture_is_refused_with_what_is(tmp_path, picture):
    with (
        VideoWriter(tmp_path / "out.mp4", width=80, height=64) as writer,
        pytest.raises(ValueError, match="supported are"),
    ):
        writer.write(picture)


def test_time_does_not_run_backwards(tmp_path):
    with VideoWriter(tmp_path / "out.mp4", width=80, height=64) as writer:
        writer.write(patches(), pts_seconds=1.0)
        with pytest.raises(ValueError, match=r"not after the last picture's 1\.0"):
            writer.write(patches(), pts_seconds=1.0)
        writer.write(patches(), pts_seconds=1.5)
    assert len(decode(tmp_path / "out.mp4")) == 2


def test_a_folder_that_does_not_exist_is_a_media_error(tmp_path):
    with pytest.raises(MediaError, match="cannot write") as caught:
        VideoWriter(tmp_path / "no" / "out.mp4", width=80, height=64)
    assert caught.value.path == tmp_path / "no" / "out.mp4"


def test_an_unknown_encoder_is_answered_with_those_that_are_tried(tmp_path):
    with pytest.raises(MediaError, match=r"no encoder quicktime9.*libx264"):
        VideoWriter(tmp_path / "out.mp4", width=80, height=64, codec="quicktime9")


@pytest.mark.parametrize("wrong", [{"width": 1}, {"fps": 0}, {"pad": "mirror"}])
def test_arguments_out_of_range_are_refused(tmp_path, wrong):
    with pytest.raises(ValueError, match="sizes start at 2 px"):
        VideoWriter(tmp_path / "out.mp4", **{"width": 80, "height": 64, **wrong})


def test_a_closed_writer_says_so(tmp_path):
    writer = VideoWriter(tmp_path / "out.mp4", width=80, height=64)
    writer.write(patches())
    writer.close()
    writer.close()
    with pytest.raises(RuntimeError, match="is closed"):
        writer.write(patches())


def test_a_second_thread_is_refused(tmp_path):
    caught = []

    def write():
        try:
            writer.write(patches())
        except RuntimeError as error:
            caught.append(str(error))

    with VideoWriter(tmp_path / "out.mp4", width=80, height=64) as writer:
        writer.write(patches())
        thread = threading.Thread(target=write)
        thread.start()
        thread.join()
    assert "belongs to thread" in caught[0]


# -- what it takes ---------------------------------------------------------------------------------


@pytest.mark.parametrize("codec", ENCODERS)
def test_every_encoder_of_the_list_keeps_colours(tmp_path, codec):
    path = tmp_path / "out.mp4"
    with VideoWriter(path, width=80, height=64, codec=codec, quality=12) as writer:
        for _ in range(4):
            writer.write(patches())
    assert writer.codec == codec
    frames = decode(path)
    assert len(frames) == 4
    assert patch_error(frames[-1]) < 8


@pytest.mark.parametrize(
    "picture",
    [
        patches()[None],
        (patches() * 255).round().to(torch.uint8),
        patches().half(),
        patches().double(),
        patches().flip(-1).contiguous().flip(-1),
    ],
    ids=["batch of one", "uint8", "half", "double", "not contiguous"],
)
def test_layouts_and_types_give_the_same_colours(tmp_path, picture):
    with VideoWriter(tmp_path / "out.mp4", width=80, height=64) as writer:
        writer.write(picture)
    assert patch_error(decode(tmp_path / "out.mp4")[0]) < 5


def test_values_outside_the_range_are_clipped_and_nan_is_black(tmp_path):
    picture = torch.full((3, 64, 80), 1.7)
    picture[:, :, 40:] = -0.3
    picture[:, 32:, 40:] = torch.nan
    with VideoWriter(tmp_path / "out.mp4", width=80, height=64) as writer:
        writer.write(picture)
    seen = rgb(decode(tmp_path / "out.mp4")[0])
    assert float(seen[:, 8:24, 8:32].min()) > 0.98
    assert float(seen[:, 8:24, 48:72].max()) < 0.02
    assert float(seen[:, 40:56, 48:72].max()) < 0.02


def test_a_gray_picture_has_three_equal_channels(tmp_path):
    ramp = torch.linspace(0, 1, 80).expand(1, 64, 80)
    with VideoWriter(tmp_path / "out.mp4", width=80, height=64, quality=10) as writer:
        writer.write(ramp)
    seen = rgb(decode(tmp_path / "out.mp4")[0])
    assert float((seen - ramp).abs().max()) < 0.03


@pytest.mark.parametrize(
    ("pixel_format", "matrix"),
    [("rgb", "bt709"), ("gray", "bt709"), ("i420", "bt709"), ("i420", "bt601")],
)
@pytest.mark.parametrize("full_range", [False, True])
def test_frames_of_every_format_are_written(tmp_path, pixel_format, matrix, full_range):
    scene = Scene(
        "target",
        width=96,
        height=64,
        frames=2,
        pixel_format=pixel_format,
        matrix=matrix,
        full_range=full_range,
        speed=0.1,
    )
    with VideoWriter(tmp_path / "out.mp4", width=96, height=64, quality=8) as writer:
        for frame in scene:
            writer.write(frame)
    frames = decode(tmp_path / "out.mp4")
    assert [frame.time for frame in frames] == pytest.approx([0, 1 / 30], abs=1e-4)
    expected = scene.render(0)[0]
    if pixel_format == "gray":
        expected = (expected * torch.tensor((0.2126, 0.7152, 0.0722))[:, None, None]).sum(0)
    assert float((rgb(frames[0]) - expected).abs().mean()) < 0.02


def test_a_frame_is_turned_as_its_rotation_says(tmp_path):
    from toolkit.ring import FrameRing

    ring = FrameRing(2, width=64, height=80, pixel_format="rgb", rotation=90)
    upright = (patches() * 255).round().to(torch.uint8)
    frame = ring.copy_in(torch.rot90(upright, -1, (1, 2)), pts_seconds=0)
    with VideoWriter(tmp_path / "out.mp4", width=80, height=64) as writer:
        writer.write(frame)
    assert patch_error(decode(tmp_path / "out.mp4")[0]) < 5


def test_a_still_image_is_a_frame_too(tmp_path):
    with VideoWriter(tmp_path / "out.mp4", width=80, height=64) as writer:
        writer.write(Frame.from_image(patches()))
    assert patch_error(decode(tmp_path / "out.mp4")[0]) < 5


# -- what the file says ----------------------------------------------------------------------------


def test_the_file_says_which_colours_it_holds(tmp_path):
    with VideoWriter(tmp_path / "out.mp4", width=80, height=64) as writer:
        writer.write(patches())
    with av.open(str(tmp_path / "out.mp4")) as container:
        context = container.streams.video[0].codec_context
        tags = (context.color_range, context.colorspace, context.color_primaries, context.color_trc)
        assert tags == (1, 1, 1, 1)  # limited range, BT.709 three times
        assert context.pix_fmt == "yuv420p"


def test_the_index_comes_before_the_pictures(tmp_path):
    with VideoWriter(tmp_path / "out.mp4", width=80, height=64) as writer:
        writer.write(patches())
    head = (tmp_path / "out.mp4").read_bytes()
    assert 0 < head.index(b"moov") < head.index(b"mdat")


@pytest.mark.parametrize("codec", ENCODERS)
def test_a_variable_rate_stays_variable(tmp_path, codec):
    times = [0.0, 0.1, 0.1333, 0.5, 0.502, 2.0]
    with VideoWriter(tmp_path / "out.mp4", width=80, height=64, codec=codec) as writer:
        for time in times:
            writer.write(patches(), pts_seconds=time)
    assert [frame.time for frame in decode(tmp_path / "out.mp4")] == pytest.approx(times, abs=1e-4)


def test_without_times_pictures_follow_at_the_rate(tmp_path):
    with VideoWriter(tmp_path / "out.mp4", width=80, height=64, fps=50) as writer:
        for _ in range(3):
            writer.write(patches())
    assert [frame.time for frame in decode(tmp_path / "out.mp4")] == [0, 0.02, 0.04]


@pytest.mark.parametrize(("pad", "coded"), [("repeat", (82, 66)), ("crop", (80, 64))])
def test_odd_sizes_are_padded_or_cropped_visibly(tmp_path, pad, coded):
    picture = torch.rand(3, 65, 81).round() * 0.5 + 0.25
    picture[:, :, 72:] = 0.9
    with VideoWriter(tmp_path / "out.mp4", width=81, height=65, pad=pad) as writer:
        writer.write(picture)
    assert (writer.coded_width, writer.coded_height) == coded
    frame = decode(tmp_path / "out.mp4")[0]
    assert (frame.width, frame.height) == coded
    assert float((rgb(frame)[:, :, -4:] - 0.9).abs().max()) < 0.08


# -- interrupts ------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_what_was_written_before_an_exception_is_playable(tmp_path, error):
    path = tmp_path / "out.mp4"

    def record():
        with VideoWriter(path, width=80, height=64) as writer:
            for index in range(100):
                if index == 7:
                    raise error
                writer.write(patches())

    with pytest.raises(error):
        record()
    assert len(decode(path)) == 7


def test_a_writer_that_never_wrote_leaves_no_file(tmp_path):
    path = tmp_path / "out.mp4"
    with VideoWriter(path, width=80, height=64):
        pass
    assert not path.exists()


# -- resources -------------------------------------------------------------------------------------


def test_copies_conversion_and_writing_are_on_the_bill(tmp_path, bill):
    path = tmp_path / "out.mp4"
    with VideoWriter(path, width=80, height=64) as writer:
        for _ in range(3):
            writer.write(patches())
    copies = bill.of("copy")
    assert [(event.nbytes, event.direction) for event in copies] == [(3 * 64 * 80, "h2h")] * 3
    assert [event.nbytes for event in bill.of("convert")] == [64 * 80 * 3 // 2] * 3
    written = sum(event.nbytes for event in bill.of("io"))
    assert 0 < written <= path.stat().st_size


def test_writing_reuses_one_buffer(tmp_path):
    with VideoWriter(tmp_path / "out.mp4", width=80, height=64) as writer:
        writer.write(patches())
        scaled, planes = writer._scaled.data_ptr(), [p.data_ptr() for p in writer._rgb_planes]
        writer.write(patches())
        assert writer._scaled.data_ptr() == scaled
        assert [plane.data_ptr() for plane in writer._rgb_planes] == planes


def test_a_reused_i420_buffer_is_never_overwritten_under_the_encoder(tmp_path):
    scene = Scene("target", width=96, height=64, frames=12, pixel_format="i420", motion="loop")
    path = tmp_path / "out.mp4"
    with VideoWriter(path, width=96, height=64, quality=4, codec=ENCODERS[-1]) as writer:
        for frame in scene:
            writer.write(frame)
    for index, frame in enumerate(decode(path)):
        assert float((rgb(frame) - scene.render(index)[0]).abs().mean()) < 0.03
