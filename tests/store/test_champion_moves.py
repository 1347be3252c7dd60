"""The champion on a real S3 server: races, deaths in between, and what is never overwritten."""

import json
import re
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier

import pytest
from synthetic_study import evaluations, write_study

from xstilts.cli import main
from xstilts.errors import UserError
from xstilts.files import write_json
from xstilts.publish.board.evaluations import read_cells
from xstilts.publish.board.scoreboard import scoreboard
from xstilts.publish.run import write_items
from xstilts.registry import commands
from xstilts.registry.candidates import candidates
from xstilts.registry.champion import propose, read_history
from xstilts.registry.gate import FIRST
from xstilts.registry.published import published_entrant
from xstilts.registry.rollback import rollback
from xstilts.store import manifest, objects, remote
from xstilts.store.location import parse
from xstilts.store.publication import publish_results
from xstilts.study.params import write_params

STUDY = "made-up"
RUNS = {"weak": 0.3, "middle": 0.6, "strong": 0.9}
RACES = 50
EXTRA = {"dvc.lock": b"{}", "params.yaml": b"{}"}
# Propose a run, and die at the first write to the registry: before it or after it
DYING = """
import os, signal, sys
from xstilts.registry.champion import propose
from xstilts.registry.published import published_entrant
from xstilts.store import conditional
from xstilts.store.location import parse

when, url, name, run = sys.argv[1:]
put = conditional._put

def dying(*arguments, **settings):
    if when == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    written = put(*arguments, **settings)
    if written:
        os.kill(os.getpid(), signal.SIGKILL)
    return written

conditional._put = dying
location = parse(url)
propose(location, name, published_entrant(location, "made-up", run))
"""


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """The results of three runs, each clearly better than the one before."""
    folders = {}
    for run, accuracy in RUNS.items():
        root = tmp_path_factory.mktemp(run)
        params = write_study(
            root,
            lambda *_, accuracy=accuracy: accuracy,
            recipes={"none": []},
            targets=("xnli",),
            controls=(),
        )
        cells = read_cells(params, evaluations(root))
        board = scoreboard(params, cells, evaluations(root), root)
        write_json(root / "results" / "scores.json", board)
        write_items(board, cells, root / "results" / "items")
        folders[run] = root / "results"
    return folders


@pytest.fixture(scope="module")
def published(s3, results):
    """A store in which the three runs are published; every test has champions of its own name."""
    store = s3.store("champions")
    for run, folder in results.items():
        publish_results(store, STUDY, run, folder, EXTRA)
    return store


@pytest.fixture
def name(request) -> str:
    """The name of a champion that no other test has."""
    return re.sub(r"[^a-z0-9]+", "-", request.node.name).strip("-")


def put_forward(location, name: str, *runs: str) -> list[str]:
    """Propose runs in this order; the runs of all champions of the name."""
    for run in runs:
        propose(location, name, published_entrant(location, STUDY, run))
    return champions(location, name)


def champions(location, name: str) -> list[str]:
    history = read_history(location, name)
    assert [entry.number for entry in history] == list(range(1, len(history) + 1))
    return [entry.run for entry in history]


def refused(location, name: str) -> list[str]:
    return [own["run"] for own in candidates(location, name)]


def race(*actions) -> list[object]:
    """Do all at the same time; what they return, or the error that they raise."""
    start = Barrier(len(actions))

    def run(action):
        start.wait()
        try:
            return action()
        except UserError as error:
            return error

    with ThreadPoolExecutor(len(actions)) as pool:
        return list(pool.map(run, actions))


def test_the_better_one_is_champion_and_the_worse_one_a_candidate(published, name, capsys, s3):
    for run in ("middle", "weak", "strong", "strong"):
        assert commands.propose(published, name, STUDY, run, dry_run=False) == 0
    said = capsys.readouterr().out
    assert said.count("It is now the champion.") == 2
    assert said.count("It is now a candidate.") == 1
    assert "It is champion already (number 2); nothing changes." in said
    assert champions(published, name) == ["middle", "strong"]
    assert refused(published, name) == ["weak"]
    key = published.key("models", name, "champion.json")
    head = s3.client().head_object(Bucket=published.bucket, Key=key)
    assert head["ContentType"] == "application/json"
    found = json.loads(objects.read(published, "models", name, "champion.json"))
    assert found["champion"]["run"] == "strong"


def test_a_dry_run_writes_nothing(published, name, results, capsys):
    put_forward(published, name, "weak")
    before = objects.names(published)
    assert commands.propose(published, name, STUDY, "strong", dry_run=True) == 0
    commands.propose_local(published, name, results["strong"], STUDY, "strong")
    first, second = capsys.readouterr().out.split(f"Challenger for {name}: ")[1:]
    assert first == second
    assert "It would become the champion. On common items its average is" in first
    assert objects.names(published) == before
    assert champions(published, name) == ["weak"]


@pytest.mark.parametrize("before", [(), ("weak",)], ids=["no champion", "a champion"])
def test_two_publishers_race(published, name, before):
    """Each has its chance once: the better one ends as champion, and nobody is lost."""
    entrants = [published_entrant(published, STUDY, run) for run in ("middle", "strong")]
    for number in range(RACES):
        own = f"{name}-{number}"
        put_forward(published, own, *before)
        verdicts = race(*(partial(propose, published, own, entrant) for entrant in entrants))
        moves = [verdict.entry is not None for verdict in verdicts]
        found = champions(published, own)[len(before) :]
        assert found == (["middle", "strong"] if moves[0] else ["strong"])
        assert refused(published, own) == ([] if moves[0] else ["middle"])
        assert moves[1]
        firsts = [entry for entry in read_history(published, own) if entry.reason == FIRST]
        assert len(firsts) == 1
    for run in RUNS:
        assert manifest.read(published, STUDY, run) is not None


def test_a_rollback_races_with_a_publisher(published, name):
    """Either the rollback comes first, or it is told that the champion has changed."""
    entrant = published_entrant(published, STUDY, "strong")
    for number in range(10):
        own = f"{name}-{number}"
        put_forward(published, own, "weak", "middle")
        rolled, _ = race(
            partial(rollback, published, own, None), partial(propose, published, own, entrant)
        )
        found = champions(published, own)
        if isinstance(rolled, UserError):
            assert "was changed meanwhile, to made-up/strong" in str(rolled)
            assert found == ["weak", "middle", "strong"]
        else:
            assert found in (
                ["weak", "middle", "weak", "strong"],  # the rollback was first
                ["weak", "middle", "strong", "middle"],  # it saw the new one, and undid that
            )


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("run", ["strong", "weak"])
def test_who_dies_at_a_write_leaves_a_whole_record_and_may_come_again(published, name, when, run):
    put_forward(published, name, "middle")
    command = [sys.executable, "-c", DYING, when, str(published), name, run]
    assert subprocess.run(command).returncode == -signal.SIGKILL
    moved = run == "strong" and when == "after"
    assert champions(published, name) == (["middle", "strong"] if moved else ["middle"])
    kept = run == "weak" and when == "after"
    assert refused(published, name) == (["weak"] if kept else [])
    put_forward(published, name, run, run)
    better = run == "strong"
    assert champions(published, name) == (["middle", "strong"] if better else ["middle"])
    assert refused(published, name) == ([] if better else ["weak"])


def test_a_damaged_record_is_named_and_stays_as_it_is(published, name):
    put_forward(published, name, "weak")
    objects.write(published, b'{"schema": 1, "champion": ', "models", name, "champion.json")
    for action in (
        lambda: put_forward(published, name, "strong"),
        lambda: rollback(published, name, None),
    ):
        with pytest.raises(UserError, match=r"/champion\.json is no record of champions"):
            action()
    assert objects.read(published, "models", name, "champion.json") == (
        b'{"schema": 1, "champion": '
    )
    assert put_forward(published, f"{name}-other", "strong") == ["strong"]


def test_a_run_that_lost_its_items_is_named_with_its_address(published, name, results):
    publish_results(published, STUDY, "lost", results["weak"], EXTRA)
    put_forward(published, name, "lost")
    key = ("studies", STUDY, "lost", "results", "items", "xnli-0.parquet")
    objects.write(published, b"other", *key)
    with pytest.raises(UserError) as raised:
        put_forward(published, name, "strong")
    damaged, consequence = raised.value.problems
    assert f"{published.url}/{'/'.join(key)} is not the file that was published" in damaged
    assert consequence.startswith("So nothing can be compared with made-up/lost, the champion of")
    assert champions(published, name) == ["lost"]
    with pytest.raises(UserError, match="made-up/nobody is no published run"):
        put_forward(published, name, "nobody")


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """A folder that `xstilts` takes for a clone."""
    (tmp_path / "pipelines" / "studies").mkdir(parents=True)
    (tmp_path / "dvc.yaml").touch()
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc" / "config").write_text("[core]\n    analytics = false\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_publishing_from_a_clone_challenges_the_champion(
    clone, published, name, monkeypatch, capsys
):
    """A partial study, because those are published without DVC."""
    params = write_study(
        clone,
        lambda *_: 0.95,
        recipes={"none": [], "mnli": ["mnli"]},
        targets=("xnli",),
        controls=(),
    )
    write_params(clone / "params.yaml", params)
    monkeypatch.setattr("xstilts.publish.commands.select", lambda *_: params)
    shutil.rmtree(evaluations(clone) / "mini-mnli-xnli-0")
    put_forward(published, name, "strong")
    words = ["publish", "--allow-partial", "--to", str(published), "--run", name]
    words += ["--champion", name]
    for more, said in (
        (["--dry-run"], "It would become"),
        ([], "It is now"),
        ([], "It is champion"),
    ):
        assert main([*words, *more]) == 0
        output = capsys.readouterr().out
        assert (
            f"Challenger for {name}: made-up-partial, run {name}: mini with recipe none" in output
        )
        assert said in output
        assert champions(published, name) == ["strong", name][: 1 + (not more)]


def test_the_command_line_of_a_clone(clone, published, name, capsys):
    remote.configure(clone, published)
    put_forward(published, name, "weak", "middle", "strong")
    assert main(["champion", "rollback", name, "--to", "1"]) == 0
    assert main(["champion", "show", name]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == said[1].replace("is made-up", "is now made-up")
    assert "Rolled back from made-up/strong (number 3)." in said[0]
    assert main(["champion", "history", name]) == 0
    assert [line[:2] for line in capsys.readouterr().out.splitlines()] == ["1 ", "2 ", "3 ", "4 "]
    assert main(["champion", "show"]) == 0
    assert name in capsys.readouterr().out.splitlines()
    assert main(["champion", "rollback", name]) == 2
    assert "had no champion before made-up/weak" in capsys.readouterr().err


def test_the_address_of_a_store_comes_back(published):
    assert parse(str(published)) == published  # the dying process gets it as a text
