# make run       start the app on http://127.0.0.1:8501 (PORT=… for another port)
# make check     style, types and the unit tests: after each change
# make test      run all tests (ARGS=… for pytest)
# make install   only prepare what the two need
# make lint      style and types
# make lock      write constraints.txt anew, after a change of the requirements (ARGS=--upgrade for newer versions of all)
# make audit     ask PyPI's database of advisories about everything in constraints.txt
#
# Each prepares the virtual environment first if needed. PYTHON=… chooses the interpreter, VENV=… the folder.

SHELL := /bin/sh
VENV = .venv
PORT =
ARGS =
PYTHON ?=

BIN = $(VENV)/bin
# CONTRIBUTING.md says what is in each lane.
UNIT = not e2e and not milvus and not llamacpp and not slow
# More processes than cores: tests wait a good part of their time. The tests of a file share what they have started,
# and all share one Milvus server. The order is that of tests/conftest.py: slow files first.
IN_PARALLEL = -n 4 --dist loadfile --no-loadscope-reorder

.PHONY: run check test install lint lock audit app-environment
.DEFAULT_GOAL := run

run: app-environment
	@exec "$(BIN)/streamlit" run app.py $(if $(PORT),--server.port $(PORT))

test: install
	@exec "$(BIN)/python" -m pytest $(IN_PARALLEL) $(ARGS)

# Types are checked beside the tests, on another core.
check: install
	@"$(BIN)/ruff" check . && "$(BIN)/ruff" format --check .
	@"$(BIN)/mypy" & types=$$!; "$(BIN)/python" -m pytest -n 2 --dist worksteal -m "$(UNIT)" $(ARGS); tests=$$?; wait $$types && exit $$tests

lint: install
	"$(BIN)/ruff" check .
	"$(BIN)/ruff" format --check .
	"$(BIN)/mypy"

# For every platform and Python from 3.11: where these need different versions, constraints.txt says which is for whom.
# By the uv that is there: requirements that don't fit constraints.txt any more can't be installed before this.
lock:
	@[ -x "$(BIN)/uv" ] || $(MAKE) --no-print-directory install
	@"$(BIN)/uv" pip compile --quiet --universal --python-version 3.11 --custom-compile-command "make lock" \
		--output-file constraints.txt $(ARGS) requirements-dev.txt

# Strict: what couldn't be asked about doesn't pass for sound.
audit: install
	@"$(BIN)/pip-audit" --strict --disable-pip --no-deps --requirement constraints.txt $(ARGS)

app-environment:
	@$(call prepare,requirements.txt,requirements.txt constraints.txt)

install:
	@$(call prepare,requirements-dev.txt,requirements.txt requirements-dev.txt constraints.txt)

# $(1): the file to install from, $(2): all files that this takes in.
# A copy of those files is left in the environment when everything is installed, and not before: as long as it is the
# same there is nothing to do. An environment is made anew when it has no working Python and pip, isn't of the PYTHON
# asked for, or was being installed into when that was killed, which can leave half a package behind.
define prepare
set -eu; \
version='import sys; print("%d.%d" % sys.version_info[:2])'; \
recent='import sys; sys.exit(sys.version_info < (3, 11))'; \
busy="$(VENV)/.installing"; \
have=; \
if [ ! -e "$$busy" ]; then have=$$("$(BIN)/python" -c "import pip; $$version" 2>/dev/null || true); fi; \
python="$(PYTHON)"; \
if [ -n "$$python" ]; then \
	"$$python" -c "$$recent" || { echo "$$python is not a Python 3.11 or newer: set PYTHON to one." >&2; exit 1; }; \
	want=$$("$$python" -c "$$version"); \
else \
	want=$$have; \
fi; \
if [ -z "$$have" ] || [ "$$have" != "$$want" ]; then \
	for candidate in python3 python3.14 python3.13 python3.12 python3.11 python; do \
		[ -z "$$python" ] || break; \
		if "$$candidate" -c "$$recent" >/dev/null 2>&1; then python=$$candidate; fi; \
	done; \
	[ -n "$$python" ] || { echo "Python 3.11 or newer is needed, and none was found: install it, or run make PYTHON=/path/to/python3." >&2; exit 1; }; \
	if [ -e "$(VENV)/pyvenv.cfg" ]; then rm -rf "$(VENV)"; fi; \
	echo "Making the virtual environment $(VENV) with $$python"; \
	"$$python" -m venv "$(VENV)" || { echo "On Debian and Ubuntu this needs the package python3-venv." >&2; exit 1; }; \
fi; \
stamp="$(VENV)/.installed-$(1)"; \
if ! cat $(2) | cmp -s - "$$stamp"; then \
	echo "Installing $(1) into $(VENV): the first time this takes some minutes"; \
	: > "$$busy"; \
	"$(BIN)/python" -m pip install --disable-pip-version-check -r $(1) -c constraints.txt || { rm -f "$$busy"; exit 1; }; \
	rm -f "$$busy"; \
	cat $(2) > "$$stamp"; \
	cat requirements.txt constraints.txt > "$(VENV)/.installed-requirements.txt"; \
fi
endef
