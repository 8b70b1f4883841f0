# `make demo` and `make test` are all a newcomer needs; `.ci/run` is what must pass before a change
# goes in. Scripts that are longer than a line are in `.ci/`.

# Programs are looked for in `target/release`, whatever cargo's own configuration says.
export CARGO_TARGET_DIR := $(CURDIR)/target

PREFIX ?= /usr/local
CARGO_DENY_VERSION := 0.20.2
CARGO_FUZZ_VERSION := 0.13.2

release := target/release
# Empty without Rust; `.ci/deps` says so before it matters.
triple := $(shell rustc -vV 2>/dev/null | sed -n 's/^host: //p')

# V8's library: the one named by RUSTY_V8_ARCHIVE, else one beside this tree, else the `v8` crate
# downloads it.
archive_beside := $(firstword $(wildcard $(CURDIR)/../shared/v8/librusty_v8_*$(triple).a.gz))
ifndef RUSTY_V8_ARCHIVE
ifneq ($(archive_beside),)
export RUSTY_V8_ARCHIVE := $(archive_beside)
endif
endif
# Not empty if V8 can be built without a download, or was built before: an old shim is never tested.
v8 := $(RUSTY_V8_ARCHIVE)$(wildcard $(release)/lazaret-shim-v8)

.DEFAULT_GOAL := build
.NOTPARALLEL:
.PHONY: deps build build-v8 build-tests demo test test-vm install fmt lint doc deny fuzz bench clean

## deps: install the system packages that a build needs and that are missing
deps:
	@.ci/deps build

## build: target/release/lazaret with launcher, QuickJS shim, TypeScript compiler and root file systems beside it
build: deps
	cargo build --release --locked -p lazaret -p lazaret-launcher
	.ci/cargo-static build -p lazaret-shim
	.ci/put target/$(triple)/release/lazaret-shim $(release)/lazaret-shim-quickjs
	$(release)/lazaret rootfs build --engine quickjs
	.ci/cargo-static build -p lazaret-compile
	.ci/put target/$(triple)/release/lazaret-compile $(release)/lazaret-compile
	$(release)/lazaret rootfs build --shim $(release)/lazaret-compile --output $(release)/rootfs/compile

## build-v8: the same shim on V8, beside the other
build-v8: build
	.ci/cargo-static build -p lazaret-shim --no-default-features --features v8
	.ci/put target/$(triple)/release/lazaret-shim $(release)/lazaret-shim-v8
	$(release)/lazaret rootfs build --engine v8

## build-tests: what the container tests need beside `build`
build-tests: build
	@.ci/deps test
	.ci/cargo-static build -p lazaret-probe
	.ci/put target/$(triple)/release/lazaret-probe $(release)/lazaret-probe

## demo: run the transcript of the README
demo: build
	@.ci/demo

## test: the whole suite; container tests need root, and are named if they cannot run
test: build-tests $(if $(v8),build-v8)
	.ci/test $(if $(v8),v8)

## test-vm: the container tests on cgroup version 2, in two emulated machines with a kernel of Debian's
test-vm: build-tests $(if $(v8),build-v8)
	@.ci/deps vm
	tests/vm/run

## install: copy what `build` made to DESTDIR and PREFIX (/usr/local)
install:
	.ci/install $(PREFIX)

## fmt: format all sources
fmt:
	cargo fmt --all
	cargo fmt --manifest-path shim/protocol/fuzz/Cargo.toml
	cargo fmt --manifest-path engine/fuzz/Cargo.toml

## lint: formatting, lock files and clippy, every warning an error
lint: deps
	cargo fmt --all --check
	cargo fmt --manifest-path shim/protocol/fuzz/Cargo.toml --check
	cargo fmt --manifest-path engine/fuzz/Cargo.toml --check
# What is beside the workspace has lock files of its own, which nothing else here would find old.
	@for apart in engine/fuzz shim/protocol/fuzz shim/scripts; do \
		cargo metadata --locked --format-version 1 --manifest-path $$apart/Cargo.toml >/dev/null || exit; \
	done
	cargo clippy --workspace --all-targets --locked -- -D warnings

## doc: the documentation of all crates, every warning an error
doc: deps
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked

## deny: licences, sources and known vulnerabilities of all dependencies
deny: deps
	.ci/deny "$$(.ci/tool cargo-deny $(CARGO_DENY_VERSION))"

## fuzz: every fuzz target for a minute
fuzz: deps
	.ci/fuzz "$$(.ci/tool cargo-fuzz $(CARGO_FUZZ_VERSION))"

## bench: measure, beside what the measurements are compared with
bench: build-tests
	cargo bench --locked -p lazaret-benches

## clean: remove everything that was built
clean:
# The root file system's directories are read-only, also for the owner.
	@if [ -d $(release)/rootfs ]; then chmod -R u+w $(release)/rootfs; fi
	cargo clean
