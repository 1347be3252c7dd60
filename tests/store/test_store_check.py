"""What a check of a store finds on a real S3 server, and how it says so."""

from datetime import timedelta

import botocore.auth
import pytest

from xstilts.errors import UserError
from xstilts.store import check, objects
from xstilts.store.location import Location


@pytest.mark.parametrize("write", [True, False])
def test_a_store_that_is_fine_has_no_problems_and_keeps_its_objects(s3, store, bucket, write):
    objects.write(store, b"mine", "file")
    assert check.problems(store, write=write) == []
    whole = Location(bucket, endpoint=s3.endpoint)
    assert check.problems(whole, write=write) == []
    assert objects.names(whole) == ["some/prefix/file"]
    assert objects.read(store, "file") == b"mine"


def test_an_endpoint_from_the_environment_is_used(s3, bucket, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3.endpoint)
    assert check.problems(Location(bucket)) == []
    [problem] = check.problems(Location("not-there"))
    assert problem.startswith(f"There is no bucket 'not-there' at {s3.endpoint}")


def test_an_unknown_access_key(s3, store, use_key):
    use_key(AWS_ACCESS_KEY_ID="AKIDOESNOTEXIST")
    assert check.problems(store) == [
        f"{s3.endpoint} does not know the access key AKID… from the environment "
        "(AWS_ACCESS_KEY_ID): give a key of this server, or the endpoint that the key belongs to."
    ]


def test_a_wrong_secret_key(s3, store, use_key):
    use_key(AWS_SECRET_ACCESS_KEY="a-wrong-secret")
    assert check.problems(store) == [
        f"The secret key for the access key {s3.access[:4]}… from the environment "
        f"(AWS_ACCESS_KEY_ID) is not the one that {s3.endpoint} has: correct the secret key."
    ]


def test_a_bucket_that_is_not_there(s3, use_key):
    use_key()
    assert check.problems(Location("not-there", "a", endpoint=s3.endpoint)) == [
        f"There is no bucket 'not-there' at {s3.endpoint}: create it, or correct the bucket in "
        "s3://not-there/a."
    ]


def test_a_wrong_key_does_not_hide_a_bucket_that_is_not_there(s3, use_key):
    use_key(AWS_SECRET_ACCESS_KEY="a-wrong-secret")
    secret, missing = check.problems(Location("not-there", endpoint=s3.endpoint))
    assert "is not the one that" in secret
    assert missing.startswith("There is no bucket 'not-there'")


def test_no_key_does_not_hide_a_bucket_that_is_not_there(s3, monkeypatch, tmp_path, use_key):
    use_key(HOME=str(tmp_path))
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    none, missing = check.problems(Location("not-there", endpoint=s3.endpoint))
    assert none.startswith("There are no credentials for s3://not-there")
    assert missing.startswith("There is no bucket 'not-there'")


def test_a_bucket_that_may_only_be_read(s3, use_key):
    use_key()
    name = s3.bucket("only-to-be-read", read_only=True)
    location = Location(name, "a", endpoint=s3.endpoint)
    assert check.problems(location, write=False) == []
    refusal = (
        f"The access key {s3.access[:4]}… from the environment (AWS_ACCESS_KEY_ID) may not write "
        f"in s3://only-to-be-read/a at {s3.endpoint}: grant it s3:PutObject there, or use another "
        "key."
    )
    assert check.problems(location) == [refusal]
    with pytest.raises(UserError) as raised:
        objects.write(location, b"x", "file")
    assert raised.value.problems == [refusal]


def test_permissions_that_are_missing_come_together(s3, use_key):
    use_key()
    name = s3.bucket("closed-in-every-way")
    s3.deny(name, "s3:ListBucket", "s3:GetObject", "s3:DeleteObject")
    problems = check.problems(Location(name, endpoint=s3.endpoint))
    assert [text.split("grant it ")[1].split(" ")[0] for text in problems] == [
        "s3:ListBucket",
        "s3:GetObject",
        "s3:DeleteObject",
    ]


def test_a_bucket_from_which_nothing_may_be_removed(s3, use_key):
    use_key()
    name = s3.bucket("nothing-goes-from-here")
    s3.deny(name, "s3:DeleteObject")
    [problem] = check.problems(Location(name, endpoint=s3.endpoint))
    assert "may not remove objects in s3://nothing-goes-from-here" in problem
    assert "grant it s3:DeleteObject there" in problem


def test_clocks_that_differ(store, monkeypatch):
    now = botocore.auth.get_current_datetime
    monkeypatch.setattr(
        botocore.auth, "get_current_datetime", lambda *a, **k: now(*a, **k) - timedelta(hours=1)
    )
    [problem] = check.problems(store)
    assert problem.startswith("The clocks differ too much: here it is ")
    assert problem.endswith("Set the clock that is wrong.")


def test_tls_where_the_server_has_none(s3, store):
    location = Location(store.bucket, endpoint=s3.endpoint.replace("http:", "https:"))
    [problem] = check.problems(location)
    assert problem.endswith(
        "does not speak TLS: give the endpoint with http:// instead of https://, or its TLS port."
    )


def test_no_problem_tells_a_secret(s3, use_key):
    """Not even when the two keys were mixed up."""
    use_key(AWS_ACCESS_KEY_ID=s3.secret, AWS_SECRET_ACCESS_KEY=s3.access)
    problems = check.problems(Location("not-there", endpoint=s3.endpoint))
    assert len(problems) == 2
    assert s3.secret not in "".join(problems)


def test_credentials_of_a_profile(s3, bucket, tmp_path, use_key):
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "credentials").write_text(
        f"[lab]\naws_access_key_id = {s3.access}\naws_secret_access_key = {s3.secret}\n"
        "[stale]\naws_access_key_id = OLDKEY\naws_secret_access_key = old\n"
    )
    use_key(AWS_ACCESS_KEY_ID="AKIDOESNOTEXIST", HOME=str(tmp_path))
    lab = Location(bucket, endpoint=s3.endpoint, profile="lab")
    assert check.problems(lab) == []
    objects.write(lab, b"by profile", "file")
    assert objects.read(lab, "file") == b"by profile"
    [problem] = check.problems(Location(bucket, endpoint=s3.endpoint, profile="stale"))
    assert "access key OLDK… from the profile 'stale' in ~/.aws/credentials" in problem
