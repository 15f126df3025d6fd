# Two commands are all you need: `make run` and `make test`.

.PHONY: help run test test-ui screenshots ui storm bench sqlx deny

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1	\2/p' Makefile

run: ## set up, build, and show the demo (ARGS=--again starts it anew)
	@scripts/run $(ARGS)

test: ## everything that CI checks
	@scripts/test

ui: ## the browser's application, built when it changed
	@scripts/ui

test-ui: ## the screens in a browser, desktop and phone (ARGS= for Playwright)
	@scripts/test-ui $(ARGS)

screenshots: ## write docs/screenshots/
	@scripts/test-ui --screenshots

storm: ## kill workers under load, and count what is lost (DURATION=seconds, SEED=)
	@scripts/storm

bench: ## a year's reconciliation, and the engine beside its floors (ARGS=DIR for another world)
	@scripts/bench $(ARGS)

sqlx: ## write the offline data of the checked queries again
	@scripts/sqlx

deny: ## licences, banned crates and sources (needs cargo-deny)
	@cargo deny check licenses bans sources
