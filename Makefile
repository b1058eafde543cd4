.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help book pdf slides lab test check notebooks bench gpu student grade clean FORCE

# Some hundred processes import the package: each would compile it anew where the environment forbids to keep bytecode.
export PYTHONDONTWRITEBYTECODE :=

RUN := .venv/bin/python -m
# One thread per process: the tests run side by side, and stored outputs do not depend on the machine.
TEST := OMP_NUM_THREADS=1 $(RUN) pytest -n 2
SLOW := $(addprefix tests/test_,$(addsuffix .py,alone benchmarks_gpu book coursework coursework_asking coursework_walls exercises lab live live_directive live_figures live_pages live_playground live_reached live_scenarios mutants mutations networks_page notebooks pdf recipes_all reporting reporting_comparison reporting_diagnosis results_installed slides stranger training_distributed training_elsewhere training_kills training_speed working_copies))
SOURCES := $(shell find book notebooks ganedu benchmarks tools/alone.py tools/coursework tools/pages.py tools/boxes.py tools/gallery.py tools/networks.py tools/performance.py tools/mutants tests/mutants -type f -not -path '*/__pycache__/*' -not -path '*/.*')

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' Makefile

book: _build/html/index.html ## build the pages of the book, ready to open from disk
	@echo "The book is ready, open $(CURDIR)/$<"

pdf: book ## print the book to _build/gans_executed.pdf: needs Chromium and 1.5 GB of memory, takes minutes
	@$(RUN) tools.pdf

slides: book ## the figures and theorems of a chapter as slides: make slides CHAPTER=04
	@$(RUN) tools.slides $(or $(CHAPTER),$(error say which chapter: make slides CHAPTER=04))

lab: .venv/.installed ## open JupyterLab on your own copies of the chapters, in work/
	@$(RUN) tools.coursework lab
	.venv/bin/jupyter lab --LabApp.app_settings_dir=tools/lab --LabApp.default_url=/lab/workspaces/gan-course/tree/work/Start.md $(if $(filter 0,$(shell id -u)),--allow-root)

# The notebooks run away from here, against the package as its wheel brings it: a chapter needs nothing else.
test: book ## everything: style, unit tests, notebooks, pages in a browser, coursework
	@$(RUN) ruff check .
	@$(RUN) tools.alone prove
	@JUPYTER_PATH=$(CURDIR)/_build/alone $(TEST) --nbval --nbval-kernel-name=ganedu-alone --nbval-cell-timeout=120 \
		--nbval-sanitize-with tests/nbval_sanitize.cfg tests _build/alone/notebooks

check: .venv/.installed ## style and unit tests, in under two minutes
	@$(RUN) ruff check .
	@$(TEST) tests $(SLOW:%=--ignore %)

notebooks: .venv/.installed ## execute the chapters whose text changed
	@$(RUN) tools.notebooks

gpu: .venv/.installed ## on a machine with a GPU: tests, speeds and flagships in nine minutes, into OUT=folder
	$(RUN) benchmarks.gpu $(or $(OUT),_build/gpu)

bench: .venv/.installed ## measure our steps against plain ones, on a quiet machine (BENCH="dcgan --rounds 5" for less)
	$(RUN) benchmarks $(BENCH)

student: .venv/.installed ## write the student edition to student/, to be handed out: no solutions
	@$(RUN) tools.coursework student

grade: .venv/.installed ## grade the notebooks in SUBMISSIONS=folder
	@$(RUN) tools.coursework grade $(if $(TRUSTED),--trusted) $(or $(SUBMISSIONS),$(error say where the submissions are: make grade SUBMISSIONS=folder))

clean: ## remove what was built, keep the environment and what people wrote
	rm -rf .pytest_cache .ruff_cache .hypothesis
	[ ! -d _build ] || find _build -mindepth 1 -maxdepth 1 ! -name coursework -exec rm -rf {} +

.venv/.installed: constraints.txt pyproject.toml tools/setup.sh
	@tools/setup.sh

_build/math: FORCE
	@tools/mathjax.sh $@

_build/toc.yml: .venv/.installed FORCE
	@$(RUN) tools.toc

# Sphinx rebuilds the pages whose text changed; after any other change it starts afresh.
_build/.fresh: _build/toc.yml _build/math .venv/.installed book/_config.yml $(wildcard book/_ext/*.py book/_static/*)
	@rm -rf _build/html _build/.doctrees
	@touch $@

# After a failure too: Sphinx would not repeat the warnings of a page that it has read before.
_build/html/index.html: _build/.fresh $(SOURCES)
	@$(RUN) tools.pages
	@$(RUN) tools.performance
	@$(RUN) tools.gallery
	@$(RUN) tools.mutants.page
	@$(RUN) tools.alone downloads
	@$(RUN) tools.networks
	@echo "Building the pages ..."
	@.venv/bin/jupyter-book build . --config book/_config.yml --toc _build/toc.yml -W -n --keep-going -q >_build/book.log \
		|| { rm -rf _build/.doctrees; echo "The pages have errors, see above."; exit 1; }
	@touch $@
