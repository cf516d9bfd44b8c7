# Everything a person or a machine does with this tree. Works as root and as an ordinary user.
SHELL := /bin/sh
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV   ?= .venv
PORT   ?= 8000
BIN    := $(VENV)/bin
# A start that may keep its byte code takes a third of the time.
unexport PYTHONDONTWRITEBYTECODE
MARK   := $(VENV)/.ready-$(shell cat setup.cfg pyproject.toml | cksum | cut -d' ' -f1)

.PHONY: setup run test bench soak lint browser-packages clean

setup: $(MARK)

$(MARK):
	@sh .ci/setup "$(PYTHON)" "$(VENV)"
	@rm -f $(VENV)/.ready-* && touch $@

run: setup
	$(BIN)/backoffice serve --demo --port $(PORT)

lint: setup
	$(BIN)/ruff check .
	$(BIN)/mypy

browser-packages:
	@sh .ci/packages

test: setup browser-packages
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -n 2

bench: setup
	$(BIN)/python -m tests.bench

# The long forms of what `make test` tries briefly: at most an hour on two cores. Whoever is done takes from the other's rest.
soak: setup browser-packages
	BACKOFFICE_SOAK=1 $(BIN)/python -m pytest -n 2 --dist worksteal --durations=0 --durations-min=5 -m soak

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
