# `make` or `make help` lists what there is. Every target sets up what it needs (Scripts/bootstrap).
#   LIBTORCH=/path   use that libtorch       TORCH_VERSION=2.12.1   fetch another (2.11 to 2.13)
#   PREFIX=/usr/local, DESTDIR=, COPY_LIBTORCH=1   where and how `make install` installs
#   JOBS=2           compile this many files at once       PERENNIAL_DATA=DIR   data sets for the tests that want them

SHELL := /bin/bash
.DEFAULT_GOAL := help

export PERENNIAL_LIBTORCH_DIR ?= $(CURDIR)/.libtorch
TORCH_HOME := $(if $(LIBTORCH),$(shell cd "$(LIBTORCH)" && pwd),$(PERENNIAL_LIBTORCH_DIR))
# A copy given by LIBTORCH that lacks a libtorch.pc is described in .libtorch.given by the bootstrap.
export PKG_CONFIG_PATH := $(TORCH_HOME)/lib/pkgconfig:$(PERENNIAL_LIBTORCH_DIR).given$(if $(PKG_CONFIG_PATH),:$(PKG_CONFIG_PATH))
export LIBTORCH TORCH_VERSION

SWIFT_FLAGS := -Xlinker -rpath -Xlinker "$(TORCH_HOME)/lib" $(if $(JOBS),--jobs $(JOBS))
PERENNIAL := .build/release/perennial
PREFIX ?= /usr/local
SWIFT_SOURCES := Package.swift Sources Tests Examples $(wildcard Benchmarks/Package.swift Benchmarks/Sources)

.PHONY: help setup build server install demo test named recipe bench format lint docs clean

help: ## List the targets
	@sed -nE 's/^([a-z]+):.*## (.*)/  make \1	\2/p' Makefile | expand -t 18

setup: ## Check the tools and put libtorch into .libtorch
	@Scripts/bootstrap

# The shim first: Torch, and with it all that is slow, waits for it, and SwiftPM leaves it to the end.
build: setup ## Build .build/release/perennial
	swift build -c release --target CTorch $(SWIFT_FLAGS)
	swift build -c release --product perennial $(SWIFT_FLAGS)

server: setup ## Build .build/release/perennial-server too, which `perennial serve` starts
	swift build -c release --product perennial-server $(SWIFT_FLAGS)

install: build server ## Install programs, libtorch, manual pages and completions below PREFIX (/usr/local)
	TORCH_HOME="$(TORCH_HOME)" DESTDIR="$(DESTDIR)" COPY_LIBTORCH="$(COPY_LIBTORCH)" Scripts/install "$(PREFIX)"

demo: build ## Learn Split-Digits with five strategies and write a report (under a minute once built)
	$(PERENNIAL) run Recipes/digits/split-class.yaml

# Many tests run at a time: workers that spin while they wait would take the cores from those that work.
test: export OMP_WAIT_POLICY ?= PASSIVE
test: setup ## Run the tests
	swift test --disable-xctest $(SWIFT_FLAGS)

recipe: named build ## Run a recipe and check its expectations: make recipe R=mnist/split-class
	$(PERENNIAL) run Recipes/$(R).yaml --check $(if $(PERENNIAL_DATA),--data "$(PERENNIAL_DATA)")

named:
	@[ -n "$(R)" ] || { echo "which recipe? For instance: make recipe R=mnist/split-class" >&2; exit 2; }
	@[ -f "Recipes/$(R).yaml" ] || { echo "there is no Recipes/$(R).yaml" >&2; exit 2; }

bench: build ## Time training steps against PyTorch and Avalanche, and print the ratios
	Benchmarks/run

format: ## Format the Swift sources in place
	swift format --in-place --parallel --recursive $(SWIFT_SOURCES)

lint: ## Check formatting and the rules of CONTRIBUTING.md
	swift format lint --strict --parallel --recursive $(SWIFT_SOURCES)
	Scripts/lint
	Scripts/generate-ctorch --check

docs: setup ## Build the documentation of the libraries
	swift package generate-documentation --target Torch --target Perennial --target PerennialVision \
	  --target PerennialText --target PerennialTokenizers --target PerennialExport

clean: ## Remove what was built; libtorch stays
	rm -rf .build Benchmarks/.build
