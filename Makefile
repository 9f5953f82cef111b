# Every target creates .venv and installs the lock first; a second call installs nothing.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/
STAMP := $(VENV)/.installed
SIM_ARGS ?=
TEST_ARGS ?=
# Most of what is started here starts many Pythons: compiled modules are kept, whatever the shell says.
export PYTHONDONTWRITEBYTECODE :=
# XLA's plain code generation compiles a test's small programs in half the time; acceptance and figures take its own.
QUICK_COMPILER := XLA_FLAGS="$(XLA_FLAGS) --xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1"

.PHONY: franka sim test test-lerobot check acceptance bench install lock docs clean
.DEFAULT_GOAL := test

$(STAMP): requirements.lock pyproject.toml
	@sh deploy/bootstrap.sh "$(VENV)" "$(PYTHON)"
	@touch $@

sim: $(STAMP)
	$(RUN)handson sim $(SIM_ARGS)

# A simulated Franka for `handson sim --arm franka-sim`, in an environment of its own; made on demand otherwise.
franka: $(STAMP)
	$(RUN)python -m deploy.franka_sim.environment

# Three files at a time, for many wait; then, one at a time on a machine that does nothing else, what measures
# wall-clock behaviour and what a simulated Franka is driven by.
test: $(STAMP)
	$(QUICK_COMPILER) \
	  $(RUN)python -m pytest -m "not acceptance and not realtime" -n 3 --dist loadfile $(TEST_ARGS)
	$(RUN)python -m pytest -m "realtime and not acceptance" tests/system $(TEST_ARGS)

check: $(STAMP)
	$(RUN)ruff format --check .
	$(RUN)ruff check .
	$(RUN)basedpyright
	$(RUN)lint-imports

acceptance: $(STAMP)
	$(RUN)python -m pytest -m acceptance --timeout 7200 $(TEST_ARGS)

# Our data sets in the real lerobot package, and its in ours; the package is installed beside, once.
test-lerobot: $(STAMP)
	LEROBOT_PYTHON=$$($(RUN)python -m tests.lerobot.environment) && export LEROBOT_PYTHON && \
	  $(RUN)python -m pytest tests/lerobot --timeout 900 $(TEST_ARGS)

bench: $(STAMP)
	$(RUN)python -m tests.benchmarks $(BENCH_ARGS)

# A real host installs only its role: make install ROLE=learner CUDA=1, or make install ROLE=robot WITH=fr3
install:
	@sh deploy/install.sh "$(ROLE)" "$(CUDA)" "$(VENV)" "$(PYTHON)" "$(WITH)"

lock:
	uv pip compile pyproject.toml --universal --no-header --no-annotate --generate-hashes \
	  --extra learner --extra actor --extra robot --extra sim --extra fr3 --extra panda --extra robotiq \
	  --extra realsense --extra spacemouse --extra gamepad --extra formats \
	  --extra agentlace --extra rerun --extra dev -o requirements.lock

docs: $(STAMP)
	$(RUN)python -m deploy.configuration_reference docs/configuration.md

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache build dist
