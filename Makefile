# make run       start the app on http://127.0.0.1:8501 (PORT=… for another port)
# make test      run all tests (ARGS=… for pytest)
# make install   only prepare what the two need
# make lint      style and types
#
# Each prepares the virtual environment first if needed. PYTHON=… chooses the interpreter, VENV=… the folder.

SHELL := /bin/sh
VENV = .venv
PORT =
ARGS =
PYTHON ?=

BIN = $(VENV)/bin

.PHONY: run test install lint app-environment
.DEFAULT_GOAL := run

run: app-environment
	@exec "$(BIN)/streamlit" run app.py $(if $(PORT),--server.port $(PORT))

test: install
	@exec "$(BIN)/python" -m pytest $(ARGS)

lint: install
	"$(BIN)/ruff" check .
	"$(BIN)/ruff" format --check .
	"$(BIN)/mypy"

app-environment:
	@$(call prepare,requirements.txt,requirements.txt)

install:
	@$(call prepare,requirements-dev.txt,requirements.txt requirements-dev.txt)

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
	"$(BIN)/python" -m pip install --disable-pip-version-check -r $(1) || { rm -f "$$busy"; exit 1; }; \
	rm -f "$$busy"; \
	cat $(2) > "$$stamp"; \
	cat requirements.txt > "$(VENV)/.installed-requirements.txt"; \
fi
endef
