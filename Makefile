# `make` alone prints what there is. The targets say it themselves: the text after `##`.

.DEFAULT_GOAL := help
TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)
TOOLS := $(CURDIR)/target/tools
export PATH := $(TOOLS)/bin:$(PATH)

.PHONY: help
help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-14s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: run
run: ## build the server quickly and run it for development on 127.0.0.1:8080
	cargo build --profile quick
	@exec $(TARGET_DIR)/quick/mintery serve --dev

.PHONY: build
build: ## build the release binary, the one that is shipped and measured
	cargo build --release

.PHONY: test
test: ## install what the tests need, then run every test
	@tests/run.sh

.PHONY: test-rust
test-rust: ## the Rust tests alone, on SQLite: unit, documentation, black-box HTTP, command line
	@tests/run.sh sqlite

.PHONY: test-postgres
test-postgres: ## the black-box and command line tests alone, on a PostgreSQL of their own
	@tests/run.sh postgres

.PHONY: test-curl
test-curl: ## the curl-driven tests alone, those of README.md's examples among them
	@tests/run.sh curl

.PHONY: test-interop
test-interop: ## what docs/guides/api-keys*.md say alone, with the clients that they name: a browser, OpenAI's, Node's, Python's, Ruby's
	@tests/run.sh interop

.PHONY: test-browser
test-browser: ## the dashboard alone, in a real browser
	@tests/run.sh browser

.PHONY: screenshots
screenshots: ## take the pictures of the dashboard in README.md (needs Chromium and npm)
	cargo build --bin mintery
	tests/browser/run.sh screenshots

.PHONY: rotation
rotation: ## ten rotations of the signing keys under load, with a verifier in another process
	cargo build --example resource_server
	TEST_ROTATIONS=10 cargo test --test cli no_token_is_refused_while_keys_rotate -- --nocapture

.PHONY: check
check: tools docs prose ## format, lints, documentation, prose, licenses, unused dependencies
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo clippy -p mintery-verifier --no-default-features --lib -- -D warnings
	cargo clippy -p mintery-verifier --no-default-features --features actix --lib -- -D warnings
	cargo clippy -p mintery-verifier --lib -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --workspace --exclude mintery-benches
	cargo deny check licenses bans sources
	cargo machete

.PHONY: tools
tools: ## install missing tools of `make check`
	@tests/setup/tools.sh "$(TOOLS)"

.PHONY: docs
docs: tools ## build the book into target/book and check its links
	@tests/docs/links.py
	mdbook build docs

.PHONY: reference
reference: ## write the pages of docs/reference/ that are generated from the code
	UPDATE_DOCS=1 cargo test -q --workspace --test api reference::

.PHONY: prose
prose: ## print phrases that docs/inside/style.md replaces
	@tests/docs/prose.py

.PHONY: advisories
advisories: tools ## check the dependencies for security advisories (needs the network)
	cargo deny check advisories

.PHONY: bench
bench: ## measure, and compare with the targets
	@tests/setup/packages.sh bench
	@benches/run.sh

.PHONY: fuzz
fuzz: ## fuzz untrusted input, each target for FUZZ_SECONDS (60); needs a nightly compiler
	@fuzz/run.sh "$(TOOLS)"

.PHONY: requirements
requirements: ## print the requirements that no test names
	@tests/requirements.sh

.PHONY: clean
clean: ## remove everything that was built; data/ and keys/ stay
	cargo clean
