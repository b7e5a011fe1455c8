# Targets for people and for .ci/run. `make` alone lists them.

PYTHON ?= python3
WORKERS ?= 2
PYTEST_ARGS ?=
BENCH_ARGS ?=
PROBE_VERSION ?= latest
PROBE_SCENARIO ?= ipv4
PROBE_ARGS ?= --variant ipv4-scoped
FUZZ_EXAMPLES ?= 20000
# The sample of policies; a number other than 0.
FUZZ_SEED ?= 1

BIN := .venv/bin
STAMP := .venv/.installed
ENGINES := $(BIN)/python -m tools.engines
DEMO := build/demo/vpc-cni-iam-policy

# Makes engines use the machine's cache of them and stay off the network.
USE_ENGINES = eval "$$($(ENGINES) env)"

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help venv engines demo test check floors fuzz bench probe generate plans clean distclean

help: ## list the targets
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

venv: $(STAMP) ## make .venv with this package, its tests' and its linters' needs

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo 'make: Python 3.11 or newer is needed; "$(PYTHON)" is missing or older.' >&2; \
	  echo 'make: name another one: make PYTHON=python3.12 ...' >&2; \
	  exit 2; }
	@echo 'making .venv'
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	  || $(PYTHON) -m venv --clear .venv
	@$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	@$(BIN)/python -m pip install --quiet --editable . --group test --group lint
	@$(BIN)/python -m tools.relative_pth
	@touch $@

engines: venv ## install the engines that this machine can have (OpenTofu: 4 minutes, once)
	@$(ENGINES) install --best-effort

demo: venv ## generate a module and have a real engine verify it
	@if terraform version >/dev/null 2>&1; then set -- provider; \
	else set -- terraform-1.15.5 provider; fi; \
	$(ENGINES) install --best-effort --only "$$@"
	rm -rf $(DEMO)
	$(BIN)/vpc-cni-iam generate $(DEMO)
	eval "$$($(ENGINES) env --path)" && $(BIN)/vpc-cni-iam verify $(DEMO) --engine terraform
	head -n 40 $(DEMO)/main.tf

test: engines ## run the tests, with every engine that is installed
	$(USE_ENGINES) && $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(PYTEST_ARGS)

check: venv ## run the linters and prove the committed modules current
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict generator tools
	@$(ENGINES) install --best-effort --only terraform-1.15.5
	$(USE_ENGINES); \
	engine=$$($(ENGINES) path terraform || command -v terraform || command -v tofu) || exit 3; \
	for folder in modules examples; do "$$engine" fmt -check -diff -recursive "$$folder" || exit; done
	$(BIN)/python -m tools.generate
	@if [ -e .git ]; then \
	  git --no-pager diff --check "$$(git hash-object -t tree /dev/null)"; \
	else echo 'no git repository: white space is not checked'; fi

floors: venv ## run a part of the tests with the oldest dependencies that pyproject.toml allows
	$(BIN)/python -m tools.floors

fuzz: venv ## try parsers, evaluator and proofs on much more, for over half an hour
	FUZZ_EXAMPLES=$(FUZZ_EXAMPLES) VPC_CNI_IAM_FUZZ=$(FUZZ_SEED) $(BIN)/python -m pytest \
	  -n $(WORKERS) --dist worksteal tests/security/test_fuzz.py \
	  tests/policy/test_evaluate_second_opinion.py tests/policy/test_access.py \
	  tests/policy/test_access_managed.py tests/policy/test_access_judged.py

bench: venv ## measure speed and memory
	$(USE_ENGINES) && $(BIN)/python benchmarks/bench.py $(BENCH_ARGS)

probe: venv ## run the plugin's real agent against the catalog's policies (root, Go, iproute2, iptables)
	$(BIN)/python -m tools.plugin_probe run $(PROBE_VERSION) $(PROBE_SCENARIO) $(PROBE_ARGS)

generate: venv ## write the committed modules/ and examples/ anew
	$(BIN)/python -m tools.generate --write

plans: engines ## make the plans that the tests of reviews read anew, with every engine
	$(USE_ENGINES) && $(BIN)/python tests/review/make_plans.py && $(BIN)/python tests/review/make_corpus.py

clean: ## remove what the other targets wrote, but for .venv
	rm -rf build dist .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name .venv -prune -o -name .git -prune -o \
	  \( -name __pycache__ -o -name .terraform -o -name '*.egg-info' \) -prune -exec rm -rf {} +

distclean: clean ## remove .venv too
	rm -rf .venv
