# Targets for people and for .ci/run. `make` alone lists them.

PYTHON ?= python3
WORKERS ?= 2
PYTEST_ARGS ?=
BENCH_ARGS ?=
# A package of generator/vpc_cni_iam, and how many changes of its code; empty for all.
ROOM ?= policy
SAMPLE ?=
MUTANTS_ARGS ?=
PROBE_VERSION ?= latest
PROBE_SCENARIO ?= ipv4
PROBE_ARGS ?= --variant ipv4-scoped
# Every minor version of Terraform that can be had: there is no wheel of 1.7.
MATRIX ?= terraform-1.6.6 terraform-1.8.4 terraform-1.9.8 terraform-1.10.5 terraform-1.11.4 \
  terraform-1.12.2 terraform-1.13.5 terraform-1.14.9 terraform-1.15.5 tofu-1.12.6
# The version that `make dist` builds.
RELEASE ?=
FUZZ_EXAMPLES ?= 20000
# The sample of policies; a number other than 0.
FUZZ_SEED ?= 1

BIN := .venv/bin
RUNTIME := .venv/.runtime
SITE_NEEDS := .venv/.docs
STAMP := .venv/.installed
ENGINES := $(BIN)/python -m tools.engines
DEMO := build/demo/vpc-cni-iam-policy

# Makes engines use the machine's cache of them and stay off the network.
USE_ENGINES = eval "$$($(ENGINES) env)"

# Python keeps what it compiles: otherwise every worker and every command compiles all of it anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help venv engines demo docs dist test slow test-fast matrix check floors fuzz mutants bench bench-check probe generate plans clean distclean

help: ## list the targets
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

venv: $(STAMP) ## make .venv with this package, and what its tests and linters need

# What runs the command, and nothing else.
$(RUNTIME): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo 'make: Python 3.11 or newer is needed; "$(PYTHON)" is missing or older.' >&2; \
	  echo 'make: name another one: make PYTHON=python3.12 ...' >&2; \
	  exit 2; }
	@echo 'making .venv: waiting for pip, which downloads what the command needs'
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	  || $(PYTHON) -m venv --clear .venv
	@$(BIN)/python -m pip install --quiet --editable .
	@$(BIN)/python -m tools.relative_pth
	@touch $@

# The same, and mkdocs.
$(SITE_NEEDS): $(RUNTIME)
	@echo 'installing what builds the site: the group "docs" of pyproject.toml'
	@$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	@$(BIN)/python -m pip install --quiet --group docs
	@touch $@

$(STAMP): $(SITE_NEEDS)
	@echo 'installing what tests and linters need'
	@$(BIN)/python -m pip install --quiet --group test --group lint
	@touch $@

engines: venv ## install the engines that this machine can have (OpenTofu: 4 minutes, once)
	@$(ENGINES) install --best-effort

demo: $(RUNTIME) ## generate a module and have a real engine verify it
	@echo '1/3 install Terraform, unless there is one, and the AWS provider'
	@if terraform version >/dev/null 2>&1; then set -- provider; \
	else set -- terraform-1.15.5 provider; fi; \
	$(ENGINES) install --best-effort --only "$$@"
	@echo '2/3 generate a module'
	@rm -rf $(DEMO)
	$(BIN)/vpc-cni-iam generate $(DEMO)
	@echo '3/3 verify it: read it, plan it, and compare what is rendered with the catalog'
	@eval "$$($(ENGINES) env --path)"; set -x; $(BIN)/vpc-cni-iam verify $(DEMO)
	@echo
	@echo 'Look at next:'
	@echo '  $(DEMO)/main.tf    the policies'
	@echo '  $(DEMO)/README.md  which plugin versions they work with, and why each action is there'
	@echo '  docs/getting-started.md                  five minutes with the command'
	@echo '  $(BIN)/vpc-cni-iam --help             all commands'

docs: $(SITE_NEEDS) ## build the documentation site, build/site/index.html; only the first run installs
	@echo 'building the site: docs/, and the pages of commands, plugin versions and policies'
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet
	@echo 'open build/site/index.html in a browser; it needs no server'

dist: venv ## build and check what a release publishes; RELEASE is its version
	$(BIN)/python -m tools.release $(RELEASE)

test: engines ## run the tests, with every installed engine
	$(USE_ENGINES) && $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(PYTEST_ARGS)

slow: engines ## run the tests, and list the slow ones again, which test-fast leaves out
	@$(MAKE) --no-print-directory test PYTEST_ARGS='--update-slow $(PYTEST_ARGS)'

test-fast: venv ## run the quick tests that need no engine
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m 'not engine and not slow' $(PYTEST_ARGS)

matrix: venv ## run the tests that need an engine with every engine; MATRIX names the engines
	@$(ENGINES) install --only provider $(MATRIX)
	$(USE_ENGINES) && VPC_CNI_IAM_ENGINES='$(MATRIX)' $(BIN)/python -m pytest -n $(WORKERS) \
	  --dist worksteal -m engine $(PYTEST_ARGS) tests/rendering tests/converting tests/verifying \
	  tests/publishing/test_consumption.py tests/cli/test_vendoring.py tests/test_examples.py

check: venv ## run the linters, and check that generated files are current
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict generator tools
	MYPYPATH=benchmarks $(BIN)/mypy --ignore-missing-imports benchmarks/bench.py
	$(BIN)/codespell *.md docs generator tools benchmarks examples modules templates .github action.yml
	$(BIN)/python -m tools.words
	@$(ENGINES) install --best-effort --only terraform-1.15.5 provider
	$(USE_ENGINES); \
	engine=$$($(ENGINES) path terraform || command -v terraform || command -v tofu) || exit 3; \
	for folder in modules examples; do "$$engine" fmt -check -diff -recursive "$$folder" || exit; done
	$(BIN)/python -m tools.generate
	@if [ -e .git ]; then \
	  git --no-pager diff --check "$$(git hash-object -t tree /dev/null)"; \
	else echo 'no git repository: white space is not checked'; fi

floors: venv ## run some tests with the oldest dependencies that pyproject.toml allows
	$(BIN)/python -m tools.floors

fuzz: engines ## test parsers, evaluators and proofs with larger samples, for over half an hour
	$(USE_ENGINES) && FUZZ_EXAMPLES=$(FUZZ_EXAMPLES) VPC_CNI_IAM_FUZZ=$(FUZZ_SEED) $(BIN)/python -m pytest \
	  -n $(WORKERS) --dist worksteal tests/security/test_fuzz.py \
	  tests/hcl/test_random_expressions.py tests/converting/test_odd_documents.py \
	  tests/policy/test_evaluate_second_opinion.py tests/policy/test_access.py \
	  tests/policy/test_access_managed.py tests/policy/test_access_judged.py \
	  tests/policy/test_limits.py tests/policy/test_same_keys.py tests/policy/test_template.py \
	  tests/policy/test_possible.py tests/policy/test_text_sets.py tests/review/test_random_accounts.py tests/verifying/test_blocks.py

mutants: venv ## make SAMPLE changes in the code of package ROOM, and report those that its tests miss
	$(BIN)/python -m tools.mutants $(ROOM) $(if $(SAMPLE),--sample $(SAMPLE)) $(MUTANTS_ARGS)

bench: venv ## measure speed and memory
	$(USE_ENGINES) && $(BIN)/python benchmarks/bench.py $(BENCH_ARGS)

bench-check: ## measure, and fail if a ratio grew by more than half since docs/development/speed.md
	@$(MAKE) --no-print-directory bench BENCH_ARGS='--check $(BENCH_ARGS)'

probe: venv ## run the plugin's real agent against the catalog's policies (root, Go, iproute2, iptables)
	$(BIN)/python -m tools.plugin_probe run $(PROBE_VERSION) $(PROBE_SCENARIO) $(PROBE_ARGS)

generate: venv ## write generated files again: modules/, examples/, tables of README and docs/
	$(BIN)/python -m tools.generate --write

plans: engines ## make the plans for the tests of review again, with every engine
	$(USE_ENGINES) && $(BIN)/python tests/review/make_plans.py && $(BIN)/python tests/review/make_corpus.py

clean: ## remove what the other targets wrote, except .venv
	rm -rf build dist .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name .venv -prune -o -name .git -prune -o \
	  \( -name __pycache__ -o -name .terraform -o -name '*.egg-info' \) -prune -exec rm -rf {} +

distclean: clean ## remove .venv too
	rm -rf .venv
