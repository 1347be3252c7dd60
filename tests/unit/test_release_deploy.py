"""From a release to a cluster: the Argo CD example, and the script that CI runs."""

import json
import os
import re
import subprocess

import clones
import crds
import pytest
import yaml
from overlays import K8S, OVERLAYS

ARGOCD = K8S / "argocd"
KEPT = ["eks.release.json", "eks/overlay.yaml", "gke/overlay.yaml"]  # in every release
COMMAND = """#!/bin/sh
echo "$(basename "$0") $*" >> "{log}"
"""


@pytest.fixture(scope="module")
def application():
    return yaml.safe_load((ARGOCD / "application.yaml").read_text(encoding="utf-8"))


def test_the_application_is_what_argo_cd_takes(application, shared):
    assert crds.problems(shared / "crds", application) == []
    assert application["spec"]["source"]["path"] in OVERLAYS


def test_a_wrong_application_would_be_found(application, shared):
    policy = application["spec"]["syncPolicy"] | {"syncOption": []}
    wrong = application | {"spec": application["spec"] | {"syncPolicy": policy}}
    assert crds.problems(shared / "crds", wrong)


def test_older_versions_go_after_the_new_one_is_there(application):
    # Kubeflow runs the version that was made last: one that stays would win over a rollback
    policy = application["spec"]["syncPolicy"]
    assert policy["automated"]["prune"] is True
    assert {"PruneLast=true", "ServerSideApply=true"} <= set(policy["syncOptions"])
    assert not any(option.startswith("Replace") for option in policy["syncOptions"])
    assert "ServerSideDiff=true" in application["metadata"]["annotations"].values()


def write_release(folder, revision, schedules=("k8s/schedules/weekly.yaml",)):
    """A small release of a revision, in place of an older one."""
    own = folder / "release" / "eks"
    own.mkdir(parents=True, exist_ok=True)
    for path in own.iterdir():
        path.unlink()
    (own / "overlay.yaml").write_text(f"revision: {revision}\n", encoding="utf-8")
    (own / f"{revision}.yaml").write_text("", encoding="utf-8")
    entry = {"namespace": "team", "pipelines": [f"xstilts-{revision}", f"xstilts-cpu-{revision}"],
             "schedules": list(schedules)}  # fmt: skip
    record = {"revision": revision, "overlays": {"eks": entry}}
    (folder / "release" / "release.json").write_text(json.dumps(record), encoding="utf-8")


@pytest.fixture
def place(tmp_path):
    """A clone with the script, a deploy repository, and commands that only say how they ran."""
    script = tmp_path / "clone" / "k8s" / "argocd" / "deploy.sh"
    script.parent.mkdir(parents=True)
    script.write_bytes((ARGOCD / "deploy.sh").read_bytes())
    script.chmod(0o755)
    for name in ("kubectl", "xstilts"):
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(COMMAND.format(log=tmp_path / "log"), encoding="utf-8")
        program.chmod(0o755)
    work = tmp_path / "work"
    work.mkdir()
    clones.git(work, "init", "--initial-branch", "main")
    (work / "gke").mkdir()
    (work / "gke" / "overlay.yaml").write_text("another cluster's\n", encoding="utf-8")
    clones.commit(work, "First")
    clones.git(work, "clone", "--bare", "--quiet", str(work), str(tmp_path / "deploy.git"))
    return tmp_path


def deploy(place, *words):
    """Run the script as CI would, in any folder."""
    who = {
        f"GIT_{one}_{field}": "x" for one in ("AUTHOR", "COMMITTER") for field in ("NAME", "EMAIL")
    }
    path = f"{place / 'bin'}:{os.environ['PATH']}"
    done = subprocess.run(
        [place / "clone/k8s/argocd/deploy.sh", (place / "deploy.git").as_uri(), "eks", *words],
        cwd=place,
        env=os.environ | who | {"PATH": path},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("words", [[], ["x"], ["x", "azure"], ["x", ""], ["x", "../clone"]])
def test_without_a_release_for_the_overlay_nothing_happens(place, words):
    write_release(place / "clone", "aaa")
    program = place / "clone/k8s/argocd/deploy.sh"
    done = subprocess.run([program, *words], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.endswith("REPOSITORY OVERLAY, with an overlay that release/ has: eks/\n")
    assert (place / "clone/release/eks/aaa.yaml").exists()
    assert not (place / "log").exists()


def files(place):
    """What the deploy repository holds now."""
    listed = clones.git(place / "deploy.git", "ls-tree", "-r", "--name-only", "HEAD").splitlines()
    return sorted(listed, key=lambda name: (name not in KEPT, name))


def test_a_release_is_committed_waited_for_and_scheduled(place):
    write_release(place / "clone", "aaa")
    assert deploy(place, "--namespace", "team") == "eks gets the release aaa.\n"
    assert files(place) == [*KEPT, "eks/aaa.yaml"]
    wait = "kubectl wait --for=create --timeout=10m --namespace team pipelineversions.pipelines"
    assert (place / "log").read_text().splitlines() == [
        f"{wait}.kubeflow.org/xstilts-aaa",
        f"{wait}.kubeflow.org/xstilts-cpu-aaa",
        "xstilts schedule apply --namespace team k8s/schedules/weekly.yaml",
    ]


def test_again_changes_nothing_and_a_newer_one_replaces_all_files(place):
    write_release(place / "clone", "aaa")
    deploy(place)
    before = clones.git(place / "deploy.git", "rev-parse", "HEAD")
    assert deploy(place) == "eks has the release aaa already.\n"
    assert clones.git(place / "deploy.git", "rev-parse", "HEAD") == before
    write_release(place / "clone", "bbb", schedules=())
    deploy(place)
    assert files(place) == [*KEPT, "eks/bbb.yaml"]
    assert (place / "log").read_text().count("schedule apply") == 2  # bbb has none


def test_a_revert_brings_the_older_release_back(place):
    for revision in ("aaa", "bbb"):
        write_release(place / "clone", revision)
        deploy(place)
    clones.git(place, "clone", "--quiet", str(place / "deploy.git"), "again")
    clones.git(place / "again", "revert", "--no-edit", "HEAD")
    clones.git(place / "again", "push", "--quiet", "origin", "HEAD")
    assert files(place) == [*KEPT, "eks/aaa.yaml"]


def test_the_page_names_what_is_there():
    text = (K8S.parent / "docs" / "releases.md").read_text(encoding="utf-8")
    for name in re.findall(r"`((?:k8s|docker|components|pipelines)/[\w./-]+)`", text):
        assert (K8S.parent / name).exists(), name
    for target in re.findall(r"(?m)(?:`|^ {4})make ([a-z]+)", text):
        makefile = (K8S.parent / "Makefile").read_text(encoding="utf-8")
        assert f"\n{target}:" in makefile
