"""The plan component: what it reads, what it refuses, and that it refuses all at once."""

import json
import socket
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from components.plan.__main__ import main
from components.plan.checks import disk_problems
from components.plan.placement import Placement, processes_problems, read_placement
from components.plan.pools import Chosen, chosen
from components.plan.registry import check_image
from components.plan.studies import read_study
from components.plan.summary import markdown, memory_notes, states
from pipelines.pools import read_pools
from xstilts.errors import UserError
from xstilts.study.check import read_study as read_file
from xstilts.study.devices import DEVICES
from xstilts.study.estimate import Estimate
from xstilts.study.fanout import pods
from xstilts.study.plan import stages
from xstilts.study.resolve import resolve

STUDIES = Path(__file__).parents[2] / "pipelines" / "studies"
GOLDEN = Path(__file__).parents[1] / "golden" / "small.yaml"
STUDY = """\
name: quick
question: Does it help?
source: world
models: [mini-encoder]
recipes:
  none: []
  mnli: [mnli]
baseline: none
targets: [xnli, tatoeba]
seeds: [0, 1]
sizes: {train: 100, dev: 10, test: 10}
"""
DIGEST = "sha256:" + "a" * 64


def complaints(text: str, seeds: str = "", models: str = "") -> list[str]:
    with pytest.raises(UserError) as raised:
        read_study(text, seeds, models, STUDIES)
    return raised.value.problems


# --- the study


def test_a_study_by_its_name():
    assert read_study("mini", "", "", STUDIES) == read_file(STUDIES / "mini.yaml")


def test_a_study_as_text_needs_no_file():
    found = read_study(STUDY, "", "", STUDIES)
    assert (found.name, found.seeds) == ("quick", (0, 1))


def test_seeds_and_models_of_the_run_win():
    found = read_study(STUDY, "2, 3,4", "xlm-roberta-base, mini-encoder", STUDIES)
    assert found.seeds == (2, 3, 4)
    assert found.models == ("xlm-roberta-base", "mini-encoder")
    assert {entry["seed"] for entry in resolve(found)["finetune"].values()} == {2, 3, 4}


def test_problems_of_a_text_have_lines_and_come_with_those_of_the_overrides():
    text = STUDY.replace("[mnli]", "[mnly]").replace("question: Does it help?", "question: [1]")
    assert complaints(text, "0,0,x,-1", "mini-encodr") == [
        "the study's text, line 7: unknown task 'mnly': did you mean mnli?",
        "the study's text, line 2: question must be a text, not [1].",
        "seeds '0,0,x,-1': 0 stands twice.",
        "seeds '0,0,x,-1': a seed must be of type int, not 'x'; write them as 0,1,2.",
        "seeds '0,0,x,-1': a seed must be at least 0, not '-1'; write them as 0,1,2.",
        "models 'mini-encodr': unknown model 'mini-encodr': did you mean mini-encoder or "
        "mini-decoder or mini-encdec?",
    ]


def test_overrides_are_checked_also_when_the_text_is_no_yaml():
    found = complaints("name: [quick\n", "x")
    assert "the study's text, line 2: not valid YAML" in found[0]
    assert "a seed must be of type int" in found[1]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("mni", "unknown study 'mni': did you mean mini?"),
        ("../golden/small", "unknown study '../golden/small'"),
        ("Mini Study", "unknown study 'Mini Study'"),
        ("", "no study was given: name one of architectures, "),
        ("- a\n- b\n", "the study must be a mapping"),
        (STUDY.replace("quick", "Not A Name"), "may hold lower-case letters"),
        (STUDY.replace("name: quick\n", ""), "the field 'name' is missing."),
        (STUDY.replace("source: world", "source: {kind: mirror, path: /data}"),
         "line 3: the mirror /data is a folder, which a pod does not have"),
        (STUDY.replace("source: world", "source: mirror"), "line 3: a mirror is a folder"),
    ],
)  # fmt: skip
def test_a_study_that_cannot_be_run(text, complaint):
    assert any(complaint in problem for problem in complaints(text))


def test_a_mirror_hides_no_other_mistake():
    text = STUDY.replace("source: world", "source: mirror").replace("[mnli]", "[mlqa]")
    found = complaints(text)
    assert len(found) == 2
    assert "which a pod does not have" in found[0]
    assert "mlqa has no train split" in found[1]


@given(st.text(max_size=60), st.text(max_size=8), st.text(max_size=8))
def test_any_texts_give_problems_and_no_crash(text, seeds, models):
    problems = ["none"]
    try:
        read_study(text, seeds, models, STUDIES)
    except UserError as error:
        problems = error.problems
    assert problems
    assert all(problems)


# --- where pods go


def wrong(**given: str) -> list[str]:
    found: list[str] = []
    texts = dict.fromkeys(("gpus", "gpu_type", "tolerations", "node_selector"), "") | given
    read_placement(problems=found, **texts)
    return found


def test_a_right_placement():
    found: list[str] = []
    tolerations = [
        {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"},
        {"key": "spot", "value": "true"},
        {"operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300.0},
    ]
    labels = {"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-40GB"}
    placement = read_placement(
        "2", "nvidia.com/gpu", json.dumps(tolerations), json.dumps(labels), found
    )
    assert found == []
    assert placement == Placement(2, "nvidia.com/gpu", ("NVIDIA-A100-SXM4-40GB",))
    assert wrong() == []


@pytest.mark.parametrize(
    ("given_texts", "complaint"),
    [
        ({"gpus": "two"}, "gpus 'two' must be a whole number, 0 for none."),
        ({"gpus": "-1"}, "gpus '-1' must be a whole number"),
        ({"gpu_type": "A 100"}, "gpu_type 'A 100' is no resource of Kubernetes"),
        ({"gpu_type": "a100"}, "gpu_type 'a100' is no resource of Kubernetes"),
        ({"tolerations": "[{]"}, "tolerations is no JSON"),
        ({"tolerations": "{}"}, "tolerations must be a JSON list, not {}."),
        ({"tolerations": "[1]"}, "tolerations[0]: must be a mapping such as"),
        ({"tolerations": '[{"kye": "a", "operator": "Exists"}]'}, "unknown field 'kye': did you"),
        ({"tolerations": '[{"operator": "exists"}]'}, "unknown operator 'exists': did you mean"),
        ({"tolerations": '[{"key": "a", "effect": "NoRun"}]'}, "unknown effect 'NoRun'"),
        ({"tolerations": '[{"key": "a", "value": true}]'}, "value must be a text, not True."),
        ({"tolerations": '[{"key": "a", "operator": "Exists", "value": "b"}]'}, "has no value"),
        ({"tolerations": '[{"value": "b"}]'}, "key is missing"),
        ({"tolerations": '[{"key": "a", "tolerationSeconds": 1}]'}, "only with the effect"),
        ({"tolerations": '[{"key": "a", "effect": "NoExecute", "tolerationSeconds": "1"}]'},
         "tolerationSeconds must be a whole number, not '1'."),
        ({"node_selector": "[]"}, "node_selector must be a JSON mapping, not []."),
        ({"node_selector": '{"a": 1}'}, "the value of a must be a text, not 1"),
        ({"node_selector": '{"a b": "c"}'}, "'a b' is no label's name."),
        ({"node_selector": '{"a": "b c"}'}, "'b c' (of a) is no label's value."),
    ],
)  # fmt: skip
def test_one_wrong_parameter(given_texts, complaint):
    assert any(complaint in found for found in wrong(**given_texts)), wrong(**given_texts)


_JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=4)
    | st.sampled_from(["key", "operator", "Exists", "effect", "tolerationSeconds"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["key", "operator", "effect", "tolerationSeconds", "x"]),
                      inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(_JSON)
def test_any_json_gives_problems_and_no_crash(value):
    text = json.dumps(value)
    assert all(isinstance(problem, str) for problem in wrong(tolerations=text, node_selector=text))


POOLS = [pool.record() for pool in read_pools().values()]


def pool(name: str, pools: object = POOLS, **given: str) -> tuple[Chosen, list[str], list[str]]:
    problems: list[str] = []
    notes: list[str] = []
    found = chosen(Chosen(**given), name, json.dumps(pools), problems, notes)
    return found, problems, notes


def test_a_run_gets_what_its_pool_says_unless_it_says_more():
    found, problems, notes = pool("l4", gpus="2", tolerations="[]", node_selector="{}")
    assert problems == []
    assert (found.gpus, found.gpu_type, found.cpu) == ("2", "nvidia.com/gpu", "6")
    outputs = found.outputs()
    assert outputs["pod_node_selector"] == {"xstilts.dev/pool": "l4"}
    assert [item["key"] for item in outputs["pod_tolerations"]] == ["nvidia.com/gpu"]
    assert notes == []  # it differs from the first pool in nothing that is compiled


def test_a_run_without_a_pool_gets_the_first_one():
    assert pool("")[0].memory == "64Gi"
    assert pool("", pools=[]) == (Chosen(), [], [])


def test_what_a_pool_cannot_change_any_more_is_told():
    _, problems, (note,) = pool("a100")
    assert problems == []
    assert "keep shm 8Gi, scratch 100Gi of the pool gpu" in note
    assert "`xstilts submit --pool a100`" in note


@pytest.mark.parametrize(
    ("name", "pools", "problem"),
    [
        ("a10", POOLS, "unknown pool 'a10': did you mean a100?"),
        ("a10", [], "unknown pool 'a10'."),
        ("cpu", POOLS, "the pool cpu is for the device cpu, but the pipeline is compiled for cuda: "
         "use gpu or l4 or l4-spot or a100, or the pipeline for cpu."),
        ("a100", POOLS[::-1], "the pool a100 is for the device cuda, but the pipeline is compiled "
         "for cpu: use cpu, or the pipeline for cuda."),
    ],
)  # fmt: skip
def test_a_pool_that_a_run_cannot_have(name, pools, problem):
    assert pool(name, pools)[1] == [problem]


def test_more_processes_than_gpus():
    params = resolve(read_study(STUDY + "finetune: {processes: 4}\n", "", "", STUDIES))
    found = processes_problems(params, Placement(2, "", ()))
    assert found == [
        "finetune@mini-encoder-none-mnli-0 trains in 4 processes, but its pod gets gpus: 2; "
        "set gpus to 4, or processes in the study to 2."
    ]
    assert processes_problems(params, Placement(4, "", ())) == []
    assert processes_problems(params, Placement(0, "", ())) == []  # on the cores of the CPU
    assert processes_problems(params, Placement(2, "", ()), nodes=2) == []
    (uneven,) = processes_problems(params, Placement(4, "", ()), nodes=3)
    assert "in 4 processes, which 3 nodes cannot share evenly" in uneven
    (few,) = processes_problems(params, Placement(1, "", ()), nodes=2)
    assert few.endswith("but each node gets gpus: 1; set gpus to 2, or use more nodes.")


# --- images


class Registry(BaseHTTPRequestHandler):
    """A registry with one open image, one behind a token for anybody, one behind a password."""

    def do_HEAD(self):
        name = self.path.split("/manifests/")[0].removeprefix("/v2/")
        allowed = self.headers.get("Authorization") == "Bearer anybody"
        accepts = "application/vnd.oci.image.index.v1+json" in self.headers["Accept"]
        if name in ("open", "broken") and accepts:
            self.answer(200 if name == "open" and self.path.endswith(DIGEST) else 404
                        if name == "open" else 503)  # fmt: skip
        elif name == "tokened" and allowed:
            self.answer(200)
        elif name in ("tokened", "private"):
            self.answer(401, name)
        else:
            self.answer(404)

    def do_GET(self):
        secret = "scope=repository%3Aprivate%3Apull" in self.path
        assert "service=test" in self.path
        self.answer(401 if secret else 200, body=b'{"token": "anybody"}')

    def answer(self, status: int, challenge: str = "", body: bytes = b"") -> None:
        self.send_response(status)
        if challenge:
            realm = f"http://127.0.0.1:{self.server.server_port}/token"
            scope = f"repository:{challenge}:pull"
            text = f'Bearer realm="{realm}",service="test",scope="{scope}"'
            self.send_header("WWW-Authenticate", text)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments):
        pass


@contextmanager
def serving(handler):
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def registry(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")  # must not be asked for loopback
    with serving(Registry) as host:
        yield host


@pytest.mark.parametrize("name", ["open", "tokened"])
def test_an_image_that_is_there(registry, name):
    assert check_image(f"{registry}/{name}@{DIGEST}") == (None, None)


def test_an_image_that_is_missing_is_a_problem(registry):
    for reference in (f"{registry}/open@sha256:{'b' * 64}", f"{registry}/a/b:v1"):
        problem, note = check_image(reference)
        assert f"the image {reference} does not exist in {registry}" in problem
        assert note is None


@pytest.mark.parametrize(
    ("name", "reason"), [("private", "wants credentials"), ("broken", "answered 503")]
)
def test_an_image_that_nobody_may_see_is_a_note(registry, name, reason):
    problem, note = check_image(f"{registry}/{name}@{DIGEST}")
    assert problem is None
    assert "not checked" in note
    assert reason in note


def closed_port() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{free.getsockname()[1]}"


def test_a_registry_that_is_not_there_is_a_note():
    problem, note = check_image(f"{closed_port()}/open@{DIGEST}")
    assert problem is None
    assert "cannot be asked from here" in note


def test_an_image_without_a_registry_is_a_note():
    assert check_image("xstilts:dev") == (
        None,
        "image xstilts:dev: not checked, for it names no registry.",
    )


@pytest.mark.parametrize("reference", ["", "a b", "host:1/UPPER@sha256:1", "h.i/a@sha256:12", 3])
def test_what_is_no_reference(reference):
    problem, note = check_image(reference)
    assert "is no reference" in problem
    assert note is None


# --- the whole


def test_a_full_disk(tmp_path):
    assert disk_problems(tmp_path, "finetune@a", 1) == []
    (problem,) = disk_problems(tmp_path, "finetune@a", 1e18)
    assert f"{tmp_path} has " in problem
    assert "finetune@a needs about 1000000000.00 GB" in problem


def test_the_summary_counts_stages_and_says_what_is_assumed():
    params = resolve(read_file(GOLDEN))
    plan = stages(params)
    known = [stage.name for stage in plan if stage.phase in ("prepare", "publish")]
    estimate = Estimate("A100", {"intermediate": 1.25, "finetune": 2.0, "evaluate": 0.5},
                        50e9, "finetune@a", 3e9, "finetune@b", "Assumed.")  # fmt: skip
    notes = memory_notes(estimate)
    text = markdown("Plan", states(plan, known), pods(plan, known), estimate, notes)
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()]
    prepared = sum(stage.phase == "prepare" for stage in plan)
    assert ["prepare", str(prepared), "0", "0", ""] in rows
    assert ["publish", "0", "1", "1", ""] in rows
    assert next(row for row in rows if row[0] == "intermediate")[4] == "1.2"
    total = next(row for row in rows if row[0] == "all")
    assert total[1:3] == [str(prepared), str(len(plan) - prepared)]
    assert total[4] == "3.8"
    assert "GPU memory: 50.0 GB for finetune@a. Disk: 3.0 GB for finetune@b." in text
    assert "- note: finetune@a needs about 50 GB of GPU memory, and one A100 has 40 GB" in text
    assert len({len(line) for line in text.splitlines() if line.startswith("|")}) == 1


def test_a_stage_that_fits_has_no_note():
    fits = Estimate("H200", {}, 50e9, "finetune@a", 3e9, "b", "")
    assert fits.memory < DEVICES["H200"].memory
    assert memory_notes(fits) == []


def test_every_fault_is_named_at_once(monkeypatch, capsys, registry):
    monkeypatch.chdir("/proc")  # a file system without any free space
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    endpoint = f"http://{closed_port()}"
    text = yaml.safe_dump(yaml.safe_load(STUDY) | {"targets": ["xnly"], "baseline": "non"})
    arguments = {
        "study": text,
        "seeds": "one",
        "s3-url": "s3://bucket/p",
        "s3-endpoint": endpoint,
        "pool": "gpus",
        "pools": json.dumps(POOLS),
        "gpus": "many",
        "tolerations": "[1]",
        "node-selector": '{"a": 1}',
        "nodes": "2 nodes",
        "images": json.dumps([f"{registry}/gone@{DIGEST}"]),
        "champion": "c/d",
        "notify": "alway",
        "run-id": "a/b",
    }
    assert main([text for name, value in arguments.items() for text in (f"--{name}", value)]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert all(line.startswith("error: ") for line in errors)
    for part in (
        "unknown task 'xnly'", "unknown recipe 'non'", "seeds 'one'", endpoint, "gpus 'many'",
        "unknown pool 'gpus'",
        "nodes '2 nodes' must be a whole number",
        "tolerations[0]", "node_selector", "/gone@", "the run's id 'a/b'",
        "The champion's name 'c/d'", "unknown notify 'alway': did you mean always?",
        "the disk is too full: /proc has 0.00 GB free",
    ):  # fmt: skip
        assert sum(part in line for line in errors) == 1, part
