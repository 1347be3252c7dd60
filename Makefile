# Each target first makes the virtual environment .venv when it is missing or out of date.

.POSIX:
.SUFFIXES:

STUDY = mini
PYTHON = python3
BIN = .venv/bin
STAMP = .venv/installed

.PHONY: run test lint clean

run: $(STAMP)
	@OMP_WAIT_POLICY=PASSIVE $(BIN)/xstilts run $(STUDY)

test: $(STAMP)
	@OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE $(BIN)/python -m pytest --cov=xstilts \
		--cov-report=term:skip-covered --cov-fail-under=85

lint: $(STAMP)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

# Results and caches go; the environment stays (remove it with: rm -r .venv)
clean:
	rm -rf data models evaluations results .dvc/cache .dvc/tmp
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage *.egg-info build

# pip as old as Debian's takes minutes to resolve what a new one resolves in seconds
$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[kubeflow,test,lint]"
	@touch $(STAMP)
