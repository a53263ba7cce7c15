# make demo    a gateway in a box, built from pillar.example and tried with real clients
# make test    every test, in the same box
# make lint    what a careful reader would say
# make shell   a root shell on the gateway, to look around; leaving it throws the gateway away

SALT = 3008
VENV = .venv$(if $(filter-out 3008,$(SALT)),-$(SALT))
PYTHON = $(VENV)/bin/python
SUDO = $(if $(filter-out 0,$(shell id -u)),sudo)
BOX = $(SUDO) env CI=$(CI) $(PYTHON) test/sandbox/box.py
DEBS = $(CURDIR)/.cache/debs

# Used here, as clients and as judges; none of them starts a daemon when it is installed.
TOOLS = curl daemontools iproute2 lftp nftables python3-venv ucspi-tcp
# Only downloaded here: Salt installs them on the gateway in the box.
GATEWAY = ftp-proxy inetutils-ftpd inetutils-syslogd openbsd-inetd

demo: $(VENV)/ready .cache/tools
	$(BOX) $(PYTHON) test/sandbox/demo.py

test: $(VENV)/ready .cache/tools
	$(BOX) $(PYTHON) -m pytest -p no:cacheprovider $(TESTS)

shell: $(VENV)/ready .cache/tools
	$(BOX)

lint: $(VENV)/ready
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/yamllint --strict pillar.example ftpgw/*.yaml .yamllint .salt-lint
	$(VENV)/bin/salt-lint $(wildcard ftpgw/*.sls ftpgw/*.jinja)
	$(VENV)/bin/shellcheck .ci/run

$(VENV)/ready: requirements-dev.txt | .cache/tools
	python3 -m venv $(VENV)
	$(PYTHON) -m pip install --quiet "salt~=$(SALT).0" -r requirements-dev.txt
	touch $@

.cache/tools: Makefile
	mkdir -p $(DEBS)
	$(SUDO) apt-get -qq update
	$(SUDO) apt-get -qq install -y $(TOOLS) >.cache/apt.log
	$(SUDO) apt-get -qq install -y --download-only -o Dir::Cache::archives=$(DEBS) $(GATEWAY) >>.cache/apt.log
	touch $@

clean:
	$(SUDO) rm -rf .cache .venv .venv-*

.PHONY: clean demo lint shell test
