# make book   sets everything up, runs the chapters, builds the book
# make serve  shows it
# make test   does the same, then checks the library, chapters and pages
# make pdf    prints the book into _build/book.pdf
# make lint   style and types only
# make widgets  bundles the JavaScript of the widgets, after a change to it
# make bench  measures speeds, as ratios, into results/benchmarks
# make clean  removes what was built (`make distclean`: and what was installed)
#
# Needs Python 3.11 or later and make. Settings, as in `make book NAME=value`:
PYTHON ?= $(shell command -v python3.11 || command -v python3)
CONSTRAINTS ?= constraints.txt # empty: the newest versions in the ranges
TORCH_FLAGS ?=# options of pip for torch, such as an index of CPU builds
WORKERS ?= 3# test processes: on two cores, as browsers mostly wait
PORT ?= 8000

SHELL := /bin/bash
.DELETE_ON_ERROR:
.PHONY: book pdf test lint widgets bench serve linkcheck browser clean distclean \
	always

constraints := $(strip $(CONSTRAINTS))
python := .venv/bin/python
pip := $(python) -m pip --disable-pip-version-check install --quiet \
	--no-compile $(if $(constraints),-c $(constraints),--upgrade --upgrade-strategy eager)
torch := $(or $(if $(constraints),$(shell sed -n '/^torch==/p' $(constraints))),torch)
installed := .venv/.installed
assets := book/vendor/node_modules/.installed
# The networks are small: a thread each, and processes side by side.
export OMP_NUM_THREADS ?= 1

# What the book is made of, and the settings of its build. The second file
# changes only when files come or go, or settings change.
results := $(or $(NEURAL_ODES_RESULTS),results)
unread := node_modules __pycache__ tasks .ipynb_checkpoints '*.egg-info'
sources := $(shell find book lib tools $(results) _config.yml _toc.yml \
	pyproject.toml $(foreach name,$(unread),-name $(name) -prune -o) -type f -print)
built := _build/html/.built
made_of := $(sort $(sources)) $(or $(BOOK_REPOSITORY),$(GITHUB_REPOSITORY)) \
	$(GITHUB_SHA) $(shell $(PYTHON) tools/chromium.py 2>/dev/null)
_build/.made_of: always
	@mkdir -p _build
	@echo '$(made_of)' | cmp --quiet - $@ || echo '$(made_of)' > $@

book: $(built)

# The time that counts is that of the beginning: later changes are not in it.
$(built): $(sources) _build/.made_of $(installed) $(assets) | browser
	@rm -f $@ && touch _build/.begun
	$(python) tools/build_book.py
	@touch -r _build/.begun $@

linkcheck: $(installed) $(assets)
	$(python) tools/build_book.py --builder linkcheck

lint: $(installed)
	$(python) -m ruff check
	$(python) -m ruff format --check
	$(python) -m mypy
	.venv/bin/lint-imports --no-logo

widgets: $(assets)
	$(python) tools/bundle_widgets.py

test: lint book
	$(python) -m pytest -n $(WORKERS) --dist loadscope -rs \
		--nbval-lax --nbval-current-env --nbval-cell-timeout 3600 tests book

# What others import has no main; a GPU's have a command of their own.
benchmarks := $(shell grep -l __main__ benchmarks/*.py | grep -v gpu.py)
bench: $(installed)
	for one in $(benchmarks); do $(python) $$one || exit 1; done

pdf: book
	$(python) tools/print_book.py

serve: book
	@$(python) tools/serve.py $(PORT)

# What the environment was made with. The file changes only with the settings,
# so that other settings install anew.
settings := $(shell $(PYTHON) -VV), $(constraints), $(TORCH_FLAGS)
.venv/.settings: always
	@mkdir -p .venv
	@echo '$(settings)' | cmp --quiet - $@ || echo '$(settings)' > $@
always:

# pip would compile on one core, and the tests of others, too. A few files are
# for later Pythons and do not compile.
$(installed): pyproject.toml $(constraints) .venv/.settings
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and \
		"this needs Python 3.11 or later: make PYTHON=/path/to/python3.11")'
	test "$$($(PYTHON) -VV)" = "$$($(python) -VV 2>&1)" || { \
		$(PYTHON) -m venv --clear .venv && echo '$(settings)' > .venv/.settings; }
	$(pip) $(TORCH_FLAGS) '$(torch)'
	$(pip) -e '.[book,test]'
	@$(python) -m compileall -qq -j 0 -x '/tests?/' .venv/lib || true
	@touch $@

$(assets): book/vendor/package.json book/vendor/package-lock.json | $(installed)
	command -v npm >/dev/null || $(pip) -e '.[node]'
	cd book/vendor && PATH="$$PATH:$(CURDIR)/.venv/bin" npm ci --silent
	@touch $@

# In CI the browser tests must not be skipped: a missing browser is installed.
browser:
	@if [ "$$CI" = true ] && ! $(PYTHON) tools/chromium.py >/dev/null 2>&1 \
		&& command -v apt-get >/dev/null; then \
		sudo=$$([ "$$(id -u)" = 0 ] || command -v sudo || true); \
		$$sudo apt-get update -q && $$sudo apt-get install -qy chromium; \
	fi

clean:
	rm -rf _build build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find lib tests tools -name __pycache__ -exec rm -rf {} +

distclean: clean
	rm -rf .venv book/vendor/node_modules lib/*.egg-info
