"""What readers look up agrees with the library and with itself."""

import inspect
import re
from pathlib import Path

import yaml
from pybtex.database import Entry, parse_file, parse_string

import neural_odes

ROOT = Path(__file__).parents[1]
BOOK = ROOT / "book"


def test_every_public_name_is_documented_once() -> None:
    text = (BOOK / "api.md").read_text(encoding="utf-8")
    names = re.findall(
        r"^\.\. (?:auto\w+|py:data):: (\w+)(?:\(\))?$", text, re.M
    )
    assert sorted(names) == sorted(neural_odes.__all__)


def test_notation_names_what_the_library_has() -> None:
    text = (BOOK / "glossary.md").read_text(encoding="utf-8")
    found = re.findall(r"`(\w+)` of \{py:\w+\}`~neural_odes\.([\w.]+)`", text)
    assert len(found) > 10
    for name, owner in found:
        thing = neural_odes
        for part in owner.split("."):
            thing = getattr(thing, part)
        known = set(inspect.signature(thing).parameters) | set(dir(thing))
        documented = re.search(rf"^\s+{name}:", thing.__doc__ or "", re.M)
        assert name in known or documented, f"{owner} has no {name}"


def people(entry: Entry) -> list[tuple[str, str]]:
    return [
        (" ".join(person.first_names), " ".join(person.last_names))
        for person in entry.persons["author"]
    ]


def test_both_forms_of_the_citation_agree() -> None:
    cff = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    shown = (BOOK / "about.ipynb").read_text(encoding="utf-8")
    lines = yaml.safe_load(shown)["cells"][0]["source"]
    bibtex = re.findall(r"```bibtex\n(.*?)```", "".join(lines), re.S)
    (book,) = parse_string(bibtex[0], "bibtex").entries.values()
    assert book.type == cff["type"]
    for key in ("title", "version", "license"):
        assert book.fields[key] == str(cff[key])
    assert people(book) == [("", f"{{{cff['authors'][0]['name']}}}")]
    assert cff["version"] == neural_odes.__version__

    (paper,) = cff["references"]
    entries = parse_file(str(BOOK / "references.bib")).entries
    entry = entries["massaroli2020dissecting"]
    assert entry.fields["title"].replace("{ODE}", "ODE") == paper["title"]
    assert entry.fields["booktitle"] == paper["collection-title"]
    for key in ("volume", "year", "url"):
        assert entry.fields[key] == str(paper[key])
    assert people(entry) == [
        (one["given-names"], one["family-names"]) for one in paper["authors"]
    ]
