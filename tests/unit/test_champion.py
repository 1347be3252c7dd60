"""The champion's record: who moves it, what is kept, and what is left alone."""

import json

import pytest
from entrants import entrant
from hypothesis import given, settings
from hypothesis import strategies as st
from memory_store import LOCATION, use_memory

from xstilts.errors import UserError
from xstilts.registry import champion as champions
from xstilts.registry import commands
from xstilts.registry.candidates import candidates
from xstilts.registry.champion import consider, propose, read_history
from xstilts.registry.record import Entry, from_bytes, to_bytes
from xstilts.registry.rollback import rollback

KEY = "place/models/mini/champion.json"
FEW = {"tasks": ("xnli",), "languages": ("en", "de"), "count": 200}
LEVELS = {"a": 0.4, "b": 0.6, "c": 0.8}  # every one clearly better than the one before
RUNS = {name: entrant(name, level, noise=1, **FEW) for name, level in LEVELS.items()}


@pytest.fixture
def store(monkeypatch):
    """A store in memory with three published runs."""
    monkeypatch.setattr(champions, "published_entrant", lambda _location, _study, run: RUNS[run])
    return use_memory(monkeypatch)


def proposed(*runs: str) -> list[str]:
    """Propose runs in this order; the runs of all champions."""
    for run in runs:
        propose(LOCATION, "mini", RUNS[run])
    return [entry.run for entry in read_history(LOCATION, "mini")]


def refused() -> list[str]:
    return [own["run"] for own in candidates(LOCATION, "mini")]


def test_each_better_run_becomes_champion_and_the_record_says_why(store):
    assert proposed("a", "b") == ["a", "b"]
    found = json.loads(store.objects[KEY])
    assert found["schema"] == 1
    assert found["champion"] == found["history"][-1]
    assert [own["number"] for own in found["history"]] == [1, 2]
    assert found["history"][0]["reason"] == "There was no champion before it."
    assert "clears the margin of 0." in found["champion"]["reason"]
    own = {name: found["champion"][name] for name in ("study", "run", "model", "recipe", "seed")}
    assert own == {"study": "study", "run": "b", "model": "mini", "recipe": "mnli", "seed": 0}
    assert found["champion"]["average"] == RUNS["b"].best["average"]["value"]
    assert refused() == []


def test_a_worse_run_is_a_candidate_with_the_reason(store):
    assert proposed("b", "a") == ["b"]
    (found,) = candidates(LOCATION, "mini")
    assert (found["study"], found["run"]) == ("study", "a")
    assert found["against"] == {"number": 1, "name": "study/b"}
    assert "does not clear the margin of 0." in found["reason"]
    assert len(found["details"]) == 1
    assert list(store.objects) == [KEY, "place/models/mini/candidates/study.a.json"]


@pytest.mark.usefixtures("store")
def test_names_do_not_know_each_other():
    propose(LOCATION, "one", RUNS["b"])
    propose(LOCATION, "two", RUNS["a"])
    assert read_history(LOCATION, "two")[-1].run == "a"


@pytest.mark.parametrize("runs", ["a", "ab", "ba"])
def test_the_same_run_again_writes_nothing(store, runs):
    proposed(*runs)
    before, writes = dict(store.objects), store.writes
    proposed(*runs)
    assert (store.objects, store.writes) == (before, writes)


def test_a_dry_run_writes_nothing(store, capsys, tmp_path, monkeypatch):
    proposed("a")
    writes = store.writes
    monkeypatch.setattr(commands, "read_entrant", lambda _folder, _study, run: RUNS[run])
    assert commands.propose_local(LOCATION, "mini", tmp_path, "study", "b") == 0
    output = capsys.readouterr().out
    assert output.startswith(
        "Challenger for mini: study, run b: mini with recipe mnli, average 60.00.\n"
        "Champion: study, run a: mini with recipe mnli, average 40.00.\n"
        "  xnli: 20.00 points higher (400 common items in 2 languages, seed 0).\n"
        "It would become the champion. On common items its average is 20.00 points higher (95 %"
    )
    assert store.writes == writes


_STEPS = st.lists(st.sampled_from([*RUNS, "back", "1", "2"]), max_size=9)


@settings(max_examples=40)
@given(steps=_STEPS)
def test_history_only_grows_and_a_run_moves_the_champion_once(steps):
    """Whatever is proposed and rolled back, in whatever order."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(champions, "published_entrant", lambda _location, _study, run: RUNS[run])
        store, before = use_memory(patch), ()
        for step in steps:
            if step in RUNS:
                propose(LOCATION, "mini", RUNS[step])
            else:
                try:
                    rollback(LOCATION, "mini", None if step == "back" else step)
                except UserError:
                    assert read_history(LOCATION, "mini") == before
            after = read_history(LOCATION, "mini")
            assert after[: len(before)] == before
            assert len(after) - len(before) in (0, 1)
            before = after
        gates = [entry.run for entry in before if entry.restores is None]
        assert len(set(gates)) == len(gates)
        known = {entry.run for entry in before} | set(refused())
        assert known >= set(steps) & set(RUNS)
        assert all(from_bytes(store.objects[KEY], KEY) == before for _ in before[:1])


def test_after_a_lost_race_the_gate_decides_again(store):
    """While b is compared with a, c becomes champion: b is then worse."""
    proposed("a")

    def overtaken(key):
        store.before_write = lambda _key: None
        assert key == KEY
        propose(LOCATION, "mini", RUNS["c"])

    store.before_write = overtaken
    assert propose(LOCATION, "mini", RUNS["b"]).entry is None
    assert proposed() == ["a", "c"]
    (found,) = candidates(LOCATION, "mini")
    assert (found["run"], found["against"]["name"]) == ("b", "study/c")


@pytest.mark.usefixtures("store")
def test_a_write_whose_answer_was_lost_counts_once(monkeypatch):
    """The server has written, but says that the condition does not hold."""
    proposed("a")
    whole = champions.conditional.replace
    monkeypatch.setattr(champions.conditional, "replace", lambda *a, **k: whole(*a, **k) and False)
    verdict = propose(LOCATION, "mini", RUNS["b"])
    assert verdict.decision.promoted
    assert proposed() == ["a", "b"]
    entry = rollback(LOCATION, "mini", None)
    assert (entry.run, proposed()) == ("a", ["a", "b", "a"])


@pytest.mark.usefixtures("store")
def test_rolling_back_twice_goes_back_by_two_and_no_further():
    assert proposed("a", "b", "c") == ["a", "b", "c"]
    assert rollback(LOCATION, "mini", None).restores == 2
    last = rollback(LOCATION, "mini", None)
    assert (last.run, last.number, last.restores) == ("a", 5, 1)
    assert last.reason == "Rolled back from study/b (number 4)."
    with pytest.raises(UserError, match="mini had no champion before study/a"):
        rollback(LOCATION, "mini", None)
    assert proposed() == ["a", "b", "c", "b", "a"]


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("to", ["1", "a", "study/a"])
def test_a_rollback_names_whom_it_wants(to):
    proposed("a", "b", "c")
    assert rollback(LOCATION, "mini", to).run == "a"
    assert propose(LOCATION, "mini", RUNS["c"]).known  # publishing again does not undo it
    assert proposed("b") == ["a", "b", "c", "a"]


@pytest.mark.usefixtures("store")
def test_what_cannot_be_rolled_back_is_said():
    proposed("a", "b")
    with pytest.raises(UserError, match=r"never had the champion 'd'; there were 1 \(study/a\), 2"):
        rollback(LOCATION, "mini", "d")
    with pytest.raises(UserError, match="study/b is the champion of mini already"):
        rollback(LOCATION, "mini", "2")
    with pytest.raises(UserError, match=r"/other/champion\.json does not exist: other has no"):
        rollback(LOCATION, "other", None)


def test_a_rollback_that_is_overtaken_is_not_repeated_blindly(store):
    proposed("a", "b")

    def overtaken(_key):
        store.before_write = lambda _key: None
        propose(LOCATION, "mini", RUNS["c"])

    store.before_write = overtaken
    with pytest.raises(UserError, match="The champion of mini was changed meanwhile, to study/c"):
        rollback(LOCATION, "mini", None)
    assert proposed() == ["a", "b", "c"]


_ENTRY = Entry(1, "s", "r", "m", "none", 0, 50.0, "2026-01-01T00:00:00+00:00", "First.")
_GOOD = json.loads(to_bytes([_ENTRY]))


def damaged(**changes) -> bytes:
    """A record with one entry changed."""
    entry = _GOOD["champion"] | changes
    return json.dumps(_GOOD | {"champion": entry, "history": [entry]}).encode()


DAMAGED = {
    "no JSON": b"{",
    "no UTF-8": b"\xff\xfe",
    "nothing": b"",
    "another thing": b"[1, 2]",
    "deep": b"[" * 100_000,
    "a newer schema": json.dumps(_GOOD | {"schema": 2}).encode(),
    "more than we know": json.dumps(_GOOD | {"owner": "me"}).encode(),
    "no history": json.dumps(_GOOD | {"history": []}).encode(),
    "another champion": json.dumps(_GOOD | {"champion": _GOOD["champion"] | {"run": "x"}}).encode(),
    "a number for a name": damaged(run=3),
    "a text for a score": damaged(average="50"),
    "a gap": damaged(number=2),
    "an unknown field": damaged(more=1),
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_record_is_named_and_never_overwritten(store, content):
    store.objects[KEY] = content
    name = "s3://bucket/place/models/mini/champion.json is no record of champions"
    for action in (
        lambda: propose(LOCATION, "mini", RUNS["a"]),
        lambda: consider(LOCATION, "mini", RUNS["a"]),
        lambda: rollback(LOCATION, "mini", None),
        lambda: read_history(LOCATION, "mini"),
    ):
        with pytest.raises(UserError, match=name):
            action()
    assert store.objects == {KEY: content}


@given(st.lists(st.builds(Entry, *[st.integers(), *[st.text()] * 4, st.integers(),
       st.floats(allow_nan=False), st.text(), st.text(), st.none() | st.integers()]),
       min_size=1))  # fmt: skip
def test_what_is_written_is_read_back(entries):
    numbered = tuple(
        Entry(**(vars(entry) | {"number": number})) for number, entry in enumerate(entries, 1)
    )
    assert from_bytes(to_bytes(numbered), "it") == numbered


def test_a_champion_whose_run_is_gone_is_not_replaced_unseen(store, monkeypatch):
    proposed("a")

    def gone(_location, _study, _run):
        raise UserError("It is gone.")

    monkeypatch.setattr(champions, "published_entrant", gone)
    before = dict(store.objects)
    with pytest.raises(UserError) as raised:
        propose(LOCATION, "mini", RUNS["b"])
    first, second = raised.value.problems
    assert first == "It is gone."
    assert second.startswith("So nothing can be compared with study/a, the champion of mini: ")
    assert store.objects == before


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("name", ["", "..", "a/b", "-a", "a b"])
def test_a_name_that_is_no_folder_is_refused(name):
    with pytest.raises(UserError, match=r"The champion's name .* may hold letters"):
        propose(LOCATION, name, RUNS["a"])


def test_the_commands_show_champion_candidates_and_history(store, capsys, monkeypatch):
    monkeypatch.setattr(commands, "configured_store", lambda: LOCATION)
    proposed("b", "a", "c")
    store.objects["place/models/mini/candidates/odd.json"] = b"?"
    assert commands.show("mini") == 0
    champion, others = capsys.readouterr().out.splitlines()
    assert champion.startswith("The champion of mini is study, run c: mini with recipe mnli, ")
    assert others == "2 candidates beside it: `xstilts champion history mini` has the reasons."
    assert commands.rollback("mini", None) == 0
    assert "The champion of mini is now study, run b" in capsys.readouterr().out
    assert commands.history("mini") == 0
    *lines, odd, candidate = capsys.readouterr().out.splitlines()
    expected = [f"{n}  study, run {run}" for n, run in zip("123", "bcb", strict=True)]
    assert [line[:15] for line in lines] == expected
    assert odd == "candidate  odd.json (no date): This object is no candidate's record."
    assert candidate.startswith("candidate  study, run a (20")
    assert commands.show(None) == 0
    assert capsys.readouterr().out == "mini\n"
    with pytest.raises(UserError, match="has no champion 'other'; there is mini"):
        commands.show("other")
