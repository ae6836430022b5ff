# c4trace: every command a developer needs. `make help` lists them.

PYTHON ?= python3
JOBS ?= $(shell n=$$(nproc); echo $$((n < 4 ? n : 4)))
PYTEST_ARGS ?=
BENCH_ARGS ?=
FUZZ_ROUNDS ?= 1000000
# Another one each time; what failed is run again with FUZZ_SEED=..., which `make fuzz` prints.
ifndef FUZZ_SEED
FUZZ_SEED := $(shell date +%s)
endif

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

export PYTHON
# cmake and ninja of the lock; the presets name no number of jobs of their own. Under `make -j` ctest 4 would join its job server,
# which make opens to sub-makes only, and abort.
in_venv := --unset=MAKEFLAGS PATH="$(CURDIR)/.venv/bin:$$PATH" CMAKE_BUILD_PARALLEL_LEVEL=$(JOBS) CTEST_PARALLEL_LEVEL=$(JOBS)
# Two makes at once in one tree build one after the other.
one_at_a_time := mkdir -p build && flock build/.lock env
# ThreadSanitizer of gcc 12 cannot live with the address randomization of newer kernels.
fixed_addresses := $(shell setarch --addr-no-randomize true 2>/dev/null && echo setarch --addr-no-randomize)

c_files = $(shell find c4trace tests benchmarks examples tools -name '*.[ch]' 2>/dev/null)
typed = c4trace tests $(wildcard benchmarks dashboards examples recordings tools)

# What the library and the extension are made of. The folders stand for files that were added or removed.
build_inputs := pyproject.toml CMakeLists.txt c4trace/native c4trace/segment c4trace/native/build_ffi.py \
	$(wildcard c4trace/native/*.[ch] c4trace/segment/*.[ch] c4trace/bench/*.[ch])

.PHONY: help
help: ## List what make can do (PYTEST_ARGS=... goes to pytest)
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: .venv/.installed ## Make .venv with c4trace and all tools in it (a new .venv takes PYTHON=..., else python3)

.PHONY: demo
demo: setup ## Trace twenty real WebSocket sessions from end to end, with no LiteCore needed
	@.venv/bin/c4trace demo

.PHONY: test
test: test-tools setup native-test litecore ## Run all tests: C, Python, and the real LiteCore where it can be had (8 minutes)
	@.venv/bin/pytest $(PYTEST_ARGS)

.PHONY: lint
lint: .venv/.locked ## Check style and types: ruff, mypy --strict, clang-format
	@.venv/bin/ruff check
	@.venv/bin/ruff format --check
	@.venv/bin/mypy --strict $(typed)
	@.venv/bin/clang-format --dry-run -Werror $(c_files)

.PHONY: format
format: .venv/.locked ## Put Python and C sources into the house style
	@.venv/bin/ruff check --fix-only --quiet
	@.venv/bin/ruff format
	@.venv/bin/clang-format -i $(c_files)

.PHONY: native-test
native-test: .venv/.locked ## Build and run the C tests
	@$(one_at_a_time) $(in_venv) cmake --workflow --preset dev

.PHONY: asan
asan: .venv/.locked ## Run the C tests under AddressSanitizer and UndefinedBehaviorSanitizer
	@$(one_at_a_time) $(in_venv) cmake --workflow --preset asan

.PHONY: tsan
tsan: .venv/.locked ## Run the C tests under ThreadSanitizer
	@$(one_at_a_time) $(in_venv) $(fixed_addresses) cmake --workflow --preset tsan

.PHONY: fuzz
fuzz: setup litecore ## Feed random and damaged inputs to all that reads any (hours; FUZZ_ROUNDS, FUZZ_SEED)
	@$(one_at_a_time) $(in_venv) sh -c 'cmake --preset asan && cmake --build --preset asan' >/dev/null
	@for fuzzer in build/asan/fuzz_*; do \
		echo "$$fuzzer $(FUZZ_ROUNDS) $(FUZZ_SEED)"; \
		$$fuzzer $(FUZZ_ROUNDS) $(FUZZ_SEED); \
	done
	@.venv/bin/pytest -m hypothesis --hypothesis-profile=fuzz --timeout=0 $(PYTEST_ARGS)

.PHONY: soak
soak: setup litecore ## Run the tests that take minutes each (an hour and a half)
	@.venv/bin/pytest -m slow --timeout=3600 $(PYTEST_ARGS)

.PHONY: bench
bench: setup litecore ## Measure what tracing costs, and compare it with the goals (15 minutes; BENCH_ARGS=... names some)
	@$(one_at_a_time) $(in_venv) cmake --workflow --preset bench
	@.venv/bin/python -m benchmarks --check $(BENCH_ARGS)

.PHONY: performance
performance: setup ## Write the figures of docs/performance.md anew from what make bench has measured
	@.venv/bin/python -m tools.performance_page

.PHONY: bench-peers
bench-peers: .venv/.locked ## Install what `make bench` compares with: LTTng-UST, toxiproxy, mitmproxy, orjson
	@tools/bench-peers.sh

.PHONY: test-tools
test-tools:
	@tools/require-system.sh test

.PHONY: litecore
litecore: .venv/.locked ## Put a real LiteCore into .litecore for tests/real
	@tools/litecore.sh

.PHONY: recordings
recordings: setup litecore ## Make the golden recordings again from a real LiteCore
	@.venv/bin/python -m recordings.make

.PHONY: docs
docs: setup pictures ## Write anew the pages and pictures that are made from the code, and build the site
	@.venv/bin/python tools/commands_page.py
	@.venv/bin/python tools/api_page.py
	@.venv/bin/python tools/c_api_page.py
	@NO_MKDOCS_2_WARNING=1 .venv/bin/mkdocs build --quiet
	@echo "docs: build/site/index.html"

.PHONY: dashboards
dashboards: .venv/.locked ## Write dashboards/grafana and dashboards/consoles anew from their Python
	@.venv/bin/python -m dashboards.build

.PHONY: observe
observe: setup ## Traffic with faults, and a Prometheus with the rules and dashboards to look at it (OBSERVE_ARGS=...)
	@tools/require-system.sh observe
	@.venv/bin/python -m dashboards.observe $(OBSERVE_ARGS)

.PHONY: pictures
pictures: setup ## Draw the README's pictures anew from real runs
	@.venv/bin/python -m tools.pictures

.PHONY: lock
lock: ## Write requirements.lock anew from pyproject.toml
	@tools/require-system.sh setup
	@tools/lock.sh

.PHONY: clean
clean: ## Remove everything make has made
	@rm -rf .venv build dist .litecore .hypothesis .mypy_cache .pytest_cache .ruff_cache
	@find . -name __pycache__ -prune -exec rm -rf {} +

.venv/.locked: requirements.lock
	@tools/require-system.sh setup
	@echo "setup: installing the locked packages into .venv"
	@$(PYTHON) -m venv --clear .venv
	@.venv/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@

# The installation knows where each module is. Changed only when one has come, gone or moved.
.venv/.modules: .venv/.locked force
	@find c4trace -name '*.py' | sort >$@.new
	@if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

force: # no file is called so: what needs it is looked at each time

.venv/.installed: .venv/.locked .venv/.modules $(build_inputs)
	@echo "setup: building c4trace"
	@$(one_at_a_time) $(in_venv) .venv/bin/pip install --quiet --disable-pip-version-check \
		--no-build-isolation --no-deps --editable .
	@touch $@
