"""`xstilts submission check`: folders and zip files with all that can be wrong with them."""

import shutil
import stat
import tempfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from synthetic_study import evaluations, languages_of, test_rows, write_study

from xstilts.data.canonical import data_path, write
from xstilts.errors import UserError
from xstilts.evaluation.official import file_name
from xstilts.files import read_json, sha256, write_json
from xstilts.publish.board.evaluations import read_cells
from xstilts.publish.board.scoreboard import scoreboard
from xstilts.publish.files import archive_check
from xstilts.publish.files.all_files import write_files
from xstilts.publish.files.submission import write_archive
from xstilts.publish.files.submission_check import OFFICIAL_LINES, check
from xstilts.tasks.table import TASKS, members, task_in

TARGETS = ("xnli", "udpos", "tatoeba")
ITEMS = 12


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A project with a published study, its test rows in data/ as its scores name them."""
    root = tmp_path_factory.mktemp("project")
    params = write_study(
        root, lambda *_: 0.8, recipes={"none": []}, targets=TARGETS, items=ITEMS, controls=()
    )
    for task in TARGETS:
        for language in languages_of(task):
            path = data_path(root / "data" / task, task, "test", language)
            write(test_rows(TASKS[task], language, ITEMS), TASKS[task], path)
    results = root / "results" / "made-up"
    cells = read_cells(params, evaluations(root))
    board = scoreboard(params, cells, evaluations(root), root)
    write_files(board, cells, results)
    for task, files in board["provenance"]["data"].items():
        for name, file in files.items():
            if name.startswith(f"{task}/test/"):
                file["sha256"] = sha256(root / "data" / task / name)
    write_json(results / "scores.json", board)
    return root


@pytest.fixture
def project(published, tmp_path, monkeypatch) -> Path:
    """A submission of one's own in the project: `mine/`."""
    monkeypatch.chdir(published)
    shutil.copytree(published / "results/made-up/submission", tmp_path / "mine")
    return tmp_path / "mine"


def _problems(place, study="made-up") -> list[str]:
    with pytest.raises(UserError) as error:
        check(str(place), study)
    return error.value.problems


def _zipped(folder: Path) -> Path:
    write_archive(folder, folder.with_suffix(".zip"))
    return folder.with_suffix(".zip")


def test_what_is_published_is_valid_as_folder_and_as_zip(published, monkeypatch, capsys):
    monkeypatch.chdir(published)
    files = sum(len(languages_of(task)) for task in TARGETS)
    for name in ("submission", "submission.zip"):
        assert check(f"results/made-up/{name}", "made-up") == 0
        assert f"{name} is a valid submission: {', '.join(TARGETS)}; {files} files" in (
            shown := capsys.readouterr().out
        )
        assert f"the test rows of {files} of {files} files" in shown


@pytest.mark.parametrize("packed", [False, True])
def test_every_deviation_is_reported_at_once(project, packed):
    (project / "xnli/test-de.tsv").unlink()
    short = project / "xnli/test-ar.tsv"
    short.write_text("".join(short.read_text().splitlines(keepends=True)[:-1]))
    blank = project / "xnli/test-en.tsv"
    blank.write_text(blank.read_text() + "\n")
    tags = project / "udpos/test-hi.tsv"
    tags.write_text(tags.read_text().split("\n", 1)[1])
    (project / "tatoeba").rename(project / "Tatoeba")
    (project / "notes.txt").write_text("mine")
    place = _zipped(project) if packed else project
    found = "\n".join(_problems(place))
    for message in (
        f"{place}/xnli/test-de.tsv: missing",
        f"{place}/xnli/test-ar.tsv: {ITEMS - 1} lines for {ITEMS} test examples",
        f"{place}/xnli/test-en.tsv: line {ITEMS + 1}: blank last line",
        f"{place}/xnli/test-en.tsv: {ITEMS + 1} lines for {ITEMS} test examples",
        f"{place}/udpos/test-hi.tsv: sentence 1 ('hi-0'): 2 tags for 3 tokens",
        f"{place}/Tatoeba: no task of this submission has this name; remove the folder",
        f"{place}/tatoeba: missing",
        f"{place}/notes.txt: no task of this submission has this name; remove the file",
    ):
        assert message in found
    assert found.count("\n") == 7


def test_folders_below_a_folder_are_named_and_still_checked(project):
    nested = project.parent / "nested" / "submission"
    shutil.copytree(project, nested)
    (nested / "xnli/test-de.tsv").unlink()
    for place in (nested.parent, _zipped(nested.parent)):
        found = _problems(place)
        assert found == [
            f"{place}: the folders of tasks lie in submission/; they have to stand at the top",
            f"{place}/submission/xnli/test-de.tsv: missing; every language of the task must be "
            "there",
        ]


def _entry(name: str, mode: int = 0o100644) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.external_attr = mode << 16
    return entry


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_zip_that_is_not_safe_is_named_and_writes_nothing_outside(project):
    place = _zipped(project)
    with zipfile.ZipFile(place, "a") as archive:
        archive.writestr(_entry("../outside.tsv"), "x")
        archive.writestr(_entry("xnli/../../up.tsv"), "x")
        archive.writestr(_entry("/absolute.tsv"), "x")
        archive.writestr(_entry("C:/drive.tsv"), "x")
        archive.writestr(_entry("xnli\\test-xx.tsv"), "x")
        archive.writestr(_entry("link", stat.S_IFLNK | 0o777), "/etc/passwd")
        archive.writestr(_entry("xnli/test-ar.tsv"), (project / "xnli/test-ar.tsv").read_text())
    found = "\n".join(_problems(place))
    for name in ("../outside.tsv", "xnli/../../up.tsv", "/absolute.tsv", "C:/drive.tsv"):
        assert f"{place}: {name!r} leads out of the folder" in found
    assert f"{place}: 'xnli\\\\test-xx.tsv' has a backslash" in found
    assert f"{place}: 'link' is a link" in found
    assert f"{place}: 'xnli/test-ar.tsv' is in it 2 times" in found
    assert found.count("\n") == 6
    assert not list(project.parent.rglob("outside.tsv"))
    assert not Path("/absolute.tsv").exists()


_PARTS = st.sampled_from(["a", "b", "..", ".", "", "C:", "\\", "xnli", "~", " ", "é"])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@pytest.mark.filterwarnings("ignore:Duplicate name")
@given(st.lists(st.lists(_PARTS, min_size=1, max_size=4), min_size=1, max_size=4))
def test_no_name_leads_out_of_the_folder(tmp_path, names):
    with tempfile.TemporaryDirectory(dir=tmp_path) as scratch:
        place = Path(scratch)
        with zipfile.ZipFile(place / "any.zip", "w") as archive:
            for parts in names:
                archive.writestr(_entry("/".join(parts) or "x"), "x")
        archive_check.unpack(place / "any.zip", place / "unpacked")
        assert {path.name for path in place.iterdir()} <= {"any.zip", "unpacked"}


def test_a_zip_that_unpacks_to_too_much_is_not_unpacked(project, monkeypatch):
    monkeypatch.setattr(archive_check, "LARGEST", 100)
    found = _problems(_zipped(project))
    assert "more than any submission" in found[0]
    assert "xnli: missing" in found[1]


def test_a_damaged_zip_is_named(project):
    place = _zipped(project)
    with zipfile.ZipFile(place) as archive:
        entry = archive.getinfo("xnli/test-ar.tsv")
    content = bytearray(place.read_bytes())
    content[entry.header_offset + 30 + len(entry.filename) + 2] ^= 0xFF  # in its compressed data
    place.write_bytes(content)
    found = "\n".join(_problems(place))
    assert f"{place}/xnli/test-ar.tsv: cannot be unpacked" in found
    place.write_bytes(content[:40])
    assert "cannot be read as a zip file" in _problems(place)[0]


def test_an_encrypted_entry_is_named(project):
    place = _zipped(project)
    with zipfile.ZipFile(place) as archive:
        entry = archive.infolist()[0]
        start = archive.start_dir
    content = bytearray(place.read_bytes())
    content[start + 8] |= 0x1  # the flag in the first entry of the central directory
    place.write_bytes(content)
    assert f"{place}: {entry.filename!r} is encrypted" in _problems(place)[0]


def test_other_test_rows_in_data_are_not_compared_with(published, project, capsys):
    path = data_path(published / "data/xnli", "xnli", "test", "ar")
    kept = path.read_bytes()
    try:
        write(test_rows(TASKS["xnli"], "ar", ITEMS + 1), TASKS["xnli"], path)
        assert check(str(project), "made-up") == 0
    finally:
        path.write_bytes(kept)
    files = sum(len(languages_of(task)) for task in TARGETS)
    assert f"the test rows of {files - 1} of {files} files" in capsys.readouterr().out


def test_without_a_study_the_whole_benchmark_is_expected(project):
    found = _problems(project, None)
    assert f"{project}/xnli/test-ar.tsv: {ITEMS} lines for 5010 test examples" in found
    assert f"{project}/xnli/test-bg.tsv: missing; every language of the task must be there" in found
    missing = [text for text in found if text.endswith(", ".join(TASKS["panx"].languages))]
    assert missing == [
        f"{project}/panx: missing; write predictions for {', '.join(TASKS['panx'].languages)}"
    ]
    assert not [text for text in found if "xcopa" in text]


def test_tasks_of_xtreme_r_ask_for_xtreme_r(tmp_path, capsys):
    for name in members("xtreme-r"):
        for language in task_in(name, "xtreme-r").languages:
            path = tmp_path / name / file_name(TASKS[name].format, language)
            path.parent.mkdir(exist_ok=True)
            path.write_text(_least(name))
    assert check(str(tmp_path), None) == 0
    files = sum(len(task_in(name, "xtreme-r").languages) for name in members("xtreme-r"))
    assert f"mewslix; {files} files" in capsys.readouterr().out


def _least(name: str) -> str:
    """Few predictions that the official layout accepts."""
    lines = {"xnli": "neutral\n", "xcopa": '{"label": 0}\n'}
    if name in lines:
        return lines[name] * OFFICIAL_LINES[name]
    return {"udpos": "NOUN\n", "panx": "O\n", "tatoeba": "0\n"}.get(name, "{}\n")


def test_a_place_or_a_study_that_is_not_there(project):
    assert "no such file or folder" in _problems(project / "gone")[0]
    assert "results/none/scores.json is missing" in _problems(project, "none")[0]


def test_a_study_of_other_targets_alone_submits_nothing(published, project):
    board = read_json(published / "results/made-up/scores.json")
    other = published / "results/other/scores.json"
    write_json(other, board | {"cells": [c | {"target": "snli"} for c in board["cells"]]})
    assert _problems(project, "other") == [
        "study other has no task of xtreme: nothing is submitted."
    ]
