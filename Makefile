# The front door; meson does the building. `make help` lists what there is.
#
# Each variant has a folder of its own: build/release, build/check (what unit tests link), build/debug (ASan
# and UBSan), build/fuzz.

BUILD    ?= build
PREFIX   ?= /usr/local
DESTDIR  ?=
FUZZ_S   ?= 60
RELEASE   = $(BUILD)/release
DEBUG     = $(BUILD)/debug
FUZZ      = $(BUILD)/fuzz

# The guest runs are for x86-64: the list names an x86-64 kernel.
VM := $(if $(filter x86_64,$(shell uname -m)),vm)

.PHONY: all run test bench fuzz lint format debug deb install uninstall clean help
.DEFAULT_GOAL := all

all: ## build the release binary, build/release/src/cli/zviz
	@tools/need build
	@tools/build "$(RELEASE)" --musl -Dtests=disabled --prefix="$(PREFIX)"

run: all ## build and run examples/untrusted-build in a sandbox
	@tools/need run
	@ZVIZ="$(abspath $(RELEASE))/src/cli/zviz" examples/untrusted-build/run

test: ## build and run every test; SECTIONS="unit cli" for some
	@tools/need build run test $(VM)
	@BUILD="$(BUILD)" tests/run $(SECTIONS)

bench: ## compare cold start and brokered calls with crun, runc, bubblewrap and runsc
	@tools/need build bench
	@tools/build "$(RELEASE)" --musl -Dtests=disabled --prefix="$(PREFIX)"
	@ninja -C "$(RELEASE)" bench/bench-filter >/dev/null
	@BUILD="$(abspath $(BUILD))" bench/run

fuzz: ## run each fuzz target for FUZZ_S seconds (60)
	@tools/need build fuzz
	@CC=clang tools/build "$(FUZZ)" -Dfuzz=true -Dtests=disabled -Dstatic=false -Db_lundef=false \
		-Dbuildtype=debugoptimized -Db_sanitize=address,undefined
	@tools/fuzz "$(FUZZ)" "$(FUZZ_S)"

debug: ## build with ASan and UBSan into build/debug
	@tools/need build test
	@tools/build "$(DEBUG)" -Dstatic=false -Dbuildtype=debug -Doptimization=1 -Db_sanitize=address,undefined

lint: ## format check, clang-tidy, shellcheck
	@tools/need build test
	@BUILD="$(BUILD)" tests/run format tidy shell binaries

format: ## rewrite the C files as .clang-format says
	@tools/need test
	@tools/c-files | grep -zv '^src/table/' | xargs -0 clang-format -i

install: all ## install below PREFIX (/usr/local), staged in DESTDIR
	@DESTDIR="$(DESTDIR)" meson install -C "$(RELEASE)" --no-rebuild

deb: ## build a Debian package into build/deb
	@tools/need build deb
	@tools/deb "$(BUILD)/deb"

uninstall: ## remove what `make install` with the same PREFIX installed
	@ninja -C "$(RELEASE)" uninstall

clean: ## remove all that was built
	rm -rf "$(BUILD)"

help:
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | expand -t 12
