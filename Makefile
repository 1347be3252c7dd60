# Each target first makes the virtual environment .venv when it is missing or out of date.

.POSIX:
.SUFFIXES:

STUDY = mini
PYTHON = python3
BIN = .venv/bin
S3 = .s3
FLAVOURS = cpu cuda
STAMP = .venv/installed

.PHONY: docs e2e image image-cuda base wheels push release run s3 test lint clean

run: $(STAMP)
	@OMP_WAIT_POLICY=PASSIVE $(BIN)/xstilts run $(STUDY)

test: $(STAMP)
	@OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE $(BIN)/python -m pytest -n logical --maxprocesses 8 \
		--dist loadgroup --cov=xstilts --cov-report=term:skip-covered --cov-fail-under=85

lint: $(STAMP)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

# The page of all tasks, out of their records
docs: $(STAMP)
	@$(BIN)/xstilts data table --output docs/tasks.md

# Results and caches go; the environment stays (remove it with: rm -r .venv)
clean:
	rm -rf data models evaluations results .dvc/cache .dvc/tmp
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage *.egg-info build

# The image, with any of BASE= TORCH= INDEX_URL= EXTRA_INDEX_URL= PIP_CONFIG= DOCKER=; they are
# explained in docker/Dockerfile and docker/build.sh
image:
	@docker/build.sh cpu

image-cuda:
	@docker/build.sh cuda

# The pipeline in containers on this machine: builds the image, starts an S3 server (Ceph), and
# has KFP's local runner go through the smallest study, whole, killed, and with mistakes
e2e: $(STAMP)
	@OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE $(BIN)/python -m pytest -v \
		tests/containers/test_local.py tests/containers/test_pipeline.py

# A base for the image out of Debian packages, for machines that can pull none
base:
	@docker/debian-base.sh

# The image's dependencies, fetched by this machine's pip
wheels: $(STAMP)
	@docker/wheels.sh $(BIN)/python

# make push REGISTRY=host/folder
push: $(STAMP)
	@$(BIN)/python docker/push.py "$(REGISTRY)"

# make release REGISTRY=host/folder [FLAVOURS=cpu]: images, their digests, and what clusters get
# (docs/releases.md). What would stop it is found before anything is built.
release: $(STAMP)
	@test -n "$(REGISTRY)" || { echo "error: say make release REGISTRY=host/folder" >&2; exit 2; }
	@$(BIN)/xstilts release --check $(FLAVOURS)
	@for flavour in $(FLAVOURS); do docker/build.sh $$flavour || exit; done
	@$(BIN)/python docker/push.py "$(REGISTRY)" $(FLAVOURS)
	@$(BIN)/xstilts release

# A local S3 server until Ctrl-C; its objects and keys stay in S3 for the next time
s3: $(STAMP)
	@$(BIN)/python tests/s3.py $(S3)

# pip as old as Debian's takes minutes to resolve what a new one resolves in seconds
$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[kubeflow,metrics,tensorboard,test,lint]"
	@touch $(STAMP)
