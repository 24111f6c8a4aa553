# Every day's commands. The recipes need a POSIX shell and a Python with venv, and git for the tests: nothing else.

define HELP
make setup     the development environment in .venv, with .venv/bin/sentiline (Python 3.11 to 3.13)
make serve     what serving needs in .venv-serve, then the server (Python 3.11 to 3.14; HOST=..., PORT=...)
make test      the tests but the longest ones (ARGS="-k tokenizer -x" reaches pytest)
make test-long the tests that `make test` leaves out: each takes about a minute, and most run a whole benchmark
make check     formatting, lint and types, as continuous integration checks them
make format    rewrite the sources as `make check` wants them
make teacher   PyTorch and transformers too in .venv, to fine-tune a transformer as a teacher
make torch     PyTorch too in .venv, to train on a GPU (some GB; KERAS_BACKEND=torch then chooses it)
make fit       fit the BiLSTM on IMDB's labels alone, in half an hour (ARGS="--help" lists the options)
make flagship  every stage from IMDB to a flagship, at the presets' sizes, in hours; resumes where it was interrupted
make student   train the shipped model again from the shipped encoder and its teacher's logits, in half an hour
make evaluate  compute the shipped model's accuracy on the test reviews again (ARGS="--help")
make test-docker  build the image; test it, docker-compose.yml and its monitoring with a real Docker engine (as root)
make soak      ten minutes of random load on the service; then its memory, descriptors and metrics (ARGS=...)
make bench     measure the predictor and the service
make compose   the service, Prometheus (port 9090) and Grafana (port 3001) under docker-compose
make mutate    delete each term of the reference's gradients in turn: a test must fail every time
make lock      resolve requirements/*.txt from pyproject.toml (ARGS="--upgrade" for newer releases)
make clean     remove caches and build outputs
make distclean remove the environments too

PYTHON=/path/to/python chooses the interpreter of a new environment.
endef

.PHONY: help setup serve test test-long check format teacher torch fit flagship student evaluate test-docker soak bench compose mutate lock clean distclean
.DEFAULT_GOAL := help
.SUFFIXES:

# Set on make's command line. Assigned here because some shells export a HOST of their own, which must not be bound.
HOST =
PORT =
ARGS =

PYTHONS = $(or $(PYTHON),python3 python3.13 python3.12 python3.11)
DEV := .venv/bin/python
SERVE := .venv-serve/bin/python

# $(call install,ENVIRONMENT,LOCK,MINOR): install LOCK into ENVIRONMENT, for Python 3.11 to 3.MINOR. An environment
# without the file `complete`, which a recipe writes last, was interrupted and is made again.
define install
@found=; for python in $(PYTHONS); do \
  if "$$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, $3))' 2>/dev/null; \
  then found=$$python; break; fi; \
done; \
if [ -z "$$found" ]; then \
  echo "error: $1 needs Python 3.11 to 3.$3, and none of these is one: $(PYTHONS)." >&2; \
  echo "Install one, or name it on make's command line: PYTHON=/path/to/python3.11" >&2; exit 1; \
fi; \
if ! "$$found" -c 'import ensurepip, venv' 2>/dev/null; then \
  echo "error: $$found cannot make virtual environments: its modules venv and ensurepip are not installed." >&2; \
  echo "On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; \
fi; \
if ! [ -e $1/complete ]; then echo "Making $1 with $$found"; "$$found" -m venv --clear $1; fi
$1/bin/python -m pip install --disable-pip-version-check --only-binary :all: --require-hashes -r $2
endef

help:
	@: $(info $(HELP))

setup: .venv/complete
	@echo "Ready: .venv/bin/sentiline --help"

serve: .venv-serve/complete
	@exec $(SERVE) -m sentiline serve $(if $(HOST),--host $(HOST)) $(if $(PORT),--port $(PORT)) $(ARGS)

.venv/complete: requirements/dev.txt pyproject.toml
	$(call install,.venv,$<,13)
	$(DEV) -m pip install --disable-pip-version-check --no-deps --no-build-isolation -e .
	@: > $@

.venv-serve/complete: requirements/serve.txt
	$(call install,.venv-serve,$<,14)
	@: > $@

# Four processes even on two cores: many tests wait for servers. Each file stays in one process, with its fixtures.
PYTEST = $(DEV) -m pytest -n 4 --dist loadfile

test: .venv/complete
	$(PYTEST) $(ARGS)

test-long: .venv/complete
	$(PYTEST) -m long $(ARGS)

check: .venv/complete
	$(DEV) -m ruff format --check
	$(DEV) -m ruff check
	$(DEV) -m mypy

format: .venv/complete
	$(DEV) -m ruff check --fix
	$(DEV) -m ruff format

teacher: .venv/complete
	$(DEV) -m pip install --disable-pip-version-check --only-binary :all: --require-hashes -r requirements/teacher.txt

torch: .venv/complete
	$(DEV) -m pip install --disable-pip-version-check --only-binary :all: --require-hashes -r requirements/torch.txt

fit: .venv/complete
	$(DEV) -m training fit bilstm $(ARGS)

# Options of one stage: PRETRAIN="--epochs 1", NGRAMS=, TEACHER=, LABEL=, STUDENT=; RUNS names the folder.
RUNS = runs
START = --init $(RUNS)/encoder/encoder.npz
flagship: .venv/complete
	$(DEV) -m training pretrain --run $(RUNS)/encoder --resume $(PRETRAIN)
	$(DEV) -m training ngrams --run $(RUNS)/ngrams --tokenizer $(RUNS)/encoder/tokenizer.json --resume $(NGRAMS)
	$(DEV) -m training fit bilstm-teacher --run $(RUNS)/bilstm-teacher $(START) --resume $(TEACHER)
	$(DEV) -m training label $(RUNS)/bilstm-teacher --ngrams $(RUNS)/ngrams --to $(RUNS)/targets.npz $(LABEL)
	$(DEV) -m training fit bilstm-student --name bilstm --run $(RUNS)/bilstm $(START) --targets $(RUNS)/targets.npz \
	  --resume $(STUDENT)

student: .venv/complete
	$(DEV) -m training label --verdicts shipped --to $(RUNS)/targets.npz $(LABEL)
	$(DEV) -m training fit bilstm-student --name bilstm --run $(RUNS)/student --init encoder \
	  --targets $(RUNS)/targets.npz --resume $(STUDENT)

evaluate: .venv/complete
	$(DEV) -m training evaluate models/bilstm $(ARGS)

test-docker: .venv/complete
	tests/docker/engine start
	@status=0; SENTILINE_REQUIRE=docker $(DEV) -m pytest tests/docker $(ARGS) || status=$$?; \
	tests/docker/engine stop; exit $$status

soak: .venv/complete
	SENTILINE_FUZZ_EXAMPLES=1000 $(DEV) -m pytest tests/service/api/test_schema_fuzz.py
	$(DEV) -m tests.soak $(ARGS)

bench: .venv/complete
	for name in predictor transformer serving overload startup; do $(DEV) -m benchmarks.$$name $(ARGS) || exit 1; done

compose:
	docker-compose --profile monitoring up --build $(ARGS)

mutate: .venv/complete
	$(DEV) -m tests.reference.mutate $(ARGS)

# The other files are cut out of dev.txt, so that all environments hold the same versions. The package index is the
# one that uv is set to use, and no file names it.
COMPILE = $(DEV) -m uv pip compile pyproject.toml --universal --python-version 3.11 --fork-strategy fewest \
  --generate-hashes --no-emit-index-url --no-emit-find-links --annotation-style line --quiet \
  --custom-compile-command "make lock"

lock: .venv/complete
	$(COMPILE) --extra dev $(ARGS) -o requirements/dev.txt
	$(COMPILE) -c requirements/dev.txt -o requirements/core.txt
	$(COMPILE) --extra bench -c requirements/dev.txt -o requirements/bench.txt
	$(COMPILE) --extra batch -c requirements/dev.txt -o requirements/batch.txt
	$(COMPILE) --extra ray -c requirements/dev.txt -o requirements/ray.txt
	$(COMPILE) --extra report -c requirements/dev.txt -o requirements/report.txt
	$(COMPILE) --extra serve -c requirements/dev.txt -o requirements/serve.txt
	$(COMPILE) --extra teacher -c requirements/dev.txt -o requirements/teacher.txt
	$(COMPILE) --extra torch -c requirements/dev.txt -o requirements/torch.txt
	$(COMPILE) --extra train -c requirements/dev.txt -o requirements/train.txt

clean:
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -not -path './.venv*' -prune -exec rm -rf {} +

distclean: clean
	rm -rf .venv .venv-serve
