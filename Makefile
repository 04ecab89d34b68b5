# Bailiwick: `make run` to try it, `make test` before every push.
# CARGO_TARGET_DIR is respected: set it to share one target folder among several clones.

# The build profile of `make run`; `release` starts faster and takes longer to build.
PROFILE ?= dev

.PHONY: help run test lint fmt bench bench-full bench-micro audit
.DEFAULT_GOAL := help

help: ## list what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## build, start the embedded server and load examples/demo.yaml
	@PROFILE=$(PROFILE) bash scripts/run.sh

test: ## everything: format, lint, unit, integration on SQLite and PostgreSQL, real clients
	@bash scripts/test.sh

lint: ## format check and clippy
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --quiet -- -D warnings

fmt: ## format the code
	cargo fmt --all

bench: ## a load run on both databases, its ratios to a bare endpoint; under ten minutes once built
	@bash scripts/setup.sh bench
	cargo build --release --workspace --bin bailiwick --bench load
	cargo bench --workspace --bench load

bench-full: ## the same with 100 tenants and a million stored sessions, too
	LOAD_FULL=1 $(MAKE) bench

bench-micro: ## micro benchmarks: signing, verifying, the token endpoint's pure part
	cargo bench --workspace --bench protocol

audit: ## licences and advisories of the dependencies (needs cargo-deny)
	@cargo deny --version >/dev/null 2>&1 || { echo 'missing: cargo install --locked cargo-deny'; exit 1; }
	cargo deny check
