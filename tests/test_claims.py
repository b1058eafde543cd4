"""Every claim of the source articles that a chapter is due to decide is decided there, once."""

import functools

import pytest
import yaml

from ganedu import ledger
from tools import boxes
from tools.notebooks import ROOT

BOOK = ROOT / "book"
DUE = yaml.safe_load((BOOK / "claims.yml").read_text(encoding="utf-8"))
PAGES = {
    **{path.stem: path for path in sorted((BOOK / "chapters").glob("[0-9][0-9]_*.md"))},
    "corrections": BOOK / "appendix" / "corrections.md",
}

each_page = pytest.mark.parametrize("page", PAGES)


@functools.cache
def recorded():
    return ledger.read(BOOK)


def test_every_page_that_decides_claims_is_listed_and_written():
    assert set(DUE) == {page for page, path in PAGES.items() if page in DUE or boxes.read(path)[0]}


@each_page
def test_the_boxes_are_well_formed(page):
    _, errors = boxes.read(PAGES[page])
    assert not errors, "\n".join(errors)


@each_page
def test_exactly_the_claims_that_are_due_are_decided(page):
    decided = [claim for box in boxes.read(PAGES[page])[0] for claim in box.claims]
    assert sorted(decided) == sorted(DUE.get(page, []))


@each_page
def test_what_a_box_calls_its_evidence_was_computed(page):
    unproved = [error for box in boxes.read(PAGES[page])[0] for error in boxes.unproved(box, recorded())]
    assert not unproved, "\n".join(unproved)


def test_a_claim_that_two_chapters_share_gets_no_two_verdicts_of_opposite_kind():
    kinds = {}
    for path in PAGES.values():
        for box in boxes.read(path)[0]:
            for claim in box.claims:
                kinds.setdefault(claim, set()).add(box.kind)
    assert not {claim: found for claim, found in kinds.items() if len(found) > 1}
