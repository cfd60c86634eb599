# Every target sets up what it needs in .venv; nothing is installed outside of it.
# `make demo MODEL=qwen2.5-coder-0.5b-instruct` takes the smaller model.

PYTHON ?= python3
MODEL ?= qwen2.5-coder-1.5b-instruct
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: demo test test-model lint type docs bench data written learn clean

# torch goes in first and by its exact version: what follows then never pulls another build.
$(BIN)/sleepy: pyproject.toml constraints.txt
	@echo "setting up $(VENV) (once)"
	$(PYTHON) -m venv $(VENV)
	$(PIP) $$(grep '^torch==' constraints.txt)
	$(PIP) -e .
	@touch $@

$(VENV)/.dev: $(BIN)/sleepy
	$(PIP) -e '.[dev]'
	@touch $@

demo: $(BIN)/sleepy
	$(BIN)/sleepy eval --set frozen --strategy rustfix --strategy base --strategy hints --strategy routed \
	  --model $(MODEL) --allow-unconfined --out runs/demo

# One thread a worker: workers that each use all cores only wait for each other.
test: $(VENV)/.dev
	OMP_NUM_THREADS=1 $(BIN)/pytest -n auto

test-model: $(VENV)/.dev
	$(BIN)/pytest -m model

lint: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports

type: $(VENV)/.dev
	$(BIN)/mypy

docs: $(VENV)/.dev
	$(BIN)/python docs/update.py

bench: $(VENV)/.dev
	$(PIP) -e '.[bench]'
	$(BIN)/python benchmarks/share_init.py
	$(BIN)/python benchmarks/share_merge.py
	$(BIN)/python benchmarks/share_batch.py
	$(BIN)/python benchmarks/router_confusion.py
	$(BIN)/python benchmarks/share_train_cpu.py

# The sets that learning uses: mutants of Debian 12's crates (apt-get update first) and generated
# programs; over an hour on two cores.
data: $(BIN)/sleepy
	mkdir -p data
	for part in transfer gate train; do \
	  $(BIN)/sleepy mutants build --part $$part --out data/$$part.jsonl --allow-unconfined || exit; \
	done
	-$(BIN)/sleepy problems generate --part heldout --count 6 --seed 11 --out data/heldout.jsonl
	-$(BIN)/sleepy problems generate --part training --count 200 --seed 1 --out data/generated.jsonl

# Programs that the 1.5B writes, mended, and broken as crates are: one GPU, and Rust. What is shipped
# does without them.
written: $(BIN)/sleepy
	mkdir -p data
	$(BIN)/sleepy programs write --count 3500 --seed 1 --out data/programs.jsonl
	$(BIN)/sleepy programs mend data/programs.jsonl --out data/mended.jsonl --allow-unconfined
	$(BIN)/sleepy programs break data/mended.jsonl --out data/written.jsonl --allow-unconfined

# One GPU, Rust and `make data` first.
CONFIG ?= configs/learn$(if $(findstring 0.5b,$(MODEL)),-0.5b).toml
learn: $(BIN)/sleepy
	$(BIN)/sleepy learn --config $(CONFIG) --data data --out artifacts/$(MODEL) --model $(MODEL) \
	  --report results/learn/$(MODEL).json --allow-unconfined

clean:
	rm -rf $(VENV) runs
