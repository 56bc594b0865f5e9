# make demo   environment, simulated survey, whole pipeline     make lint   ruff, import-linter and mypy
# make test   environment, all tests                            make lock   rebuild the locks
# make quick  environment, tests that take seconds              make clean  remove everything made by the above
#             (TEST_PROCESSES: number of parallel test processes, default 2)
# make check-serving   exported models under the TensorFlow of the newest TF Serving release
# make check-kubeflow  a pipeline through driver and launcher of Kubeflow Pipelines, where they are (needs root)
# make image  the image of the pipeline's containers (BASE: base image, VARIANT: cpu or gpu, IMAGE: its name)
# make check-image     an image in containers of strict clusters (IMAGE)
# make fuzz   random damage to stamps and headers (FUZZ_SECONDS: default 600)
# make bench-backends  speed of TensorFlow and OpenVINO (BENCH: --model, --stamps TEMPLATE)
# make bench-classify  speed, time and memory of galmorph classify
# make bench-ingest    speed of the ingest compared with a plain loop
# make bench-fields    speed of cutting stamps from a field image
# make bench-sdss      cross-validation on real galaxies (SHARED: folder of the SDSS set)
# make bench-signatures  speed of FITS decoding in the exported model
# make bench-novelty   detection of stamps that hold no galaxy (BENCH: run, model, --stamps TEMPLATE)
# make bench-serving   throughput, latency and memory of the embedded server
# make bench-training  cost of the parts of training
# make bench-start     time before the first step and to the exported model
# make bench-suspects  detection of wrong labels in real (SHARED) and simulated galaxies
# make lock LOCK=--upgrade   locks with the newest compatible versions
# make docs-table      rebuild the table of docs/caching.md, after a change of imports
#
# Needs Python 3.11 and make. Everything is installed from requirements.lock into .venv.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
READY := .venv/.ready
SHARED ?= ../shared
TEST_PROCESSES ?= 2
FUZZ_SECONDS ?= 600
FUZZ_SEED ?= $(shell date +%s)
# The tests of a file share expensive fixtures, so they run in one process.
SIDE_BY_SIDE = --numprocesses=$(TEST_PROCESSES) --dist=loadfile --no-loadscope-reorder
SOURCES := benchmarks catalog components configs evaluation fetch kubeflow pipeline preprocessing report scripts serving simulation tests trainer

.PHONY: demo test quick check-serving check-kubeflow image check-image fuzz bench-backends bench-classify bench-fields bench-ingest bench-novelty bench-sdss bench-suspects bench-serving bench-signatures bench-start bench-training docs-table lint lock clean environment
.DELETE_ON_ERROR:

demo: $(READY)
	$(BIN)/galmorph demo $(DEMO)

test: $(READY)
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) $(PYTEST)

quick: $(READY)
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) -m "not slow" $(PYTEST)

check-serving: $(READY)
	sh scripts/check_serving.sh

check-kubeflow: $(READY)
	$(BIN)/python -m pytest -m kubeflow tests/kubeflow $(PYTEST)

# The variables come from the command line or the environment.
export BASE VARIANT IMAGE
image:
	sh scripts/build_image.sh

check-image:
	sh scripts/check_image.sh "$(IMAGE)"

fuzz: $(READY)
	FUZZ_SECONDS=$(FUZZ_SECONDS) FUZZ_SEED=$(FUZZ_SEED) $(BIN)/python -m pytest -s tests/preprocessing/test_fuzz_stamps.py tests/preprocessing/test_header_vocabulary.py

bench-backends: $(READY)
	$(BIN)/python -m benchmarks.backends $(BENCH)

bench-classify: $(READY)
	$(BIN)/python -m benchmarks.classify $(BENCH)

bench-ingest: $(READY)
	$(BIN)/python -m benchmarks.ingest $(BENCH)
	$(BIN)/python -m benchmarks.ingest_scale $(BENCH)

bench-fields: $(READY)
	$(BIN)/python -m benchmarks.fields $(BENCH)

bench-sdss: $(READY)
	$(BIN)/python -m benchmarks.sdss --shared $(SHARED) $(BENCH)

bench-suspects: $(READY)
	$(BIN)/python -m benchmarks.suspects --shared $(SHARED) $(BENCH)

bench-signatures: $(READY)
	$(BIN)/python -m benchmarks.signatures $(BENCH)

bench-novelty: $(READY)
	$(BIN)/python -m benchmarks.novelty $(BENCH)

bench-serving: $(READY)
	$(BIN)/python -m benchmarks.serving $(BENCH)

bench-start: $(READY)
	$(BIN)/python -m benchmarks.start $(BENCH)

bench-training: $(READY)
	$(BIN)/python -m benchmarks.training $(BENCH)

# Without cache, because ruff does not notice new modules that another file imports.
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

# Those of the image: the versions of requirements.lock, without those of the group dev.
IMAGE_LOCK = --generate-hashes --python-version 3.11 --quiet --custom-compile-command "make lock"

lock: $(READY)
	$(BIN)/uv pip compile pyproject.toml --group dev --extra openvino --generate-hashes --python-version 3.11 --quiet \
		--custom-compile-command "make lock" --output-file requirements.lock $(LOCK)
	$(BIN)/uv pip compile serving/tensorflow.in --no-config --generate-hashes --python-version 3.11 --quiet \
		--custom-compile-command "make lock" --output-file serving/tensorflow.lock $(LOCK)
	$(BIN)/uv pip compile pyproject.toml --constraint requirements.lock $(IMAGE_LOCK) \
		--output-file kubeflow/requirements-cpu.lock $(LOCK)
	$(BIN)/uv pip compile pyproject.toml --constraint requirements.lock $(IMAGE_LOCK) \
		--override kubeflow/requirements-gpu.in --output-file kubeflow/requirements-gpu.lock $(LOCK)

clean:
	rm -rf .venv build *.egg-info demo demo-* .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find $(SOURCES) -name __pycache__ -prune -exec rm -rf {} +
