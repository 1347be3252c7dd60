"""`xstilts publish` in a project whose stages do almost nothing, with a real S3 server."""

import shutil

import pytest
from published import let_publish
from small_project import dvc, ran, results, small_project, xstilts

from xstilts.store import index, manifest, objects, remote
from xstilts.store.location import Location


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A project in which the study has run."""
    folder = let_publish(small_project(tmp_path_factory.mktemp("publish") / "project"))
    code, output = xstilts(folder, "run", "small")
    assert code == 0, output
    return folder


@pytest.fixture
def project(finished, tmp_path):
    """A copy of the finished project, for a test to change."""
    folder = tmp_path / "project"
    shutil.copytree(finished, folder, symlinks=True)
    ran(folder)
    return folder


@pytest.fixture
def store(s3, bucket, monkeypatch):
    """A store to which the commands have the key."""
    for name, value in s3.environment().items():
        monkeypatch.setenv(name, value)
    return Location(bucket, "some/prefix", endpoint=s3.endpoint)


def test_results_that_are_gone_or_changed_are_written_again(project):
    page = project / "results" / "index.html"
    assert "Does it help?" in page.read_text(encoding="utf-8")  # of xstilts run
    lock, before = (project / "dvc.lock").read_bytes(), results(project)
    page.unlink()
    code, output = xstilts(project, "publish", "small")
    assert (code, ran(project)) == (0, [])
    assert "Nothing to do: publish is up to date." in output
    assert f"Report: {project}/results/small/index.html" in output
    assert results(project) == before
    shutil.rmtree(project / "results" / "small")
    code, output = xstilts(project, "publish")
    assert code == 0, output
    assert results(project) == before
    assert (project / "dvc.lock").read_bytes() == lock


def test_missing_evaluations_are_all_named_and_nothing_runs(project):
    lost = "mini-encoder-mnli-panx-0", "mini-encoder-none-panx-0"
    for name in lost:
        shutil.rmtree(project / "evaluations" / "small" / name)
    code, output = xstilts(project, "publish", "small")
    assert (code, ran(project)) == (2, [])
    assert "2 of 6 evaluations of small are missing: " in output
    assert all(f"evaluate@{name}" in output for name in lost)
    assert "--allow-partial" in output


def test_a_study_goes_to_the_store_once_and_can_be_restored(project, store, tmp_path):
    remote.configure(project, store)
    code, output = xstilts(project, "publish", "small", "--to", "store")
    assert code == 0, output
    run = index.latest_run(objects.read(store, "studies", "small", "latest.json"))
    assert f"The run {run} of small is published: {store.url}/studies/small/{run}" in output
    assert f"Index: {store.url}/studies/index.html" in output
    found = manifest.read(store, "small", run)
    for path in found.files:
        manifest.read_file(store, found, path)
    code, output = xstilts(project, "publish", "small", "--to", str(store))
    assert code == 0, output
    assert f"The run {run} of small was published before" in output
    clone = let_publish(small_project(tmp_path / "clone"))
    remote.configure(clone, store)
    code, output = xstilts(clone, "store", "restore")
    assert code == 0, output
    dvc(clone, "pull")
    assert results(clone) == results(project)
    assert "up to date" in dvc(clone, "repro")


def test_a_dry_run_says_what_would_be_and_writes_nothing(project, store):
    asked = ("publish", "small", "--to", store.url, "--endpoint", store.endpoint)
    code, output = xstilts(project, *asked, "--run", "monday", "--dry-run")
    assert code == 0, output
    assert f"The run monday of small would be published in {store.url}." in output
    assert objects.names(store) == []
    assert xstilts(project, *asked, "--run", "monday")[0] == 0
    code, output = xstilts(project, *asked, "--run", "monday", "--dry-run")
    assert code == 0, output
    assert "The run monday of small is there already" in output


def test_an_id_that_is_taken_by_other_content(project, store):
    asked = ("publish", "small", "--to", store.url, "--endpoint", store.endpoint, "--run", "monday")
    assert xstilts(project, *asked)[0] == 0
    before = manifest.read(store, "small", "monday")
    study = project / "pipelines/studies/small.yaml"
    study.write_text(study.read_text().replace("Does it help?", "Does it hurt?"))
    code, output = xstilts(project, *asked)
    assert code == 2, output
    assert "The run 'monday' of small in " in output
    assert "published with other content (" in output
    assert manifest.read(store, "small", "monday") == before


def test_a_server_without_conditional_writes(s3, project, store):
    s3.client().put_bucket_versioning(
        Bucket=store.bucket, VersioningConfiguration={"Status": "Enabled"}
    )
    code, output = xstilts(project, "publish", "--to", store.url, "--endpoint", store.endpoint)
    assert code == 2
    assert "overwrites an object that is to be created only once (If-None-Match)" in output
    assert not [name for name in objects.names(store) if name.startswith("studies/")]
