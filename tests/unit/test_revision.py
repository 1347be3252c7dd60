"""Which commit the code is, in real clones."""

import subprocess

import pytest

from pipelines.revision import LOCK, Revision, code_revision


def git(folder, *arguments):
    settings = [
        "-c",
        "user.name=x",
        "-c",
        "user.email=x@example.org",
        "-c",
        "protocol.file.allow=always",
    ]
    command = ["git", "-C", str(folder), *settings, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def commit(folder, path, text, message="change"):
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_text(text)
    git(folder, "add", "--all")
    git(folder, "commit", "--message", message)
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def clone(tmp_path):
    folder = tmp_path / "clone"
    folder.mkdir()
    git(folder, "init", "--initial-branch", "main")
    commit(folder, "pipelines/a.py", "1")
    return folder


def test_the_lock_is_no_revision(clone):
    code = git(clone, "rev-parse", "HEAD")
    assert code_revision(clone) == Revision(code)
    commit(clone, LOCK, "cpu: x\n")
    commit(clone, LOCK, "cpu: y\n")
    assert code_revision(clone) == Revision(code)
    (clone / LOCK).write_text("cpu: not committed\n")
    assert code_revision(clone) == Revision(code)
    newer = commit(clone, "docs/page.md", "2")
    assert code_revision(clone) == Revision(newer)


def test_new_data_are_no_revision(clone):
    code = git(clone, "rev-parse", "HEAD")
    commit(clone, "data/mirror.dvc", "outs: []\n")
    assert code_revision(clone) == Revision(code)
    (clone / "data/mirror.dvc").write_text("outs: [{}]\n")
    assert code_revision(clone) == Revision(code)


def test_a_merge_of_the_lock_alone_is_none_either(clone):
    code = git(clone, "rev-parse", "HEAD")
    git(clone, "switch", "--create", "side")
    commit(clone, LOCK, "cpu: x\n")
    git(clone, "switch", "main")
    git(clone, "merge", "--no-ff", "--message", "merge", "side")
    assert code_revision(clone).commit == code


def test_what_differs_is_named(clone):
    (clone / "pipelines/a.py").write_text("2")
    (clone / "k8s").mkdir()
    (clone / "k8s/ä new.yaml").write_text("x")
    (clone / "notes.txt").write_text("nothing reads this")
    found = code_revision(clone)
    assert set(found.changed) == {"pipelines/a.py", "k8s/ä new.yaml"}
    (problem,) = found.problems()
    assert problem.startswith(f"files differ from the commit {found.short}: ")
    assert "k8s/ä new.yaml" in problem


def test_many_files_are_counted():
    problems = Revision("a" * 40, tuple("abcdefg")).problems()
    assert problems == ["files differ from the commit aaaaaaaaaaaa: a, b, c, d, e and 2 more. "
                        "Commit them first."]  # fmt: skip


def test_a_shallow_clone_may_not_know(clone, tmp_path):
    code = git(clone, "rev-parse", "HEAD")
    commit(clone, LOCK, "cpu: x\n")
    url = clone.as_uri()
    git(tmp_path, "clone", "--depth", "1", url, "shallow")
    (problem,) = code_revision(tmp_path / "shallow").problems()
    assert "git fetch --unshallow" in problem
    git(tmp_path / "shallow", "fetch", "--unshallow")
    assert code_revision(tmp_path / "shallow") == Revision(code)
    newer = commit(clone, "pipelines/a.py", "3")
    commit(clone, LOCK, "cpu: y\n")
    git(tmp_path, "clone", "--depth", "3", url, "deep")  # knows the commit before it, too
    assert code_revision(tmp_path / "deep") == Revision(newer)


def test_no_commit(tmp_path):
    assert "in no Git commit" in code_revision(tmp_path).problems()[0]
