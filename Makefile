# The front door; Meson does the work.
.PHONY: help build run test bench install format clean

help:          ## this list
	@sed -n 's/^\([a-z]*\): .*## /make \1	/p' Makefile | expand -t 16

build: build/build.ninja ## build/poterne
	@ninja -C build --quiet poterne

run: build     ## build it, make a cluster 'demo' under build/demo and show it
	@tools/demo

test:          ## build and run all tests but those that start real clusters
	@tools/deps test
	@test -e build/.with-tests || meson setup $$(test -e build/build.ninja && echo --reconfigure) build -Dtests=enabled
	@touch build/.with-tests && ninja -C build --quiet
	@meson test -C build --no-rebuild --no-suite kube --print-errorlogs; status=$$?; \
	    tools/test-summary build/meson-logs/testlog.junit.xml && exit $$status

bench: build   ## the promised figures, against kubeadm, cfssl and OpenSSL: twenty minutes
	@bench/run

install: build ## into /usr/local, or where DESTDIR and meson's prefix say
	@ninja -C build --quiet manuals
	@meson install -C build --no-rebuild --strip

format:        ## every C file by .clang-format
	@tools/check-format --fix

clean:         ## remove what was built, but not what tools/deps fetched
	@test ! -d build || find build -mindepth 1 -maxdepth 1 -not -name deps -exec rm -rf {} +

build/build.ninja:
	@tools/deps
	@meson setup build
