# make demo   environment, simulated survey, whole pipeline     make lint   ruff, import-linter and mypy
# make test   environment, all tests                            make lock   rebuild requirements.lock
# make quick  environment, the tests that take seconds          make clean  remove what the above have made
#             (TEST_PROCESSES: how many run side by side, 2 unless given)
# make fuzz   damaged stamps, odd headers (FUZZ_SECONDS: 600)    make bench-ingest   the ingest against the plain loop
# make bench-sdss      cross-validation on real galaxies (SHARED: where the SDSS set is)
# make bench-training  where the time of training goes
# make bench-suspects  wrong labels planted and looked for, real galaxies (SHARED) and simulated
# make lock LOCK=--upgrade   with the newest versions that fit
# make docs-table      the table of docs/caching.md, after a change of imports
#
# Needs Python 3.11 and make. Everything is installed from requirements.lock into .venv.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
READY := .venv/.ready
SHARED ?= ../shared
TEST_PROCESSES ?= 2
FUZZ_SECONDS ?= 600
FUZZ_SEED ?= $(shell date +%s)
# The tests of a file share what is costly to make, and stay in one process.
SIDE_BY_SIDE = --numprocesses=$(TEST_PROCESSES) --dist=loadfile --no-loadscope-reorder
SOURCES := benchmarks components configs evaluation fetch pipeline preprocessing report scripts simulation tests trainer

.PHONY: demo test quick fuzz bench-ingest bench-sdss bench-suspects bench-training docs-table lint lock clean environment
.DELETE_ON_ERROR:

demo: $(READY)
	$(BIN)/galmorph demo $(DEMO)

test: $(READY)
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) $(PYTEST)

quick: $(READY)
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) -m "not slow" $(PYTEST)

fuzz: $(READY)
	FUZZ_SECONDS=$(FUZZ_SECONDS) FUZZ_SEED=$(FUZZ_SEED) $(BIN)/python -m pytest -s tests/preprocessing/test_fuzz_stamps.py tests/preprocessing/test_header_vocabulary.py

bench-ingest: $(READY)
	$(BIN)/python -m benchmarks.ingest $(BENCH)
	$(BIN)/python -m benchmarks.ingest_scale $(BENCH)

bench-sdss: $(READY)
	$(BIN)/python -m benchmarks.sdss --shared $(SHARED) $(BENCH)

bench-suspects: $(READY)
	$(BIN)/python -m benchmarks.suspects --shared $(SHARED) $(BENCH)

bench-training: $(READY)
	$(BIN)/python -m benchmarks.training $(BENCH)

# Without its cache: ruff does not see there that a module has come which another file imports.
lint: $(READY)
	$(BIN)/ruff check --no-cache $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/lint-imports --no-cache
	$(BIN)/mypy

docs-table: $(READY)
	$(BIN)/python tests/support/caching_table.py

environment: $(READY)

$(READY): requirements.lock pyproject.toml scripts/install.sh
	PYTHON="$(PYTHON)" sh scripts/install.sh
	@touch $@

lock: $(READY)
	$(BIN)/uv pip compile pyproject.toml --group dev --generate-hashes --python-version 3.11 --quiet \
		--custom-compile-command "make lock" --output-file requirements.lock $(LOCK)

clean:
	rm -rf .venv build *.egg-info demo demo-* .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find $(SOURCES) -name __pycache__ -prune -exec rm -rf {} +
