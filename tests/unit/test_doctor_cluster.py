"""`xstilts doctor --cluster`: a cluster is asked what `--overlay` reads from files."""

import copy
import socket

import pytest
import recurring_server
from compiled_pipeline import IMAGES
from kube_objects import Cluster, kubeconfig, serving
from overlays import resources
from recurring_server import HEALTH, Recurrings
from recurring_server import serving as kubeflow_serving

from pipelines import target
from pipelines.doctor import __main__ as doctor
from pipelines.doctor import files as doctor_files
from pipelines.doctor.__main__ import examine, main
from xstilts.errors import UserError
from xstilts.study.findings import NOTE, OK, PROBLEM

KEYS = {"AWS_ACCESS_KEY_ID": "aGk=", "AWS_SECRET_ACCESS_KEY": "aGk="}
SCHEDULE = """\
name: nightly
study: mini
cron: "30 1 * * *"
time_zone: UTC
pool: l4
notify: failures
service_account: xstilts
parameters: {s3_url: "s3://bucket/studies"}
"""


def secret(name: str, **data: str) -> dict:
    return {"kind": "Secret", "metadata": {"name": name, "namespace": "xstilts"}, "data": data}


@pytest.fixture(autouse=True)
def _here(monkeypatch):
    for name in (*target.ENDPOINTS, "KUBECONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(target, "configured", lambda _root: None)


@pytest.fixture
def cluster():
    """What the overlay for EKS makes, and the secrets."""
    return Cluster([
        *copy.deepcopy(resources("eks")),
        secret("xstilts-s3", **KEYS),
        secret("xstilts-notify", url="aGk="),
    ])  # fmt: skip


@pytest.fixture
def ask(cluster, tmp_path, monkeypatch):
    """The findings for a command line; without one, of the schedule."""
    lock = tmp_path / "images.lock"
    lock.write_text("".join(f"{name}: {image}\n" for name, image in IMAGES.items()))
    schedule = tmp_path / "nightly.yaml"
    schedule.write_text(SCHEDULE)
    with serving(cluster) as url:
        config = tmp_path / "config"
        config.write_text(kubeconfig(url, "xstilts"))
        monkeypatch.setenv("KUBECONFIG", str(config))

        def asking(*words: str) -> list[doctor.Finding]:
            words = words or (str(schedule),)
            where = () if "--overlay" in words else ("--cluster",)
            options = doctor._parser().parse_args([*where, *words, "--images", str(lock)])
            return examine(options)

        yield asking


def of(findings, name: str) -> list:
    """(state, text) of the findings of a name, without its sources."""
    return [(own.state, own.text) for own in findings if own.name.partition(" ")[0] == name]


def test_a_cluster_that_has_everything(ask, cluster):
    found = ask()
    assert {own.state for own in found if own.name != "kubeflow"} == {OK}
    names = {own.name for own in found}
    assert names >= {"cluster", "study (nightly)", "queue (nightly)", "quota (nightly)",
                     "limits (nightly)", "secret (nightly)", "account (nightly)",
                     "images (nightly)"}  # fmt: skip
    assert of(found, "cluster") == [(OK, "test, namespace xstilts")]
    assert not any("/secrets?" in path or path.endswith("/secrets") for path in cluster.asked)


@pytest.mark.parametrize("words", [(), ("--pool", "a100", "--nodes", "2", "--study", "mini")])
def test_files_and_cluster_are_found_to_be_the_same(ask, words):
    """But for secrets, which no files have."""
    own = {"cluster", "overlay", "kubeflow", "secret"}

    def rest(found):
        return [item for item in found if item.name.partition(" ")[0] not in own]

    schedules = () if words else (str(doctor_files.schedule_file.FOLDER / "weekly.yaml"),)
    here, there = ask(*words, *schedules), ask("--overlay", "eks", *words, *schedules)
    assert rest(here) == rest(there)
    assert len(rest(here)) > 4


def test_what_may_not_be_read_is_a_note_and_never_well(ask, cluster):
    every = {"localqueues", "clusterqueues", "resourceflavors", "cohorts", "resourcequotas",
             "limitranges", "serviceaccounts", "secrets", "externalsecrets", "trainingruntimes",
             "priorityclasses", "namespaces"}  # fmt: skip
    cluster.forbidden = every
    found = ask("--pool", "a100", "--nodes", "2", "--service-account", "xstilts",
                "--notify", "always", "--study", "mini")  # fmt: skip
    for name in ("queue", "quota", "limits", "secret", "account", "runtime"):
        states = [state for state, _ in of(found, name)]
        assert states
        assert set(states) == {NOTE}, name
    assert all('User "ann" cannot read it' in text for _, text in of(found, "quota"))


def test_shares_that_may_not_be_read_leave_the_queue_s_name(ask, cluster):
    cluster.forbidden = {"clusterqueues"}
    ((state, text),) = of(ask(), "queue")
    assert state == NOTE
    assert text.startswith("xstilts is there; whether pods fit was not looked at: Kubernetes")
    cluster.objects = [item for item in cluster.objects if item["kind"] != "LocalQueue"]
    ((state, text),) = of(ask(), "queue")
    assert state == PROBLEM
    assert text.startswith("the namespace xstilts has no LocalQueue xstilts, in which the pods")


def test_a_cluster_without_kueue_and_trainer(ask, cluster):
    cluster.groups -= {"kueue.x-k8s.io", "trainer.kubeflow.org"}
    found = ask("--pool", "a100", "--nodes", "2")
    assert of(found, "queue")[0][0] == NOTE
    assert "the cluster has no Kueue" in of(found, "queue")[0][1]
    assert of(found, "runtime") == [
        (PROBLEM, "the cluster has no Kubeflow Trainer, which trains on 2 nodes.")
    ]


def test_secrets_that_are_missing_or_lack_a_key(ask, cluster):
    cluster.objects = [item for item in cluster.objects if item["kind"] != "Secret"]
    cluster.objects += [secret("mine", AWS_ACCESS_KEY_ID="aGk=")]
    words = ("--study", "mini", "--notify", "failures", "--service-account", "xstilts")
    found = ask(*words, "--s3-secret", "mine", "--notify-secret", "other")
    assert of(found, "secret") == [
        (PROBLEM, "the secret mine (the store's keys) has no AWS_SECRET_ACCESS_KEY."),
        (PROBLEM, "the namespace xstilts has no secret other (the webhook's address)."),
    ]
    (remedy,) = [own.remedy for own in found if "no secret other" in own.text]
    assert remedy == "kubectl create secret generic other -n xstilts --from-literal url=…"
    # The account of the overlay is a role, so that keys need not be there
    (state, text), _ = of(ask(*words), "secret")
    assert (state, text[:39]) == (OK, "no keys for the store are needed: its p")


def test_an_account_without_a_role_wants_keys(ask, cluster):
    cluster.objects = [item for item in cluster.objects if item["kind"] != "Secret"]
    ((state, text),) = of(ask("--study", "mini"), "secret")
    assert state == PROBLEM
    assert text == "the namespace xstilts has no secret xstilts-s3 (the store's keys)."
    for item in cluster.objects:
        if item["metadata"]["name"] == "xstilts-training":
            item["metadata"]["annotations"] = {}
    words = ("--pool", "a100", "--nodes", "2", "--service-account", "xstilts")
    (state, text), *_ = of(ask(*words, "--study", "mini"), "secret")
    assert state == PROBLEM
    assert "the account xstilts-training has no role" in text


def test_a_namespace_that_is_not_there(ask):
    ((state, text),) = of(ask("--namespace", "xstilt", "--study", "mini"), "cluster")
    assert (state, text) == (PROBLEM, "test, namespace xstilt, which does not exist.")


@pytest.mark.usefixtures("ask")
def test_every_mistake_is_named_at_once(cluster, tmp_path, capsys):
    """Each is one line of one table, and the code is 2."""
    gone = {"TrainingRuntime", "PriorityClass", "Secret"}
    cluster.objects = [item for item in cluster.objects if item["kind"] not in gone]
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(
        "name: wrong\nstudy: mini\nprofile: maxi\ncron: 61 1 * * *\ntime_zone: Mars/Olympus\n"
        "pool: l5\nchampion: a/b\nnotify: always\nservice_account: mars\n"
        "parameters: {notify_secret: hook}\n"
    )
    lock = tmp_path / "tags.lock"
    lock.write_text("cpu: registry/xstilts:latest\n")
    code = main([
        "--cluster", str(wrong), "--pool", "a100", "--nodes", "2",
        "--notify", "always", "--service-account", "xstilt", "--images", str(lock),
    ])  # fmt: skip
    assert code == 2
    text = " ".join(capsys.readouterr().out.split())
    for part in (
        "there is no mini-maxi", "minute: '61' is not 0 to 59", "unknown time zone 'Mars/Olympus'",
        "unknown pool 'l5': there is gpu, l4", "The champion's name 'a/b'",
        "'registry/xstilts:latest' is no digest reference", "names no image for the flavour 'cuda'",
        "never fits into the ClusterQueue xstilts",
        "no secret hook", "no service account mars;",
        "no TrainingRuntime xstilts", "no secret xstilts-notify", "no service account xstilt;",
    ):  # fmt: skip
        assert text.count(part) == 1, f"{part}: {text}"


def test_a_mistake_hides_no_other(ask):
    found = ask("--study", "mina", "--pool", "a10", "--champion", "a/b", "--nodes", "2",
                "--service-account", "xstilt", "--s3-secret", "keys")  # fmt: skip
    problems = [own.text for own in found if own.state == PROBLEM]
    for part in ("unknown pool 'a10'", "unknown study 'mina'", "name 'a/b'", "account xstilt;",
                 "no secret keys"):  # fmt: skip
        assert sum(part in text for text in problems) == 1, part
    assert of(found, "runtime") == [(OK, "the TrainingRuntime xstilts is there.")]
    assert not of(found, "queue")


# --- the connection


def test_no_context(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    assert main(["--cluster", "--study", "mini"]) == 2
    assert "error: there is no cluster to ask (" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "a: [", "[1]", "a", "apiVersion: v1", "contexts: []"])
def test_a_file_of_contexts_that_is_none(text, tmp_path, monkeypatch, capsys):
    config = tmp_path / "config"
    config.write_text(text)
    monkeypatch.setenv("KUBECONFIG", str(config))
    assert main(["--cluster", "--study", "mini"]) == 2
    assert capsys.readouterr().err.startswith("error: there is no cluster to ask (")


def test_nobody_listens(tmp_path, monkeypatch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = tmp_path / "config"
    config.write_text(kubeconfig(f"http://127.0.0.1:{port}"))
    monkeypatch.setenv("KUBECONFIG", str(config))
    options = doctor._parser().parse_args(["--cluster", "--study", "mini"])
    with pytest.raises(UserError, match=rf"127.0.0.1:{port} does not answer \(.*refused\): choose"):
        examine(options)


def test_a_token_that_is_wrong(ask, cluster):
    cluster.token = "another"
    with pytest.raises(UserError, match=r"does not know who asks \(Unauthorized\): log in"):
        ask()


def test_the_namespace_is_the_context_s_unless_it_is_given(ask, cluster):
    ask("--study", "mini")
    assert "/api/v1/namespaces/xstilts/resourcequotas" in cluster.asked
    ask("--study", "mini", "--namespace", "team")
    assert "/api/v1/namespaces/team/resourcequotas" in cluster.asked


# --- Kubeflow


def test_kubeflow_is_asked_if_it_is_known(ask):
    assert of(ask(), "kubeflow")[0][0] == NOTE
    server = Recurrings()
    with kubeflow_serving(server) as url:
        found = ask("--endpoint", url, str(doctor_files.schedule_file.FOLDER / "weekly.yaml"))
        assert of(found, "kubeflow") == [
            (OK, f"{url}, version 2.17.0"), (OK, "the pipeline xstilts-cpu is there.")
        ]  # fmt: skip
        server.pipelines = {}
        found = ask("--endpoint", url, str(doctor_files.schedule_file.FOLDER / "weekly.yaml"))
        (_, (state, text)) = of(found, "kubeflow")
    assert state == PROBLEM
    assert "has no pipeline xstilts-cpu" in text


@pytest.mark.parametrize("has_users", [False, True])
def test_kubeflow_without_users_hears_of_no_namespace(ask, monkeypatch, has_users):
    monkeypatch.setattr(recurring_server, "HEALTH", HEALTH | {"multi_user": has_users})
    server = Recurrings()
    with kubeflow_serving(server) as url:
        ask("--endpoint", url, str(doctor_files.schedule_file.FOLDER / "weekly.yaml"))
    (query,) = [query for _, path, query in server.asked if "pipelines/names" in path]
    assert query == ({"namespace": "xstilts"} if has_users else {})


def test_kubeflow_that_is_gone_is_a_problem_among_others(ask):
    found = ask("--endpoint", "http://127.0.0.1:9", "--study", "mini")
    ((state, text),) = of(found, "kubeflow")
    assert state == PROBLEM
    assert "nothing listens at 127.0.0.1:9" in text
    assert of(found, "queue")
