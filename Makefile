# Every target sets up what it needs: a virtual environment in .venv with the package and its extras.

PYTHON ?= python3
BIN := .venv/bin

.PHONY: screenshots run test test-breadth test-quick test-room test-faults fuzz check bench bench-hadoop gpu-wheels gpu-check wheel hadoop hadoop-secure hadoop-ha cluster cluster-secure cluster-down test-docker test-docker-secure schema house clean

run: .venv/ready examples/digits/data/train           ## train on real handwritten digits
	$(BIN)/yarnml run examples/digits/job.yaml --restart

# Where Python keeps no bytecode each process of the tests would rewrite all of them: 5 CPU s.
unexport PYTHONDONTWRITEBYTECODE

# More than there are cores: the tests of a cluster wait most of their time.
PROCESSES ?= 4
test: .hadoop/ready                                   ## every law; PROCESSES=0: one test at a time
	$(MAKE) --jobs=2 --output-sync check wheel
	$(BIN)/python -m pytest -m 'not docker and not faults and not breadth' --durations=40 --numprocesses $(PROCESSES)

test-breadth: .venv/ready .hadoop/ready               ## the same laws for more kinds, sizes and servers
	$(BIN)/python -m pytest -m 'breadth and not docker and not faults' --durations=40 --numprocesses $(PROCESSES)

test-quick: .venv/ready                               ## every law that needs neither a cluster nor a long job
	$(BIN)/python -m pytest -m 'not docker and not faults and not breadth and not cluster and not long' --numprocesses 3

ROOM ?= .
test-room: .venv/ready .hadoop/ready                  ## the tests of one folder: ROOM=reduce
	$(BIN)/python -m pytest tests/$(ROOM) -m 'not docker and not faults' --numprocesses 2

RUNS ?= 200
FIRST ?= 0
test-faults: .venv/ready .hadoop/ready                ## RUNS jobs that suffer what a seed decides, from seed FIRST on
	$(BIN)/python -m pytest tests/faults --runs $(RUNS) --first $(FIRST)
	$(BIN)/python -m pytest -m faults

INPUTS ?= 2000
fuzz: .venv/ready                                     ## INPUTS inputs that nobody would write for each test of tests/fuzz
	$(BIN)/python -m pytest tests/fuzz --inputs $(INPUTS)

test-docker: .venv/ready                              ## what docker/README.md says, on a cluster of containers
	$(BIN)/python -m pytest -m docker -p no:cacheprovider tests/clusters/test_docker.py

test-docker-secure: .venv/ready                       ## the same with Kerberos
	$(BIN)/python -m pytest -m docker tests/clusters/test_docker_secure.py

check: .venv/ready                                    ## style, types, layering
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/ready                                    ## figures, beside hand-written loops and other systems
	$(BIN)/python -m benchmarks

bench-hadoop: .venv/ready .hadoop/ready               ## those that need a Hadoop, on one of plain processes
	$(BIN)/python -m benchmarks start submit hdfs pass --yarn feed --hdfs own

WHEELS ?= build/gpu-wheels
gpu-wheels: .venv/ready                               ## fetch what a machine with a GPU and no network lacks for gpu-check
	$(BIN)/python -m benchmarks.gpu.wheels $(WHEELS)

RESULT ?= gpu-check.json
gpu-check:                                            ## digits, bits and speed on one NVIDIA GPU, into RESULT
	$(PYTHON) benchmarks/gpu/launch.py $(RESULT) $(WHEELS)

wheel: dist/ready                                     ## build the wheel and look at what it carries

# Two targets of make that run side by side, as those of .ci/run, find it whole.
dist/ready: .venv/ready README.md $(shell find yarnml appspec -not -path '*/__pycache__*')
	rm -rf build dist
	$(BIN)/python -m build --wheel --outdir dist . >/dev/null
	$(BIN)/python -m zipfile -l dist/*.whl | grep 'appspec/job.schema.json' >/dev/null
	$(BIN)/python -m zipfile -l dist/*.whl | grep 'yarnml/py.typed' >/dev/null
	$(BIN)/python -m zipfile -l dist/*.whl | grep 'yarnml/watch/page.html' >/dev/null
	touch $@

hadoop: .venv/ready .hadoop/ready                     ## a Hadoop of plain processes, until Ctrl-C
	$(BIN)/python -m tests.hadoop

hadoop-secure: .venv/ready .hadoop/ready              ## the same with Kerberos and encryption everywhere
	$(BIN)/python -m tests.hadoop --secure

hadoop-ha: .venv/ready .hadoop/ready                  ## the same with two NameNodes and two ResourceManagers
	$(BIN)/python -m tests.hadoop --ha

cluster: wheel examples/digits/data/train             ## a Hadoop of Docker containers, with an edge node
	$(PYTHON) docker/cluster.py up

cluster-secure: wheel examples/digits/data/train      ## the same with Kerberos and encryption everywhere
	$(PYTHON) docker/cluster.py up-secure

cluster-down:                                         ## remove either
	$(PYTHON) docker/cluster.py down

schema: .venv/ready                                   ## write the job file's JSON schema anew
	$(BIN)/python -m appspec

screenshots: .venv/ready                              ## take the pictures of docs/watch.md anew, by Chromium
	$(BIN)/python -m tests.watch.screenshots

house: .venv/ready                                    ## draw the rooms and their imports anew
	$(BIN)/python -m tests.project.drawing

examples/%/data/train: .venv/ready
	$(BIN)/python examples/$*/make_data.py

.venv/ready: setup.cfg pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "yarnml needs Python 3.11 or newer: make PYTHON=…")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --editable '.[test,check]'
	-$(BIN)/python -m compileall -qq -j 0 .venv/lib    # on all processors, where pip takes one
	touch $@

.hadoop/ready: docker/jars.sha256 | .venv/ready
	tests/hadoop/java-home >/dev/null
	PYTHON=$(BIN)/python docker/hadoop-home
	touch $@

clean:
	rm -rf .venv .hadoop .pytest_cache build dist *.egg-info examples/*/data examples/*/job examples/*/models examples/*/recommendations
