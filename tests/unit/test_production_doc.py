"""docs/production.md: its table is the command's, its commands and quoted messages are real."""

import ast
import os
import re
import shlex
import shutil
import string
import subprocess
import textwrap
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml
from overlays import built, of_kind

from benchmarks import study_costs
from pipelines import api, submit
from pipelines.doctor import __main__ as doctor
from pipelines.pools import read_pools
from pipelines.release import __main__ as release
from pipelines.schedule import __main__ as schedule
from pipelines.schedule.file import read_schedule
from xstilts import cli
from xstilts.errors import UserError

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "production.md").read_text(encoding="utf-8")
RUNBOOK = PAGE[PAGE.index("## When something is wrong") : PAGE.index("## What has to be kept")]
PIPELINES = {"submit": submit, "schedule": schedule, "doctor": doctor, "release": release}
VALUE = "\0"  # what stands where a message has a value
COMMANDS = [line.strip() for line in PAGE.splitlines() if line.startswith("    .venv/bin/xstilts ")]


# --- sizes and costs


def test_the_table_is_what_the_command_makes():
    text = study_costs.table(study_costs.rows(study_costs.PRICES))
    message = "run: python benchmarks/study_costs.py --into docs/production.md"
    assert study_costs.replaced(PAGE, text) == PAGE, message


def test_every_pool_has_a_price_but_the_one_for_any_gpu():
    assert set(read_pools()) - set(study_costs.PRICES) == {"gpu"}


def test_shares_are_those_of_the_queues():
    for pool in read_pools().values():
        if pool.name in study_costs.PRICES and pool.gpus:
            assert share("eks", pool.name)["nvidia.com/gpu"] == study_costs.SHARE
    assert share("kind", "cpu")["cpu"] == study_costs.SHARE


def share(overlay: str, flavor: str) -> dict[str, int]:
    """What the queue `xstilts` of an overlay has of a flavor."""
    (group,) = of_kind(overlay, "ClusterQueue")["xstilts"]["spec"]["resourceGroups"]
    (found,) = [item for item in group["flavors"] if item["name"] == flavor]
    counted = ("cpu", "nvidia.com/gpu")
    return {item["name"]: int(item["nominalQuota"]) for item in found["resources"]
            if item["name"] in counted}  # fmt: skip


def test_money_is_hours_at_the_price_that_is_given():
    study = study_costs.find_study("smoke", study_costs.STUDIES)
    row = study_costs.row(study, read_pools()["cpu"], 100.0)
    assert row.hours > 0
    cells = study_costs._cells(row)
    assert cells[-2:] == ("100.00", study_costs._amount(100 * row.hours))


def test_prices_are_read_from_the_command_line():
    assert study_costs.read_prices(["l4=0.80", "a100=2"]) == {"l4": 0.8, "a100": 2.0}
    for wrong in ("l5=1", "l4", "l4=-1", "l4=cheap"):
        with pytest.raises(UserError, match="POOL=DOLLARS"):
            study_costs.read_prices([wrong])


def test_a_table_goes_between_its_marks_only():
    page = f"before\n{study_costs.BEGIN}\nold\n{study_costs.END}\nafter\n"
    found = study_costs.replaced(page, "new")
    assert found == page.replace("old", "new")
    with pytest.raises(UserError, match="has no lines"):
        study_costs.replaced("a page", "new")


# --- what the runbook quotes


def _text(node: ast.expr) -> str | None:
    """A literal text, with `VALUE` for what is computed; None for anything else."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) or VALUE for part in node.values)
    return None


@cache
def messages() -> tuple[str, ...]:
    """All texts of the code, and the rules of alerts."""
    found = [(ROOT / "k8s/components/monitoring/rules.yaml").read_text(encoding="utf-8")]
    for folder in ("xstilts", "components", "pipelines"):
        for path in (ROOT / folder).rglob("*.py"):
            nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            found += filter(None, (_text(node) for node in nodes if isinstance(node, ast.expr)))
    return tuple(found)


def quoted() -> Iterator[tuple[str, str]]:
    """The messages that the runbook quotes, each with the heading that it is under."""
    for section in RUNBOOK.split("\n### ")[1:]:
        says = re.search(r"\*\*Says\*\*(.*?)\*\*Means\*\*", section, re.DOTALL)
        assert says, f"{section.splitlines()[0]}: says nothing"
        for text in re.findall(r"`([^`]+)`", says[1]):
            yield section.splitlines()[0], " ".join(text.split())


def said(text: str) -> bool:
    """Whether the code has a message with the text, … standing for what is computed."""
    return any(text.replace("…", VALUE) in message for message in messages())


@pytest.mark.parametrize(("heading", "text"), list(quoted()))
def test_messages_of_the_runbook_are_those_of_the_code(heading, text):
    assert len(re.sub(r"[^A-Za-z]", "", text)) > 4, f"{heading}: {text} says too little to be found"
    assert said(text), f"{heading}: nothing says {text!r}"


def test_a_message_that_nothing_says_is_found():
    assert not said("the moon is full: … has … GB free")
    assert not said("the disk is too full: … has 17 GB free")
    assert said("the disk is too full: … has … GB free")


def test_every_incident_says_what_to_look_at_and_to_do():
    for section in RUNBOOK.split("\n### ")[1:]:
        marks = [section.find(f"**{word}**") for word in ("Says", "Means", "Look", "Do")]
        assert marks == sorted(marks), section.splitlines()[0]
        assert marks[0] > 0, section.splitlines()[0]


def test_links_lead_to_headings_that_are_there():
    for target in re.findall(r"\]\(([^)]+)\)", PAGE):
        name, _, anchor = target.partition("#")
        text = (ROOT / "docs" / name).read_text(encoding="utf-8") if name else PAGE
        headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
        anchors = {re.sub(r"[^a-z0-9 -]", "", head.lower()).replace(" ", "-") for head in headings}
        assert not anchor or anchor in anchors, target


# --- the commands


def exported() -> dict[str, str]:
    """The variables that the page sets, as a shell has them in the end."""
    found: dict[str, str] = {}
    for line in PAGE.splitlines():
        if line.startswith("    export ") and "$(" not in line:
            for word in shlex.split(line, comments=True)[1:]:
                name, _, text = word.partition("=")
                found[name] = string.Template(text).safe_substitute(found)
    return found


def blocks() -> list[str]:
    """The indented blocks of the page, but for those of the runbook."""
    steps = PAGE[: PAGE.index("## When something is wrong")]
    found = re.findall(r"(?:^    .*\n|^\n(?=    ))+", steps, re.MULTILINE)
    return [textwrap.dedent(block) for block in found if block.strip()]


def test_commands_are_what_a_shell_reads():
    text = "\n".join(blocks())
    done = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_files_that_commands_get_are_yaml():
    found = [
        text for block in blocks() for text in re.findall(r"<<END\n(.*?)\nEND", block, re.DOTALL)
    ]
    kinds = [yaml.safe_load(text)["kind"] for text in found]
    assert sorted(kinds) == ["ClusterConfig", "ConfigMap", "Profile"]
    (kueue,) = [own for text in found if (own := yaml.safe_load(text))["kind"] == "ConfigMap"]
    settings = yaml.safe_load(kueue["data"]["controller_manager_config.yaml"])
    assert settings["integrations"]["frameworks"] == ["pod", "trainer.kubeflow.org/trainjob"]


@pytest.mark.parametrize("line", COMMANDS)
def test_commands_are_those_of_the_command_line(line, capsys):
    words = shlex.split(string.Template(line).safe_substitute(exported()), comments=True)[1:]
    if words[0] in PIPELINES:
        PIPELINES[words[0]]._parser().parse_args(words[1:])
    else:
        cli._parser().parse_args(words)
    assert not capsys.readouterr().err


def run(pattern: str, overlay: str, folder: Path) -> None:
    """Run those commands of step 3 that match, for an overlay, in a copy of k8s/."""
    values = {"CLUSTER": "team-a", "BUCKET": "store-a", "ACCOUNT": "999988887777",
              "PROJECT": "project-a", "LOCATION": "europe-west4",
              "AWS_REGION": "us-east-1"}  # fmt: skip
    step = PAGE[PAGE.index("## 3.") : PAGE.index("## 4.")]
    heading = overlay if overlay == "kind" else overlay.upper()
    parts = {part.partition("\n")[0]: part for part in step.split("### ")}
    text = parts[heading] + parts["All three: queues and the schedule"]
    commands = re.findall(rf"^    ({pattern})", text, re.MULTILINE | re.DOTALL)
    assert commands
    for command in commands:
        subprocess.run(["bash", "-euc", command], cwd=folder, env=os.environ | values, check=True)


@pytest.mark.parametrize("overlay", ["kind", "eks", "gke"])
def test_the_schedule_gets_a_store_and_an_account(overlay, tmp_path):
    shutil.copytree(ROOT / "k8s" / "schedules", tmp_path / "k8s" / "schedules")
    run(r"(?:printf '  |echo ).*?weekly\.yaml$", overlay, tmp_path)
    found = read_schedule(tmp_path / "k8s" / "schedules" / "weekly.yaml")
    assert found.service_account == "xstilts"
    store = exported_stores()[["kind", "eks", "gke"].index(overlay)]
    given = [found.parameters[name] for name in ("s3_url", "s3_endpoint", "s3_region")
             if name in found.parameters]  # fmt: skip
    assert all(value in store for value in given)
    assert len(given) == 2


def exported_stores() -> list[str]:
    """What STORE is on each of the three."""
    found = re.findall(r'export STORE="(.*)"', PAGE)
    return [string.Template(text).substitute(BUCKET="store-a", AWS_REGION="us-east-1")
            for text in found]  # fmt: skip


@pytest.mark.parametrize("overlay", ["eks", "gke"])
def test_names_that_are_put_into_an_overlay_leave_none_of_the_examples(overlay, tmp_path):
    examples = ("my-cluster", "my-bucket", "my-project", "111122223333")
    assert any(example in built(overlay) for example in examples)
    shutil.copytree(ROOT / "k8s", tmp_path / "k8s")
    run(r"sed -i .*?\.yaml$", overlay, tmp_path)
    command = ["kubectl", "kustomize", str(tmp_path / "k8s" / "overlays" / overlay)]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert not [example for example in examples if example in text]
    assert "team-a" in text
    if overlay == "gke":
        assert "name: xstilts-store" in text
    else:
        assert "role: eksctl-KarpenterNodeRole-team-a" in text
        assert "role-arn: arn:aws:iam::999988887777:role/xstilts" in text


def test_kubeflow_is_of_a_version_that_runs_the_pipeline():
    found = {tuple(map(int, text.split("."))) for text in re.findall(r"\?ref=(2\.[0-9.]+)\"", PAGE)}
    assert len(found) == 1
    assert min(found) >= api.OLDEST
    (row,) = re.findall(r"^\| Kubeflow Pipelines \| (.*?) \|", PAGE, re.MULTILINE)
    assert tuple(map(int, row.split("."))) in found
