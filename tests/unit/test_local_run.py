"""The parts of a pipeline run on this machine that need neither an engine nor a server."""

import json

import pytest
from kfp import dsl
from kfp.local.io import IOStore

from pipelines.local import __main__ as local
from pipelines.local.containers import Ended, is_loopback, lines, stages_of, title
from pipelines.local.loops import LoopStore, mend
from pipelines.summary import summarise
from xstilts.errors import UserError
from xstilts.store.location import Location

RUN = Location("bucket", "studies/smoke/run-1")
RECEIPTS = {"finetune@a": {"outcome": "ran", "seconds": {"pull": 1.0, "work": 2.5}}}


def test_lines_of_a_stream_that_is_cut_within_a_letter():
    whole = "eins\nzwölf\r\n\ndrei".encode()
    for size in range(1, 6):
        chunks = [whole[at : at + size] for at in range(0, len(whole), size)]
        assert list(lines(chunks)) == ["eins", "zwölf", "", "drei"]
    assert list(lines([b"caf\xe9\n"])) == ["caf\ufffd"]


def test_titles_say_what_a_container_does():
    inputs = json.dumps({"outputs": {"outputFile": "/root/x/prepare/executor_output.json"}})
    end = ["--run", "s3://b", "--outputs", inputs]
    stage = ["xstilts-stage", "prepare@a prepare@b prepare@c", *end]
    assert title(stage) == "prepare@a and 2 more"
    assert stages_of(stage) == ["prepare@a", "prepare@b", "prepare@c"]
    assert title(["xstilts-stage", "publish", "--run", "s3://b"]) == "publish"
    assert title(["xstilts-stage", "", *end]) == "prepare without a stage"
    assert title(["python", "-m", "components.plan", "--study", "smoke"]) == "plan"
    assert title(["/bin/sh", "-c", "true"]) == "sh"
    assert stages_of(["python", "-m", "components.plan"]) == []


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        ("http://127.0.0.1:9000", True),
        ("http://127.3.2.1:9000", True),
        ("http://[::1]:9000", True),
        ("http://localhost:9000", True),
        ("https://s3.example.org", False),
        ("http://10.0.0.1:9000", False),
        (None, False),
    ],
)
def test_which_servers_are_on_this_machine(endpoint, expected):
    assert is_loopback(endpoint) is expected


def test_a_profile_is_looked_up_here_for_the_containers(monkeypatch, tmp_path):
    keys = "[team]\naws_access_key_id = AK\naws_secret_access_key = SK\naws_session_token = T\n"
    (tmp_path / "credentials").write_text(keys)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    found = local._environment(Location("bucket", profile="team"), "sha256:1")
    assert found["AWS_ACCESS_KEY_ID"] == "AK"
    assert found["AWS_SECRET_ACCESS_KEY"] == "SK"
    assert found["AWS_SESSION_TOKEN"] == "T"
    with pytest.raises(UserError, match="no credentials for s3://bucket"):
        local._environment(Location("bucket", profile="nobody"), "sha256:1")


def ended(folder, name: str, code: int, text: str = "", note: str = "") -> Ended:
    log = folder / f"{name}-{code}.log"
    log.write_text(text, encoding="utf-8")
    return Ended(("xstilts-stage", name), name, code, 1.0, log, note)


def test_the_summary_of_a_good_run_names_stages_and_report(tmp_path):
    shown: list[str] = []
    good = [ended(tmp_path, "plan", 0), ended(tmp_path, "publish", 0)]
    assert summarise("", good, RECEIPTS, RUN, shown.append) == 0
    assert shown == [
        "  finetune@a: ran, 3.5 s",
        "Run: s3://bucket/studies/smoke/run-1",
        "Report: s3://bucket/studies/smoke/run-1/results/index.html",
    ]


def test_the_summary_of_a_bad_run_shows_why(tmp_path):
    shown: list[str] = []
    text = "".join(f"line {number}\n" for number in range(40))
    bad = [ended(tmp_path, "plan", 0), ended(tmp_path, "finetune@a", 137, text, "Too large.")]
    assert summarise("KFP says no", bad, RECEIPTS, RUN, shown.append) == 1
    assert "finetune@a failed with exit code 137. Its last lines:" in shown
    assert "  line 39" in shown
    assert "  line 24" not in shown
    assert "  Too large." in shown
    assert not any(line.startswith("Report") for line in shown)


def test_a_plan_that_found_mistakes_gives_their_exit_code(tmp_path):
    bad = [ended(tmp_path, "plan", 2, "error: no such study\n")]
    shown: list[str] = []
    assert summarise("failed", bad, {}, RUN, shown.append) == 2
    assert "  error: no such study" in shown


def test_the_last_attempt_at_a_task_counts_and_kfp_is_not_believed_alone(tmp_path):
    again = [ended(tmp_path, "x", 1), ended(tmp_path, "x", 0)]
    assert summarise("", again, {}, RUN, lambda _line: None) == 0
    assert summarise("", again[::-1], {}, RUN, lambda _line: None) == 1
    assert summarise("KFP says no", again, {}, RUN, lambda _line: None) == 1


def test_loops_are_written_so_that_the_local_runner_can_read_them():
    @dsl.container_component
    def first(items: dsl.OutputPath(list), run: dsl.OutputPath(str)):
        return dsl.ContainerSpec(image="x", args=[items, run])

    @dsl.container_component
    def second(item: str, run: str):
        return dsl.ContainerSpec(image="x", args=[item, run])

    @dsl.pipeline
    def looped():
        made = first()
        with dsl.ParallelFor(made.outputs["items"]) as item:
            second(item=item, run=made.outputs["run"])

    (before,) = [
        t for t in looped.pipeline_spec.root.dag.tasks.values() if t.WhichOneof("iterator")
    ]
    (after,) = [
        t for t in mend(looped.pipeline_spec).root.dag.tasks.values() if t.WhichOneof("iterator")
    ]
    names = ["pipelinechannel--first-items", "pipelinechannel--first-run"]
    assert [before.inputs.parameters[n].WhichOneof("kind") for n in names] == [
        "task_output_parameter"
    ] * 2
    assert [after.inputs.parameters[n].component_input_parameter for n in names] == names

    values = LoopStore(parent=IOStore())
    values.put_task_output("first", "run", "r")
    values.put_parent_input("study", "s")
    assert values.get_parent_input(names[1]) == "r"
    assert values.get_parent_input("study") == "s"
    with pytest.raises(ValueError, match="pipelinechannel--first-items"):
        values.get_parent_input(names[0])


def test_only_a_loop_may_have_put_out_nothing():
    values = LoopStore()
    assert values.get_task_output("for-loop-2", "receipt") == []
    with pytest.raises(ValueError, match="publish"):
        values.get_task_output("publish", "receipt")
