"""What can a person do from a terminal, and how does each command end?"""

import errno
import json
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from toolkit import cli
from toolkit.demos import WrongUse
from toolkit.profiling import profile

ROOT = Path(__file__).resolve().parent.parent


def toolkit(*words: object) -> subprocess.CompletedProcess[str]:
    """Run `python -m toolkit` as a user does."""
    command = [sys.executable, "-m", "toolkit", *map(str, words)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)


@pytest.fixture
def demo(monkeypatch, tmp_path):
    """Run `demo` in this process with `run_demo` replaced; returns how it ended."""

    def run(play, *words):
        monkeypatch.setitem(sys.modules, "toolkit.demos.play", SimpleNamespace(run_demo=play))
        return CliRunner().invoke(cli.app, ["demo", "--out", str(tmp_path / "out"), *words])

    return run


def test_help_names_the_commands():
    done = toolkit("--help")
    assert done.returncode == 0
    assert all(command in done.stdout for command in ("demo", "doctor", "bench", "compare"))


def test_help_answers_at_once_for_it_loads_neither_torch_nor_kornia():
    script = (
        "import sys\n"
        "sys.argv[1:] = ['--help']\n"
        "try:\n"
        "    import toolkit.__main__\n"
        "finally:\n"
        "    print({'torch', 'kornia', 'numpy', 'av'} & {*sys.modules}, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "set()\n")


def test_demo_plays_the_bundled_clip_and_prints_one_json_object(tmp_path):
    done = toolkit("demo", "--frames", 3, "--out", tmp_path / "out", "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["frames"] == 3
    assert {"frames", "dropped", "stages", "copies", "syncs", "waits_ms"} <= set(result)
    keys = {"name", "ms_median", "allocations_per_frame", "allocated_bytes_per_frame"}
    assert all(keys <= set(stage) for stage in result["stages"])
    assert set(result["copies"]) == {"h2d", "d2h", "d2d", "h2h"}
    assert (tmp_path / "out" / "report.html").stat().st_size > 0
    assert (tmp_path / "out" / "annotated.mp4").stat().st_size > 0


def test_demo_of_a_file_that_is_not_there_is_bad_input_in_one_sentence(tmp_path):
    done = toolkit("demo", "--video", tmp_path / "gone.mp4", "--out", tmp_path / "out")
    assert done.returncode == 3
    assert "gone.mp4" in done.stderr
    assert "Traceback" not in done.stderr


def test_demo_of_a_picture_that_a_stage_refuses_is_bad_input_in_one_sentence(tmp_path):
    dot = "lavfi:color=red:size=2x2:rate=30"
    done = toolkit("demo", "--video", dot, "--frames", 2, "--out", tmp_path / "out")
    assert done.returncode == 3
    assert "Traceback" not in done.stderr
    (line,) = [one for one in done.stderr.splitlines() if one.startswith("Error: ")]
    assert "stage 'blur' failed on frame 0" in line
    assert line.endswith("Leave that stage out with --stages, or play another video.")


def test_demo_of_a_stage_that_does_not_exist_is_wrong_use(tmp_path):
    done = toolkit("demo", "--stages", "rgb,sparkle", "--out", tmp_path / "out")
    assert done.returncode == 2
    assert "sparkle" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_interrupt_ends_demo_with_what_was_finished(tmp_path):
    command = [sys.executable, "-m", "toolkit", "demo", "--json", "--out", str(tmp_path)]
    command += ["--video", "lavfi:testsrc2=size=320x240:rate=30,realtime"]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell's background jobs ignore interrupts, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:
        _wait_for(tmp_path / "annotated.mp4", process)
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=60)
    assert "Traceback" not in stderr
    result = json.loads(stdout)
    assert result["interrupted"] is True
    assert process.returncode == (0 if result["frames"] else 130)


def _wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 60
    while not (path.exists() and path.stat().st_size) and time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=0.05)
    assert path.exists(), f"{path.name} was not begun within a minute"


def test_demo_hands_its_options_on(demo, tmp_path):
    given = {}

    def play(**options):
        given.update(options)
        return {"frames": 7}

    ended = demo(play, "--video", "camera:0", "--stages", "rgb, gray,", "--frames", "7", "--json")
    assert ended.exit_code == 0
    assert json.loads(ended.stdout) == {"frames": 7}
    assert given.pop("console").stderr is True
    assert given == {
        "video": "camera:0",
        "device": "cpu",
        "stages": ("rgb", "gray"),
        "frames": 7,
        "out": tmp_path / "out",
    }


def test_wrong_use_is_one_sentence_and_code_2(demo):
    def play(**options):
        raise WrongUse("no stage 'sparkle'; there are rgb, gray")

    ended = demo(play)
    assert ended.exit_code == 2
    assert ended.stderr == "Error: no stage 'sparkle'; there are rgb, gray\n"


def test_bad_input_is_one_sentence_and_code_3(demo):
    def play(**options):
        raise PermissionError("clip.mp4 may not be read")

    ended = demo(play)
    assert ended.exit_code == 3
    assert ended.stderr == "Error: clip.mp4 may not be read\n"


def test_an_interrupt_before_anything_was_finished_is_code_130(demo):
    def play(**options):
        raise KeyboardInterrupt

    ended = demo(play)
    assert ended.exit_code == 130
    assert "Interrupted" in ended.stderr


def test_an_interrupted_demo_that_finished_frames_is_done(demo):
    assert demo(lambda **options: {"frames": 4, "interrupted": True}).exit_code == 0
    assert demo(lambda **options: {"frames": 0, "interrupted": True}).exit_code == 130


@pytest.mark.parametrize(
    "words",
    [
        ["--device", "tpu"],
        ["--frames", "0"],
        ["--frames", "many"],
        ["--stages", " , "],
        ["--nonsense"],
    ],
)
def test_options_that_make_no_sense_are_wrong_use(demo, words):
    ended = demo(lambda **options: {"frames": 1}, *words)
    assert ended.exit_code == 2
    assert ended.stderr


def test_a_device_that_is_not_here_is_wrong_use(demo, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    ended = demo(lambda **options: {"frames": 1}, "--device", "cuda")
    assert ended.exit_code == 2
    assert "no CUDA device" in ended.stderr


FORMS = ([], ["--json"])


def refused(*words):
    """Run a command that refuses with and without `--json`; its code, and its sentence."""
    plain, with_json = (CliRunner().invoke(cli.app, [*map(str, words), *more]) for more in FORMS)
    assert plain.exit_code == with_json.exit_code
    assert plain.stdout == ""
    assert plain.stderr == with_json.stderr == f"Error: {json.loads(with_json.stdout)['error']}\n"
    return plain.exit_code, plain.stderr


def test_a_session_that_is_not_there_is_bad_input_that_says_what_to_name(tmp_path):
    gone = tmp_path / "gone.json"
    code, said = refused("compare", gone, gone)
    assert code == 3
    advice = "Name a file that session.save(path) wrote."
    assert said == f"Error: {gone}: No such file or directory. {advice}\n"


def test_a_page_that_cannot_be_written_is_wrong_use(tmp_path):
    with profile() as session:
        pass
    session.save(tmp_path / "session.json")
    page = tmp_path / "gone" / "page.html"
    saved = tmp_path / "session.json"
    code, said = refused("compare", saved, saved, "--html", page)
    assert code == 2
    advice = "Name a file that can be written."
    assert said == f"Error: --html {page}: No such file or directory. {advice}\n"


def test_a_folder_that_cannot_be_made_is_wrong_use(tmp_path):
    (tmp_path / "file").touch()
    out = tmp_path / "file" / "out"
    code, said = refused("demo", "--out", out)
    assert code == 2
    advice = "Name a folder that can be written to."
    assert said == f"Error: --out {out}: Not a directory. {advice}\n"


def test_a_folder_that_takes_no_files_is_wrong_use_before_anything_is_played(monkeypatch, tmp_path):
    def refuse(dir):
        raise PermissionError(errno.EACCES, "Permission denied", f"{dir}/x7")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    code, said = refused("demo", "--out", tmp_path)
    assert code == 2
    assert said.startswith(f"Error: --out {tmp_path}: Permission denied.")


def test_doctor_prints_one_json_object_with_what_is_missing():
    done = toolkit("doctor", "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert set(result) == {"machine", "found", "missing"}
    assert result["found"]["libraries"]["torch"]


def test_a_benchmark_that_does_not_exist_is_wrong_use():
    done = toolkit("bench", "nonsense", "--json")
    assert done.returncode == 2
    assert "nonsense" in done.stderr or "no benchmarks" in done.stderr
    assert done.stderr == f"Error: {json.loads(done.stdout)['error']}\n"


def test_bench_prints_one_json_object(monkeypatch, tmp_path):
    (tmp_path / "bench_tiny.py").write_text(
        "def run(quick): return {'name': 'tiny', 'ratios': {'a over b': 2.0 if quick else 3.0}}"
    )
    monkeypatch.setattr("toolkit.demos.bench.find", lambda name: [tmp_path / "bench_tiny.py"])
    ended = CliRunner().invoke(cli.app, ["bench", "--quick", "--json"])
    assert ended.exit_code == 0, ended.stderr
    result = json.loads(ended.stdout)
    assert (result["name"], result["ratios"]) == ("tiny", {"a over b": 2.0})
    assert result["machine"]["cpu"]
    shown = CliRunner().invoke(cli.app, ["bench"])
    assert "a over b" in shown.stdout
    assert "3" in shown.stdout
