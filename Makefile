# make demo · make test · make check · make bench: each does all its own set-up.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
PAGES := $(VENV)/.pages

.PHONY: help install demo test coverage test-hapi test-pages faults model fuzz check bench messages needs mutants lock clean

help: ## what can be made here
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(INSTALLED) ## .venv/bin/homeward, with everything the demo and the tests need

$(INSTALLED): requirements-dev.lock setup.cfg
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
		|| { echo "Homeward needs Python 3.11 or newer; name one: make PYTHON=/usr/bin/python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@echo "Setting up $(VENV) (once; one to four minutes, most of it downloads)"
	@$(PYTHON) -m venv --clear $(VENV) \
		|| { echo "Python's venv module is missing; install it (Debian: apt-get install python3-venv)" >&2; exit 1; }
	@.ci/pip-install $(VENV) requirements-dev.lock
	@echo "  Installing Homeward itself"
	@$(BIN)/pip install --disable-pip-version-check --no-deps --no-build-isolation -q -e .
	@$(BIN)/pip check -q
	@touch $@

demo: install ## a discharge order in a sandbox EHR becomes a plan in that EHR (ONCE=1: verify and stop)
	@$(BIN)/homeward demo $(if $(ONCE),--once) $(if $(EHR),--ehr $(EHR))

test: install ## all tests, against a real PostgreSQL and a real FHIR server
	@$(BIN)/python -m pytest $(ARGS)

coverage: install ## all tests, and which lines and branches no test reaches (about twice as long)
	@$(BIN)/python -m pytest --cov --cov-report=term $(ARGS)

test-hapi: install ## all that is written, against HAPI FHIR's validator (needs Java 17 or newer and Maven)
	@command -v mvn >/dev/null && java -version 2>&1 | awk -F'[".]' '/version/{ok = $$2 >= 17} END{exit !ok}' \
		|| { echo "These tests need Java 17 or newer and Maven (Debian: apt-get install openjdk-17-jdk-headless maven)" >&2; exit 1; }
	@$(BIN)/python -m pytest -m hapi tests/hapi $(ARGS)

test-pages: $(PAGES) ## our pages in Chromium, by keyboard and by axe, and the PDF (needs Chromium and Pango)
	@command -v chromium >/dev/null && ldconfig -p | grep -q libpangoft2 \
		|| { echo "These tests need Chromium and Pango (Debian: apt-get install chromium libpangoft2-1.0-0)" >&2; exit 1; }
	@$(BIN)/python -m pytest -m pages tests/pages $(ARGS)

$(PAGES): requirements-pages.lock $(INSTALLED)
	@echo "Adding to $(VENV) what drives a browser and renders PDFs (once)"
	@.ci/pip-install $(VENV) requirements-pages.lock
	@touch $@

faults: install ## many discharges over a failing EHR, with killed processes and people who edit (COUNT=500 SEED=1 WRITE=1 EHR=…)
	@$(BIN)/python -m benchmarks.faults --count $(or $(COUNT),500) --seed $(or $(SEED),1) $(if $(WRITE),--write) $(EHR)

model: install ## people, an EHR and its faults at random against publishing (STEPS=20000 SEED=1)
	@$(BIN)/python -m tests.model --steps $(or $(STEPS),20000) --seed $(or $(SEED),1)

fuzz: install ## sample records damaged and respelled: no crash, and the same plan in each spelling (COUNT=5000 SEED=1)
	@$(BIN)/python -m benchmarks.fuzz --count $(or $(COUNT),5000) --seed $(or $(SEED),1)

check: install ## ruff, mypy --strict, import contracts, migrations
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/homeward migrate --check

bench: install ## speed, as ratios within one run on this machine
	@$(BIN)/python -m benchmarks

messages: install ## bring config/locale in step with what the sheet and the protocols say to patients
	@$(BIN)/python -m service.commands.messages

needs: install ## write docs/needs.md from the protocols, for a clinician to sign off
	@$(BIN)/python -m config.needs_document

mutants: install ## change the assessment bit by bit and see whether the tests notice (an hour; docs/testing.md)
	@$(BIN)/mutmut run $(ARGS)
	@$(BIN)/mutmut export-cicd-stats && cat mutants/mutmut-cicd-stats.json

lock: install ## rewrite the lock files from setup.cfg's ranges
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-annotate --no-header --python-version 3.11 \
		setup.cfg -o requirements.lock
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-annotate --no-header --python-version 3.11 \
		--extra sandbox --extra dev setup.cfg -o requirements-dev.lock
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-annotate --no-header --python-version 3.11 \
		-c requirements-dev.lock --extra sandbox --extra dev --extra pages --extra pdf setup.cfg -o requirements-pages.lock
	@awk '/^[a-z]/ { mine = /^setuptools==/ } mine' requirements-dev.lock > requirements-build.lock

clean: ## forget the environment and the demo's state
	rm -rf $(VENV) .state build *.egg-info
