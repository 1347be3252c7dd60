"""The Kubeflow component finish: says what became of a run, however it ended."""

from kfp import dsl


@dsl.container_component
def finish(
    study: str, s3_url: str, s3_endpoint: str, s3_region: str, run_id: str, notify: str
) -> dsl.ContainerSpec:
    """Write what ran, what is missing and why to the run's folder in the store.

    Args:
        study: Name of a study in the image, or its YAML.
        s3_url: The store, as s3://BUCKET/PREFIX.
        s3_endpoint: URL of the S3 server; empty for AWS.
        s3_region: Region of the bucket; empty for the default.
        run_id: KFP's id of the run.
        notify: Whether to tell the webhook of the environment: never, failures or always.
    """
    store = ["--s3-url", s3_url, "--s3-endpoint", s3_endpoint, "--s3-region", s3_region]
    own = ["--study", study, "--run-id", run_id, "--notify", notify]
    arguments = ["-m", "components.finish", *own, *store]
    return dsl.ContainerSpec(image="xstilts", command=["python"], args=arguments)
