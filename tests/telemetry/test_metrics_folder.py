"""The folder that workers share their metrics in: nothing of others is touched, and there is room for it."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from errno import ENOSPC
from pathlib import Path

import pytest

from finetune_advisor.telemetry import metrics_files, metrics_folder
from finetune_advisor.telemetry.metrics_folder import MetricsFolderError

LEFT_OVER = (
    "counter_17.db",
    "histogram_17.db",
    "summary_3.db",
    "gauge_max_17.db",
    "gauge_livemostrecent_1.db",
)
NAMES = ("PROMETHEUS_MULTIPROC_DIR", "prometheus_multiproc_dir")


@pytest.fixture(autouse=True)
def _state(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each test is a process of its own, as far as the folder goes."""
    locks = list[int]()
    monkeypatch.setattr(metrics_folder, "_locks", locks)
    monkeypatch.setattr(metrics_files, "_identities", {})
    monkeypatch.setattr(metrics_files, "_process_number", None)
    for name in NAMES:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    yield
    for lock in locks:
        os.close(lock)


def test_a_reload_gets_files_for_as_many_workers_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In full size, once; a full disk leaves what is there."""
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    metrics_folder.prepare_metrics_folder(2, None)
    first = listing(tmp_path)
    write = Path.write_bytes

    def write_until_full(path: Path, content: bytes) -> int:
        if path.name.endswith("_4.db"):
            raise OSError(ENOSPC, os.strerror(ENOSPC), str(path))
        return write(path, content)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", write_until_full)
        with pytest.raises(MetricsFolderError) as refused:
            metrics_folder.make_room_for_replacements(2)
    assert "No space left on device; a reload needs 2560 KiB more" in str(refused.value)
    assert first == listing(tmp_path)
    for _ in range(2):
        metrics_folder.make_room_for_replacements(2)

    sizes = {name: (tmp_path / f"{name}_4.db").stat().st_size for name in metrics_folder.FILE_BYTES}
    assert metrics_folder.FILE_BYTES == sizes
    assert len(first) + 8 == len(listing(tmp_path))
    (tmp_path / "counter_4.db").unlink()
    assert tmp_path / "counter_4.db" == metrics_files.find_missing_file()


def test_a_lone_worker_needs_no_files_for_a_reload() -> None:
    """It shares none."""
    metrics_folder.make_room_for_replacements(1)
    assert metrics_files.get_metrics_folder() is None


def refusal(folder: Path, monkeypatch: pytest.MonkeyPatch, workers: int = 2) -> str:
    """What is said of a folder that isn't taken."""
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(folder))
    with pytest.raises(MetricsFolderError) as refused:
        metrics_folder.prepare_metrics_folder(workers, None)
    return str(refused.value)


def listing(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_variable_is_an_unset_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Nothing in the working directory is touched, and a folder is made elsewhere."""
    (tmp_path / "counter_1.db").write_text("orders")
    (tmp_path / "shm").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(name, "")
    metrics_folder.prepare_metrics_folder(2, str(tmp_path / "shm"))

    [made] = (tmp_path / "shm").iterdir()
    assert ["counter_1.db", "shm"] == listing(tmp_path)
    assert {"PROMETHEUS_MULTIPROC_DIR": str(made)} == {
        key: os.environ[key] for key in NAMES if key in os.environ
    }


@pytest.mark.parametrize("name", NAMES)
def test_metrics_of_an_earlier_start_are_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The folder of either variable is emptied, and then holds four files for each process."""
    for left_over in LEFT_OVER:
        (tmp_path / left_over).write_text("x")
    monkeypatch.chdir(tmp_path.parent)
    monkeypatch.setenv(name, tmp_path.name)

    metrics_folder.prepare_metrics_folder(2, None)

    kinds = ("counter", "gauge_livesum", "gauge_max", "histogram")
    assert [f"{kind}_{number}.db" for kind in kinds for number in range(3)] == listing(tmp_path)
    assert str(tmp_path) == os.environ["PROMETHEUS_MULTIPROC_DIR"]


@pytest.mark.parametrize(
    "other",
    [
        "orders.db",
        "counter_orders.db",
        "counter_1.db.bak",
        "gauge_1.db",
        ".hidden",
        "notes",
        "Counter_1.db",
    ],
)
def test_a_folder_that_holds_anything_else_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, other: str
) -> None:
    """Only files with prometheus_client's names are deleted, and only where there are no others."""
    for name in (*LEFT_OVER, other):
        (tmp_path / name).write_text("x")

    assert f"PROMETHEUS_MULTIPROC_DIR: {tmp_path}: holds '{other}'" in refusal(tmp_path, monkeypatch)
    assert sorted((*LEFT_OVER, other)) == listing(tmp_path)


@pytest.mark.parametrize("kind", ["link", "folder"])
def test_what_only_has_such_a_name_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """A link or a folder by the name of a file of metrics is none."""
    folder, target = tmp_path / "metrics", tmp_path / "target"
    folder.mkdir()
    target.mkdir()
    if kind == "link":
        (folder / "counter_1.db").symlink_to(target)
    else:
        (folder / "counter_1.db").mkdir()

    assert "holds 'counter_1.db'" in refusal(folder, monkeypatch)
    assert ["counter_1.db"] == listing(folder)


def test_a_link_to_a_folder_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a volume is mounted elsewhere, the variable may name a link to it."""
    (tmp_path / "volume").mkdir()
    (tmp_path / "metrics").symlink_to("volume")
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path / "metrics"))
    metrics_folder.prepare_metrics_folder(2, None)

    assert 12 == len(listing(tmp_path / "volume"))


def test_a_file_is_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said what it is, whether it is named or on the way."""
    (tmp_path / "file").write_text("x")

    assert refusal(tmp_path / "file", monkeypatch).endswith("file: is a file; name a folder")
    assert "Not a directory; name a folder" in refusal(tmp_path / "file" / "metrics", monkeypatch)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the reason, for a folder that the variable names and for one of our own."""
    assert "/proc/metrics: No such file or directory; name a folder" in refusal(
        Path("/proc/metrics"), monkeypatch
    )
    monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR")
    with pytest.raises(MetricsFolderError, match=r"is unset, and no folder can be made in .*missing"):
        metrics_folder.prepare_metrics_folder(2, str(tmp_path / "missing"))


def test_too_little_room_is_said_in_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The start needs the room that the documentation's arithmetic gives, and without it, takes none."""
    full, whole = OSError(28, "No space left on device"), Path.write_bytes

    def write(path: Path, data: bytes) -> int:
        if path.name.endswith("_3.db"):
            raise full
        return whole(path, data)

    monkeypatch.setattr(Path, "write_bytes", write)
    assert "No space left on device; 4 workers need 4864 KiB" in refusal(tmp_path, monkeypatch, 4)
    assert [] == listing(tmp_path)


def test_room_that_is_not_enough_is_given_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the trees need larger files than there is room for, a named folder takes no more than before."""
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    metrics_folder.prepare_metrics_folder(2, None)
    before = {path.name: path.stat().st_size for path in tmp_path.iterdir()}
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            metrics_files.enlarge_files("counter", 700_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert before == {path.name: path.stat().st_size for path in tmp_path.iterdir()}


@pytest.mark.parametrize("end", ["sys.exit(1)", "raise ValueError", "1"])
def test_a_folder_of_our_own_goes_with_its_process(tmp_path: Path, end: str) -> None:
    """However the start ends, but with none of the processes that it forks."""
    script = f"""
import os, sys
from pathlib import Path
from finetune_advisor.telemetry import metrics_folder
place = sys.argv[1]
metrics_folder.prepare(2, place)
if not os.fork():
    sys.exit()
os.wait()
assert len([*Path(place).iterdir()]) == 1
{end}
"""
    run = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, timeout=60)

    assert b"AssertionError" not in run.stderr
    assert [] == listing(tmp_path)


def test_a_folder_belongs_to_one_instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second one would delete the metrics of the first."""
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    metrics_folder.prepare_metrics_folder(2, None)
    (tmp_path / "counter_1.db").write_text("counted")

    assert "another instance uses it" in refusal(tmp_path, monkeypatch)
    assert "counted" == (tmp_path / "counter_1.db").read_text()


def test_folders_of_killed_instances_are_removed(tmp_path: Path) -> None:
    """Only ours, only old ones, only those that nobody has locked, and none that holds anything else."""
    for name in ("old", "new", "locked", "strange"):
        folder = tmp_path / f"finetune-advisor-metrics-{name}"
        folder.mkdir()
        (folder / ("orders.db" if name == "strange" else "counter_1.db")).touch()
        if name != "new":
            os.utime(folder, (0, 0))
    (tmp_path / "finetune-advisor-metrics-link").symlink_to("finetune-advisor-metrics-locked")
    (tmp_path / "other").mkdir()
    lock = metrics_folder._lock(tmp_path / "finetune-advisor-metrics-locked")
    metrics_folder.prepare_metrics_folder(2, str(tmp_path))
    os.close(lock)

    made = Path(os.environ["PROMETHEUS_MULTIPROC_DIR"])
    left = {name.removeprefix("finetune-advisor-metrics-") for name in listing(tmp_path)}
    assert {"new", "locked", "strange", "link", "other"} == left - {
        made.name.removeprefix("finetune-advisor-metrics-")
    }


@pytest.mark.parametrize("change", ["removed", "replaced", "folder removed"])
def test_a_file_that_is_gone_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    """So that no scrape passes off what is left as the whole."""
    folder = tmp_path / "metrics"
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(folder))
    metrics_folder.prepare_metrics_folder(2, None)
    assert None is metrics_files.find_missing_file()

    if change == "folder removed":
        folder.rename(tmp_path / "elsewhere")
    else:
        victim = folder / "counter_2.db"
        victim.rename(tmp_path / "elsewhere")
        if change == "replaced":
            victim.touch()
    assert metrics_files.find_missing_file()


def test_the_contract_is_printed_without_a_trace(tmp_path: Path) -> None:
    """Other commands leave the folder alone, and the working directory if the variable is empty."""
    for value in (str(tmp_path), ""):
        subprocess.run(
            [sys.executable, "-m", "finetune_advisor.cli", "openapi"],
            env={**os.environ, "PROMETHEUS_MULTIPROC_DIR": value},
            cwd=tmp_path,
            check=True,
            capture_output=True,
            timeout=60,
        )

        assert [] == listing(tmp_path)
