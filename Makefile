# SPDX-License-Identifier: Apache-2.0
# The three commands of the project, and their parts. Everything works on a bare Debian 12, as root or
# with sudo, without a prompt.
.PHONY: run build test bench setup web native clean

# Installs what is missing, builds, starts the server, prints its URL.
# Pass options in ARGS: make run ARGS="--https --set gateway.port=3100"
run: build
	@exec build/jbcalling serve $(ARGS)

build: setup native web

setup:
	@tools/setup.sh run

native:
	@[ -f build/build.ninja ] || cmake --preset release >build-configure.log 2>&1 || { cat build-configure.log; exit 1; }
	@rm -f build-configure.log
	@cmake --build --preset release --target jbcalling

web:
	@tools/web.sh

# Installs, builds and runs everything; its last line is "N passed, N failed".
test:
	@tools/test.sh

# The figures of docs/benchmarks.md, written to bench/results/.
bench:
	@tools/bench.sh

clean:
	rm -rf build web/dist tests/artifacts
