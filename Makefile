# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Needs make and Python 3.11 or newer (another one: make test PYTHON=python3.12).

PYTHON ?= python3
VENV := .venv
NOX := $(VENV)/bin/nox --reuse-venv yes --download-python never

.DEFAULT_GOAL := help
.PHONY: help quick demo docs test live matrix benchmark format clean

help:
	@echo 'make demo       watch the collection work, on a simulated portal'
	@echo 'make quick      the fast loop for changes; make quick FILE=tests/... for one file or folder'
	@echo 'make test       run all tests on the newest ansible-core that $(PYTHON) supports'
	@echo 'make docs       build the documentation as a site, in docs/build'
	@echo 'make live       run the integration tests on the portal of DOCSPACE_BASE_URL and DOCSPACE_API_KEY'
	@echo 'make matrix     run sanity, units, integration on every supported ansible-core and Python here'
	@echo 'make benchmark  compare with ansible.builtin.ping and ansible.builtin.uri'
	@echo 'make format     format the code'
	@echo 'make clean      remove what the others made'

quick: $(VENV)/quick
	@$(VENV)/bin/python tests/quick.py $(FILE)

demo: $(VENV)/ready
	$(VENV)/bin/python -m tests.demo

test: $(VENV)/ready
	@$(VENV)/bin/python tests/whole.py

docs: $(VENV)/ready
	$(NOX) --session docs -- build

live: $(VENV)/ready
	@$(NOX) --session live

matrix: $(VENV)/ready
	@$(VENV)/bin/python tests/whole.py matrix

benchmark: $(VENV)/ready
	$(VENV)/bin/python -m tests.benchmark

format: $(VENV)/ready
	$(NOX) --session formatters

clean:
	rm -rf $(VENV) .ansible docs/build .hypothesis .mypy_cache .nox .pytest_cache .ruff_cache tests/output
	rm -f onlyoffice-docspace-*.tar.gz

# Made anew when a requirement changes. The file comes last, so that an interrupted install is repeated.
$(VENV)/ready: requirements-dev.txt tests/requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=...")'
	$(PYTHON) -m venv --clear $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

$(VENV)/quick: $(VENV)/ready tests/quick.txt tests/unit/requirements.txt tests/preview/requirements.txt
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r tests/quick.txt
	@touch $@
