"""A TrainJob of our name: made once, taken over, replaced; and what refuses us."""

from dataclasses import replace

import pytest
from kube_api import DROP
from kube_jobs import JOB, NAME, ORDER, PATIENCE, RUN, STAGE, follow, hurry, well
from kube_server import kube_api

from components.trainjob import submit, watch
from components.trainjob.cluster import Cluster, in_cluster
from components.trainjob.resource import trainjob
from xstilts.errors import UserError


@pytest.fixture
def api(monkeypatch):
    hurry(monkeypatch)
    with kube_api() as found:
        yield found


def test_an_equal_job_is_taken_over(api, capsys):
    api.put("trainjobs", NAME, JOB)
    follow(api, well)
    assert "runs already" in capsys.readouterr().out
    assert not api.asked("POST", "trainjobs")


@pytest.mark.parametrize("kind", ["Complete", "Failed"])
def test_a_job_that_has_ended_is_replaced(api, kind):
    old = api.put("trainjobs", NAME, JOB)
    api.condition(NAME, kind, "Because", "of something")
    follow(api, well)
    assert api.asked("POST", "trainjobs") == 1
    assert old["metadata"]["uid"] not in [job["metadata"]["uid"] for job in api.jobs().values()]


def test_a_job_of_another_order_is_replaced(api):
    api.put("trainjobs", NAME, trainjob(replace(ORDER, cpu="1"), STAGE, RUN))
    follow(api, well)
    assert api.asked("DELETE", NAME) == 2  # the old one, and ours in the end
    assert api.asked("POST", "trainjobs") == 1


def test_a_job_whose_pods_still_go_is_waited_for(api):
    api.lingers = True
    api.put("trainjobs", NAME, trainjob(replace(ORDER, cpu="1"), STAGE, RUN))

    def controller(api):
        api.wait_for(lambda: api.asked("GET", f"trainjobs/{NAME}") >= 3)
        api.lingers = False
        api.remove("trainjobs", NAME)
        well(api)

    follow(api, controller)
    assert api.asked("POST", "trainjobs") == 1


def test_a_job_that_does_not_go(api, monkeypatch):
    monkeypatch.setattr(submit, "PATIENCE", 0.1)
    api.lingers = True
    api.put("trainjobs", NAME, trainjob(replace(ORDER, cpu="1"), STAGE, RUN))
    with pytest.raises(UserError, match="does not go away"):
        watch.run(api.cluster, JOB, PATIENCE)


def test_a_request_that_was_heard_but_not_answered(api):
    api.fail("POST", "trainjobs", DROP)
    follow(api, well)
    assert api.asked("POST", "trainjobs") == 2


def test_somebody_else_makes_it_first(api):
    api.fail("POST", "trainjobs", 409)
    follow(api, well)
    assert api.asked("POST", "trainjobs") == 2


def test_without_the_right_to_make_jobs(api):
    api.rules[0]["verbs"].remove("create")
    with pytest.raises(UserError, match=r"may not POST .*bind the Role xstilts-trainjobs"):
        watch.run(api.cluster, JOB, PATIENCE)


def test_a_job_that_trainer_does_not_allow(api):
    text = 'admission webhook "validator.trainjob" denied the request: specified trainingRuntime'
    api.fail("POST", "trainjobs", text)
    with pytest.raises(UserError, match=text) as caught:
        watch.run(api.cluster, JOB, PATIENCE)
    assert "service account" not in str(caught.value)


def test_without_trainer(api):
    api.has_trainer = False
    with pytest.raises(UserError, match="install Kubeflow Trainer 2, or train on one node"):
        watch.run(api.cluster, JOB, PATIENCE)


def test_no_request_needs_a_right_that_the_role_does_not_give(api):
    follow(api, well)
    seen = {rule["resources"][0]: set(rule["verbs"]) for rule in api.rules}
    assert seen["trainjobs"] == {"create", "delete", "get", "list", "watch"}


def account(tmp_path):
    for name, text in {"token": "a-token", "namespace": "team\n", "ca.crt": ""}.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("host", ["10.0.0.1", "fd00::1"])
def test_inside_a_cluster(tmp_path, monkeypatch, host):
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", host)
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "6443")
    folder = account(tmp_path)
    shown = f"[{host}]" if ":" in host else host
    assert in_cluster(folder) == Cluster(
        f"https://{shown}:6443", "team", folder / "token", folder / "ca.crt"
    )


def test_no_proxy_is_asked(api, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    follow(api, well)


def test_the_token_is_read_for_every_request(api, tmp_path):
    token = account(tmp_path) / "token"
    cluster = replace(api.cluster, token=token)
    api.put("trainjobs", NAME, JOB)
    for text in ("one", "two"):
        token.write_text(f"{text}\n", encoding="utf-8")
        assert submit.read(cluster, NAME)
        assert api.tokens[-1] == f"Bearer {text}"


def test_outside_of_a_cluster(tmp_path, monkeypatch):
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(UserError, match="from within the cluster"):
        in_cluster(account(tmp_path))
