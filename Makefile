# Plenum's commands. `make run` and `make test` install what is missing, build what changed, and start or test it.

.DEFAULT_GOAL := help
.PHONY: help run test fuzz release client format

help:
	@echo "make run      build and start Plenum on this machine; prints the link to open"
	@echo "make test     everything that must hold before a change lands (ONLY=\"rust e2e\" for some sections)"
	@echo "make fuzz     looks for inputs that break parsers, a minute per target (ARGS=\"600 sdp offer\" for longer, for some)"
	@echo "make release  the optimised binary: target/release/plenum"
	@echo "make client   the browser client alone: web/dist"
	@echo "make format   format every source file"

run:
	@scripts/run.sh

test:
	@scripts/test.sh

fuzz:
	@scripts/fuzz.sh $(ARGS)

release:
	@scripts/bootstrap.sh build
	@scripts/build-client.sh
	@cargo build --locked --release --package plenum

client:
	@scripts/bootstrap.sh build
	@scripts/build-client.sh

format:
	@cargo fmt --all
	@npm --prefix web run --silent format
