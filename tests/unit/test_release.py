"""`xstilts release`: the same bytes from the same commit, or nothing and all the reasons."""

import hashlib
import json
import shutil
import stat
import subprocess

import clones
import core_kinds
import crds
import pytest
import yaml
from clones import DIGEST, IMAGES, git

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
pytestmark = [
    pytest.mark.xdist_group("release"),  # all of them look at two clones
    pytest.mark.skipif(
        shutil.which("kubectl") is None, reason="kubectl is not installed: overlays cannot be built"
    ),
]


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A repository and its commit; nothing is released yet."""
    folder = tmp_path_factory.mktemp("source") / "xstilts"
    folder.mkdir()
    return folder, clones.repository(folder)


@pytest.fixture(scope="module")
def pair(source, tmp_path_factory):
    """Two clones of the commit, each with its release, made as differently as two people can."""
    origin, revision = source
    one = tmp_path_factory.mktemp("one") / "xstilts"
    two = tmp_path_factory.mktemp("a far longer path") / "of somebody else"
    for folder in (one, two):
        git(origin, "clone", "--quiet", str(origin), str(folder))
        clones.write_lock(folder, revision, **IMAGES)
    clones.commit(two, "The release")  # the other has the lock as it was pushed
    (two / "release" / "kind").mkdir(parents=True)  # and this one a release from before
    for name in ("release.json", "kind/gone.yaml"):
        (two / "release" / name).write_text("", encoding="utf-8")
    first = clones.release(one, TZ="Asia/Tokyo", LC_ALL="C", UMASK="077", PYTHONHASHSEED="1")
    second = clones.release(
        two, TZ="America/Lima", LC_ALL="C.UTF-8", UMASK="002", PYTHONHASHSEED="2"
    )
    for process in (first, second):
        _output, errors = process.communicate()
        assert process.returncode == 0, errors
    return one / "release", two / "release"


def tree(folder):
    """Path -> mode and bytes, of folders the mode alone."""
    return {
        path.relative_to(folder).as_posix(): (
            stat.filemode(path.stat().st_mode),
            path.read_bytes() if path.is_file() else None,
        )
        for path in (folder, *folder.rglob("*"))
    }


def resources(folder):
    return [
        found
        for path in sorted(folder.glob("*.yaml"))
        for found in yaml.load_all(path.read_text(encoding="utf-8"), LOADER)
    ]


def test_two_clones_give_identical_trees_and_nothing_older_is_in_them(pair):
    one, two = pair
    assert tree(one) == tree(two)
    assert set(tree(one)) == {
        ".", "release.json",
        "eks", "eks/overlay.yaml", "eks/xstilts.yaml", "eks/xstilts-cpu.yaml",
        "gke", "gke/overlay.yaml", "gke/xstilts.yaml", "gke/xstilts-cpu.yaml",
        "kind", "kind/overlay.yaml", "kind/xstilts-cpu.yaml",
    }  # fmt: skip


def test_git_ignores_the_release(pair):
    assert git(pair[1].parent, "status", "--porcelain") == ""


def test_the_record_names_revision_images_and_files(source, pair):
    _folder, revision = source
    record = json.loads((pair[0] / "release.json").read_text(encoding="utf-8"))
    assert record["revision"] == revision
    assert record["images"] == IMAGES
    files = {name: hashlib.sha256(data).hexdigest() for name, (_mode, data) in tree(pair[0]).items()
             if name.endswith(".yaml")}  # fmt: skip
    assert record["files"] == {name: f"sha256:{digest}" for name, digest in files.items()}
    short = revision[:12]
    assert record["overlays"]["kind"] == {
        "namespace": "kubeflow",
        "pipelines": [f"xstilts-cpu-{short}"],
        "schedules": ["k8s/schedules/weekly.yaml"],
    }
    assert record["overlays"]["eks"]["pipelines"] == [f"xstilts-{short}", f"xstilts-cpu-{short}"]


@pytest.mark.parametrize("overlay", ["eks", "gke", "kind"])
def test_resources_are_what_kubernetes_takes(pair, overlay, shared):
    for resource in resources(pair[0] / overlay):
        if core_kinds.is_core(resource):
            assert core_kinds.problems(resource) == []
            continue
        schema = resource if "Pipeline" not in resource["kind"] else resource | {"metadata": {}}
        assert crds.problems(shared / "crds", schema) == [], resource["kind"]


@pytest.mark.parametrize(
    ("overlay", "flavour"), [("eks", "cuda"), ("gke", "cuda"), ("kind", "cpu")]
)
def test_the_overlay_is_kubectl_s_but_for_our_image(pair, overlay, flavour):
    def key(resource):
        return resource["kind"], resource["metadata"]["name"]

    found = [one for one in resources(pair[0] / overlay) if "Pipeline" not in one["kind"]]
    assert found[0]["kind"] == "Namespace" or overlay == "kind"
    command = ["kubectl", "kustomize", str(pair[0].parent / "k8s" / "overlays" / overlay)]
    built = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    wanted = json.dumps(sorted(yaml.load_all(built, LOADER), key=key), sort_keys=True)
    assert '"image": "xstilts:of-the-trainjob"' in wanted
    wanted = wanted.replace("xstilts:of-the-trainjob", IMAGES[flavour])
    assert json.dumps(sorted(found, key=key), sort_keys=True) == wanted


@pytest.mark.parametrize("overlay", ["eks", "gke", "kind"])
def test_pipelines_run_the_images_of_the_lock_and_know_the_overlay_s_pools(pair, overlay):
    (space,) = {found["metadata"]["namespace"] for found in resources(pair[0] / overlay)
                if found["kind"] == "LocalQueue"}  # fmt: skip
    for found in resources(pair[0] / overlay):
        if found["kind"] != "PipelineVersion":
            continue
        assert found["metadata"]["namespace"] == space
        specification = found["spec"]["pipelineSpec"]
        executors = specification["deploymentSpec"]["executors"].values()
        used = {executor["container"]["image"] for executor in executors}
        own = {"xstilts": set(IMAGES.values()), "xstilts-cpu": {IMAGES["cpu"]}}
        assert used == own[found["spec"]["pipelineName"]]
        assert ('"name": "l4"' in json.dumps(specification)) == (overlay != "kind")


def test_a_pipeline_comes_before_its_version_and_only_a_person_removes_it(pair):
    pipeline, version = resources(pair[0] / "kind")[-2:]
    annotations = [found["metadata"]["annotations"] for found in (pipeline, version)]
    waves = [int(found["argocd.argoproj.io/sync-wave"]) for found in annotations]
    assert 0 < waves[0] < waves[1]
    assert annotations[0]["argocd.argoproj.io/sync-options"] == "Prune=confirm,Delete=confirm"
    assert "argocd.argoproj.io/sync-options" not in annotations[1]


@pytest.fixture
def clone(source, tmp_path):
    origin, revision = source
    git(origin, "clone", "--quiet", str(origin), str(tmp_path / "clone"))
    return tmp_path / "clone", revision


def without_kubectl(folder):
    """A PATH with Git alone."""
    folder.mkdir()
    (folder / "git").symlink_to(shutil.which("git"))
    return str(folder)


def test_all_problems_together_and_nothing_written(clone, tmp_path):
    folder, revision = clone
    clones.write_lock(folder, revision, cpu="registry.example/xstilts:1.0")
    (folder / "dvc.yaml").write_text("", encoding="utf-8")
    (folder / "k8s/schedules/new.yaml").write_text("name: x\ncron: x\n", encoding="utf-8")
    constraints = (folder / "constraints.txt").read_text(encoding="utf-8")
    (folder / "constraints.txt").write_text(constraints.replace("\nkfp==", "\nkfp==0."))
    output = tmp_path / "papers"
    output.mkdir()
    (output / "thesis.txt").write_text("precious", encoding="utf-8")
    path = without_kubectl(tmp_path / "bin")
    problems = "\n".join(refused := clones.refused(folder, "--output", str(output), PATH=path))
    for part in (
        f"--output {output} is there and is no release",
        f"files differ from the commit {revision[:12]}: constraints.txt, dvc.yaml, k8s/schedules/n",
        "constraints.txt says 0.2",
        "kubectl is not installed",
        "new.yaml, line 2: cron 'x' has 1 fields",
        "the schedule has no study",
        "'registry.example/xstilts:1.0' is no digest reference",
    ):
        assert part in problems
    assert all(line.startswith("error: ") for line in refused)
    assert [path.name for path in output.iterdir()] == ["thesis.txt"]
    assert not (folder / "release").exists()


def test_images_of_other_code_are_refused(clone):
    folder, revision = clone
    clones.write_lock(folder, revision, **IMAGES)
    (folder / "README.md").write_text("More.", encoding="utf-8")
    newer = clones.commit(folder, "More")
    (problem,) = clones.refused(folder)
    assert f"were built from {revision[:12]}, and the code is {newer[:12]}: run `make" in problem
    (folder / "components/images.lock").write_text(f"cpu: {IMAGES['cpu']}\n", encoding="utf-8")
    (problem,) = clones.refused(folder)
    assert "do not say what they were built from" in problem


def test_without_the_image_for_gpus_there_is_no_pipeline_for_them(clone):
    folder, revision = clone
    clones.write_lock(folder, revision, cpu=IMAGES["cpu"])
    printed = clones.released(folder)
    assert "eks: xstilts-cpu, for the namespace xstilts" in printed
    assert not (folder / "release/eks/xstilts.yaml").exists()
    text = (folder / "release/eks/overlay.yaml").read_text(encoding="utf-8")
    assert f"image: registry.example/team/xstilts@{DIGEST}" in text


def test_what_stops_a_release_is_found_before_images_are_built(clone):
    folder, revision = clone
    assert clones.released(folder, "--check", "cpu") == (
        f"{revision} can be released with images for cpu.\n"
    )
    schedule = (folder / "k8s/schedules/weekly.yaml").read_text(encoding="utf-8")
    text = schedule.replace("pool: cpu", "pool: l4").replace("name: weekly", "name: gpus")
    (folder / "k8s/schedules/gpus.yaml").write_text(text, encoding="utf-8")
    problems = clones.refused(folder, "--check", "cpu")
    assert len(problems) == 2
    assert "files differ" in problems[0]
    assert "gpus.yaml: the pool l4 needs the image cuda, which is not to be released" in problems[1]
    assert not (folder / "release").exists()


def test_a_schedule_for_nodes_that_no_cluster_has(clone):
    folder, _revision = clone
    pools = (folder / "k8s/pools.yaml").read_text(encoding="utf-8")
    own = "- {name: mine, device: cpu, cpu: 1, memory: 4Gi, shm: 1Gi, scratch: 1Gi, hours: 1, "
    (folder / "k8s/pools.yaml").write_text(f"{pools}{own}queue: q}}\n", encoding="utf-8")
    path = folder / "k8s/schedules/weekly.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("pool: cpu", "pool: mine"))
    clones.commit(folder, "A pool")
    (problem,) = clones.refused(folder, "--check", "cpu", "cuda")
    assert "weekly.yaml: no overlay has a queue for the pool mine" in problem
