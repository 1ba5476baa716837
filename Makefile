# The commands of this repository. `make help` lists them; `make run` and `make test` are the two
# that matter. Both work from a fresh clone on Debian 12 with Rust (rustup) and Node 20, and
# install what else they need from Debian's packages.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules --no-print-directory
.DELETE_ON_ERROR:
.PHONY: help run build web-client test test-checks test-rust test-web test-faults test-browser test-image \
	test-deploy test-deps lint privacy fmt fuzz image smoke release sbom figures browser-figures \
	loadtest compare faults soak bench instructions clean

# `make run DATA=/srv/preau` keeps the rooms elsewhere; `ARGS=...` passes flags to the server.
DATA ?= data
ARGS ?=
FUZZ_SECONDS ?= 60
SCENARIO ?= smoke
FAULTS ?=
SOAK_MINUTES ?= 60
CARGO_TARGET_DIR ?= target
export CARGO_TARGET_DIR

WEB := web-client
WEB_SOURCES = $(shell find $(WEB) -type f -not -path '*/node_modules/*' -not -path '*/dist/*' -not -name '*.test.ts' -not -name '*.test.tsx')
WEB_MODULES := $(WEB)/node_modules/.package-lock.json
WEB_BUILT := $(WEB)/dist/index.html
SERVER := $(CARGO_TARGET_DIR)/release/preau

help: ## This list
	@grep -hE '^[a-z -]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{ printf "  make %-14s %s\n", $$1, $$2 }'

run: build ## Build what changed, then serve http://localhost:8080 and https on port 8443
	@mkdir -p "$(DATA)"
	@exec "$(SERVER)" serve --data "$(DATA)" --local-http $(ARGS)

build: web-client ## The web client and the server, optimised
	@scripts/need run
	@cargo build --release --locked --package signaling --bin preau

web-client: $(WEB_BUILT) ## The web client alone, into web-client/dist

$(WEB_BUILT): $(WEB_MODULES) $(WEB_SOURCES)
	@cd $(WEB) && npm run --silent build
	@touch $@

$(WEB_MODULES): $(WEB)/package.json $(WEB)/package-lock.json
	@scripts/need run
	@cd $(WEB) && npm ci --no-audit --no-fund
	@touch $@

test: ## Everything; the last line is the sum over all runners
	@scripts/test all

test-checks: ## Format, lints, tree rules, documentation
	@scripts/test checks

test-rust: ## Cargo tests: generated types and fuzz seeds among them
	@scripts/test rust

test-web: ## The web client: lint, types, unit tests
	@scripts/test web

test-faults: ## The quickest faults of network and server; all of them: make faults
	@scripts/test faults

test-browser: ## Real browsers against the real server
	@scripts/test browser

test-image smoke: ## Build the container image and try it
	@scripts/test image

test-deploy: ## What lies in deploy/, read by the programs it is for; and a release, made and verified
	@scripts/test deploy

test-deps: ## Licences, sources and advisories of the dependencies
	@scripts/test deps

lint: ## What CI checks before any test
	@scripts/test checks

privacy: ## What is proven of R01 to R48: target/privacy/report.{fr,en}.md
	@scripts/privacy

fmt: ## Format every source file
	@cargo fmt --all

fuzz: ## Every fuzz target for FUZZ_SECONDS (default 60)
	@scripts/fuzz "$(FUZZ_SECONDS)"

image: build ## The container image, tagged preau:latest
	@scripts/need image
	@scripts/image "$(SERVER)"

release: build ## `make release KEY=~/.ssh/release`: a signed release, into target/release-files
	@scripts/need image
	@rm -rf "$(CARGO_TARGET_DIR)/release-files"
	@scripts/release "$(SERVER)" "$(CARGO_TARGET_DIR)/release-files" "$(KEY)"

sbom: build ## What the program is made of (CycloneDX), into target/preau.cdx.json
	@scripts/sbom "$(SERVER)" >"$(CARGO_TARGET_DIR)/preau.cdx.json"

loadtest: build ## `make loadtest SCENARIO=class30`: participants against this server
	@scripts/need loadtest
	@cargo build --release --locked --quiet --package loadtest
	@"$(CARGO_TARGET_DIR)/release/loadtest" run "$(SCENARIO)" --start "$(SERVER)" \
		--media "$(CARGO_TARGET_DIR)/loadtest-media" --html "$(CARGO_TARGET_DIR)/loadtest.html"

faults: build ## Every fault of network and server, and what people see of it: target/faults/report.md
	@scripts/need faults
	@cargo build --release --locked --quiet --package loadtest
	@mkdir -p "$(CARGO_TARGET_DIR)/faults"
	@"$(CARGO_TARGET_DIR)/release/loadtest" faults $(FAULTS) --start "$(SERVER)" \
		--media "$(CARGO_TARGET_DIR)/loadtest-media" \
		--report "$(CARGO_TARGET_DIR)/faults/report.md" --json "$(CARGO_TARGET_DIR)/faults/report.json"

soak: build ## 10,000 joins and leaves, then classes for SOAK_MINUTES (default 60): target/soak.html
	@scripts/need loadtest
	@cargo build --release --locked --quiet --package loadtest
	@"$(CARGO_TARGET_DIR)/release/loadtest" leaks --start "$(SERVER)"
	@"$(CARGO_TARGET_DIR)/release/loadtest" soak --minutes "$(SOAK_MINUTES)" --start "$(SERVER)" \
		--media "$(CARGO_TARGET_DIR)/loadtest-media" --html "$(CARGO_TARGET_DIR)/soak.html"

bench: ## What forwarding costs: the steps of the path, and of recording; last the worker beside the limit
	@scripts/need run
	@cargo bench --locked --quiet --package sfu-benches --bench path
	@cargo bench --locked --quiet --package sfu-benches --bench record
	@cargo bench --locked --quiet --package sfu-benches --bench forward

instructions: ## Instructions of each step of the path, beside those that were kept
	@scripts/instructions

compare: build ## The same scenarios against Préau and Janus, into target/compare/summary.md
	@scripts/need compare
	@cargo build --release --locked --quiet --package loadtest
	@"$(CARGO_TARGET_DIR)/release/loadtest" compare --start "$(SERVER)" \
		--media "$(CARGO_TARGET_DIR)/loadtest-media" --out target/compare

figures: build ## Sizes, memory and lines, for the notes of a release
	@scripts/figures "$(SERVER)"

browser-figures: build ## What real browsers take: joins, new keys, processor with encryption and without
	@scripts/need test
	@cargo build --release --locked --quiet --package loadtest
	@PREAU_RULES="first_remote_picture e2ee_figures" scripts/test-browser "$(SERVER)"

clean: ## Remove everything that was built
	@cargo clean
	@rm -rf $(WEB)/dist $(WEB)/node_modules tests/browser/node_modules tests/browser/screenshots
