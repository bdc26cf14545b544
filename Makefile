.DEFAULT_GOAL := help
.PHONY: demo test test-agents lint bench soak fuzz help

demo: ## play 2 and 3 March 2026 against simulated providers, in two and a half minutes
	cargo run --quiet --release --package backstop -- demo

test: ## set up what the tests need, and run them all
	tests/setup
	cargo test --workspace
	cargo test --package backstop-gateway --features shuttle --test cell_shuttle

test-agents: ## real coding agents and frameworks before the gateway; takes ten minutes
	tests/agents/setup
	cargo build --package backstop
	tests/agents/run.py --write

lint: ## check formatting and lints
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings

bench: ## measure against nginx, on this machine
	bench/run

soak: ## the simulations over many more seeds; takes its time
	BACKSTOP_SEEDS=2000 PROPTEST_CASES=20000 cargo test --release --workspace

fuzz: ## feed garbage to the readers for a while
	fuzz/run

help: ## list these targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 16
