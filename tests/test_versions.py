"""pyproject.toml, constraints.txt and environment.yml agree."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def parse(lines: list[str]) -> dict[str, Requirement]:
    """Requirements by canonical name."""
    parsed = [Requirement(line) for line in lines]
    return {canonicalize_name(one.name): one for one in parsed}


def extra(name: str) -> dict[str, Requirement]:
    """An extra's requirements; those of other extras in it are their own."""
    found = parse(PROJECT["optional-dependencies"][name])
    return {key: one for key, one in found.items() if key != PROJECT["name"]}


CORE = parse(PROJECT["dependencies"])
RUNTIME = CORE | extra("data") | extra("lab")
OTHERS = set(PROJECT["optional-dependencies"]) - {"data", "lab"}
EXTRAS = {key: one for name in OTHERS for key, one in extra(name).items()}
PINS = parse(
    [
        line
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if line and not line.startswith("#")
    ]
)


@pytest.fixture
def environment() -> dict[str, Requirement]:
    text = (ROOT / "environment.yml").read_text()
    *conda, nested = yaml.safe_load(text)["dependencies"]
    lines = [*conda, *nested["pip"]]
    for other in ("python=3.11", "pip", "-e ."):
        lines.remove(other)
    return parse([line.replace("pytorch-cpu", "torch") for line in lines])


def test_every_requirement_is_pinned_within_its_range() -> None:
    for name, requirement in (RUNTIME | EXTRAS).items():
        assert name in PINS, f"constraints.txt lacks {name}"
        (pin,) = PINS[name].specifier
        assert pin.operator == "=="
        assert requirement.specifier.contains(pin.version), name


def test_pins_are_exact_and_install_anywhere() -> None:
    for name, requirement in PINS.items():
        (pin,) = requirement.specifier
        assert pin.operator == "=="
        assert "+" not in pin.version, f"{name} is pinned to a local build"


def test_runtime_and_extras_do_not_overlap() -> None:
    assert not RUNTIME.keys() & EXTRAS.keys()
    assert len(RUNTIME) == sum(map(len, (CORE, extra("data"), extra("lab"))))


def test_environment_has_the_runtime_with_the_same_ranges(
    environment: dict[str, Requirement],
) -> None:
    for name, requirement in RUNTIME.items():
        assert name in environment, f"environment.yml lacks {name}"
        assert environment[name].specifier == requirement.specifier, name


def test_environment_has_nothing_of_its_own(
    environment: dict[str, Requirement],
) -> None:
    for name in environment.keys() - RUNTIME.keys():
        assert environment[name].specifier == EXTRAS[name].specifier, name


def test_actions_of_the_job_that_may_write_are_pinned_by_commit():
    text = (ROOT / ".github" / "workflows" / "book.yml").read_text()
    _, publish = text.split("  publish:\n")
    used = re.findall(r"uses: (\S+)", publish)
    assert used
    assert all(re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", one) for one in used)


def test_the_extras_that_the_readme_installs_are_there() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"neural-odes\[(\w+)\]", text))
    assert named == {"data", "lab"}
    assert named <= PROJECT["optional-dependencies"].keys()
