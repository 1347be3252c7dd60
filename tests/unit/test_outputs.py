"""What a component writes for KFP is what KFP's own code reads."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from components.outputs import local_path, write_outputs

ROOT = Path(__file__).parents[2]


def executor_input(folder, parameters=(), artifacts=None):
    """The text that KFP gives to a component with these outputs."""
    return json.dumps(
        {
            "inputs": {},
            "outputs": {
                "outputFile": str(folder / "deep" / "executor_output.json"),
                "parameters": {
                    name: {"outputFile": str(folder / "parameters" / name)} for name in parameters
                },
                "artifacts": {
                    name: {
                        "artifacts": [
                            {
                                "name": name,
                                "uri": str(folder / "artifacts" / name),
                                "type": {"schemaTitle": schema},
                                "metadata": {},
                            }
                        ]
                    }
                    for name, schema in (artifacts or {}).items()
                },
            },
        }
    )


def test_every_output_lies_where_it_was_asked_for(tmp_path):
    text = executor_input(
        tmp_path, ("run", "trained"), {"metrics": "system.Metrics", "report": "system.HTML"}
    )
    write_outputs(
        text,
        parameters={"run": "s3://b/é?x=1", "trained": [{"finetune": "a", "evaluate": ""}]},
        metrics={"metrics": {"accuracy": 0.5}},
        files={"report": "<p>ü</p>"},
    )
    assert (tmp_path / "parameters" / "run").read_text(encoding="utf-8") == "s3://b/é?x=1"
    trained = json.loads((tmp_path / "parameters" / "trained").read_text())
    assert trained == [{"finetune": "a", "evaluate": ""}]
    assert (tmp_path / "artifacts" / "report").read_text(encoding="utf-8") == "<p>ü</p>"
    written = json.loads((tmp_path / "deep" / "executor_output.json").read_text())
    assert written["artifacts"]["metrics"]["artifacts"] == [
        {
            "name": "metrics",
            "uri": str(tmp_path / "artifacts" / "metrics"),
            "metadata": {"accuracy": 0.5},
        }
    ]
    assert set(written["artifacts"]) == {"metrics", "report"}


def test_kfp_reads_what_was_written(tmp_path):
    """The reader is the one that KFP's local runner uses after a task."""
    reader = pytest.importorskip("kfp.local.executor_output_utils")
    from google.protobuf import json_format
    from kfp.pipeline_spec import pipeline_spec_pb2 as spec

    text = executor_input(tmp_path, ("receipt", "items"), {"metrics": "system.Metrics"})
    write_outputs(
        text,
        parameters={"receipt": "0012", "items": ["a", "b"]},
        metrics={"metrics": {"f1": 1.5, "loss": float("nan")}},
    )
    component = json_format.ParseDict(
        {
            "outputDefinitions": {
                "parameters": {
                    "receipt": {"parameterType": "STRING"},
                    "items": {"parameterType": "LIST"},
                },
                "artifacts": {"metrics": {"artifactType": {"schemaTitle": "system.Metrics"}}},
            }
        },
        spec.ComponentSpec(),
    )
    found = reader.get_outputs_for_task(json_format.Parse(text, spec.ExecutorInput()), component)
    assert found["receipt"] == "0012"
    assert found["items"] == ["a", "b"]
    assert found["metrics"].schema_title == "system.Metrics"
    assert found["metrics"].metadata == {"f1": 1.5, "loss": "nan"}


@pytest.mark.parametrize(
    "uri",
    ["/local/path/x", "gs://b/p/x", "minio://b/p/x", "s3://b/p/x", "oci://host/a/b:tag", "b/x"],
)
@pytest.mark.parametrize("metadata", [{}, {"_kfp_workspace": True}, {"_kfp_workspace": False}])
def test_paths_are_those_of_kfp(uri, metadata):
    types = pytest.importorskip("kfp.dsl.types.artifact_types")
    artifact = types.Artifact(uri=uri, metadata=metadata)
    assert local_path({"uri": uri, "metadata": metadata}) == artifact.path


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({}, "nothing was written to the output parameter 'run'"),
        ({}, "nothing was written to the output artifact 'report'"),
        ({"files": {"other": ""}}, "the component has no output artifact 'other'"),
        ({"parameters": {"other": ""}}, "the component has no output parameter 'other'"),
    ],
)
def test_what_is_given_must_be_what_is_asked_for(tmp_path, given, complaint):
    whole = {"parameters": {"run": "r"}, "files": {"report": "r"}}
    if not given:
        whole.pop("parameters" if "parameter" in complaint else "files")
    for kind, more in given.items():
        whole[kind] = whole[kind] | more
    with pytest.raises(ValueError, match=complaint):
        write_outputs(executor_input(tmp_path, ("run",), {"report": "system.HTML"}), **whole)
    assert not (tmp_path / "deep").exists()


@pytest.mark.parametrize("text", ["", "{}", "[]", "{{$}}", '{"outputs": {}}', '{"outputs": 1}'])
def test_a_text_that_is_no_executor_input(text):
    with pytest.raises(ValueError, match="no executor input"):
        write_outputs(text)


def test_only_the_standard_library_is_needed():
    code = "import sys; sys.path.insert(0, sys.argv[1]); import components.outputs"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code, str(ROOT)])
    assert done.returncode == 0
