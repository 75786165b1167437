from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.retrieval.fusion import Ranked
from rag.retrieval.passages import COMPLETED_CHARACTERS, JOINED_CHARACTERS, JOINED_RANK, PageText, Piece, choose
from rag.vector_store.rows import Hit

Pages = dict[tuple[str, int | None], str]


def library(pages: Pages) -> PageText:
    return lambda doc_id, page: pages.get((doc_id, page))


def nowhere(doc_id: str, page: int | None) -> None:
    return None


def row(text: str, start: int = 0, doc_id: str = "d", page: int | None = 1) -> Ranked:
    return Ranked(Hit(f"{doc_id} {page} {start}", doc_id, text, page, start, start + len(text), 1.0))


def cut(pages: Pages, start: int, end: int, doc_id: str = "d", page: int | None = 1) -> Ranked:
    return row(pages[doc_id, page][start:end], start, doc_id, page)


def spans(pieces: Sequence[Piece]) -> list[tuple[int, int]]:
    return [(piece.start, piece.end) for piece in pieces]


def notes(ranked: Sequence[Ranked]) -> list[str]:
    return [one.left_out for one in ranked]


def words(first: int, last: int) -> str:
    """Prose in which no two parts are the same, about eight characters a word."""
    return " ".join(f"word{number:03}" for number in range(first, last))


def elsewhere(count: int) -> list[Ranked]:
    return [row(f"Something of its own, {number}.", doc_id=f"other {number}") for number in range(count)]


# --- any ranking


@st.composite
def searches(draw: st.DrawFn) -> tuple[Pages, list[Ranked]]:
    """Two documents of a page each, cut into chunks that overlap, adjoin or lie apart; some of them, in any order."""
    pages: Pages = {}
    rows: list[Ranked] = []
    for doc_id in "de":
        parts = st.sampled_from([words(0, 9), words(20, 60), words(70, 99), "\n\n", "\n \n\n", " ", "A sentence. "])
        text = pages[doc_id, 1] = "".join(draw(st.lists(parts, min_size=1, max_size=24)))
        start = end = 0
        while end < len(text):
            start = min(max(end + draw(st.integers(-150, 150)), start + 1 if end else 0), len(text) - 1)
            end = min(max(start + draw(st.integers(1, 700)), end + 1), len(text))
            if text[start:end].strip():
                rows.append(cut(pages, start, end, doc_id))
    return pages, draw(st.permutations(rows))


def copies(ranked: Sequence[Ranked]) -> list[Ranked]:
    return [Ranked(one.hit) for one in ranked]


@given(searches(), st.integers(1, 40), st.booleans())
@settings(max_examples=150, deadline=None)
def test_spans_are_exact_and_every_row_has_its_note(
    search: tuple[Pages, list[Ranked]], top_k: int, is_at_hand: bool
) -> None:
    pages, ranked = search
    pieces = choose(ranked, top_k, library(pages) if is_at_hand else nowhere)
    assert len(pieces) <= top_k
    for piece in pieces:
        assert pages[piece.best.hit.doc_id, 1][piece.start : piece.end] == piece.text
        assert piece.text.strip()
    best = [id(piece.best) for piece in pieces]
    for one in ranked:
        reason, _, number = one.left_out.rpartition(" ")
        if id(one) in best:
            assert one.left_out == ""
        elif one.left_out != "ranked too low":
            assert reason in ("joined with passage", "repeats passage")
            shown = pieces[int(number) - 1]
            assert is_at_hand or reason == "repeats passage"
            assert " ".join(one.hit.text.casefold().split()).rstrip(". ") in " ".join(shown.text.casefold().split())


@given(searches(), st.integers(1, 30), st.integers(1, 30))
@settings(max_examples=150, deadline=None)
def test_passages_of_a_smaller_top_k_are_the_first_of_a_larger(
    search: tuple[Pages, list[Ranked]], fewer: int, more: int
) -> None:
    pages, ranked = search
    shown = [
        [(piece.best.hit.row_id, piece.text, piece.start) for piece in choose(copies(ranked), top_k, library(pages))]
        for top_k in (fewer, fewer + more)
    ]
    assert shown[0] == shown[1][:fewer]
    assert len(shown[0]) == min(fewer, len(shown[1]))


@given(searches(), st.integers(1, 40))
@settings(max_examples=150, deadline=None)
def test_completion_is_short_and_never_goes_into_another_piece(search: tuple[Pages, list[Ranked]], top_k: int) -> None:
    pages, ranked = search
    pieces = choose(ranked, top_k, library(pages))
    raw = {id(piece): [one.hit for one in (piece.best, *piece.joined)] for piece in pieces}
    for piece in pieces:
        start, end = min(hit.start for hit in raw[id(piece)]), max(hit.end for hit in raw[id(piece)])
        assert len(raw[id(piece)]) == 1 or end - start <= JOINED_CHARACTERS
        assert start - piece.start <= COMPLETED_CHARACTERS
        assert piece.end - end <= COMPLETED_CHARACTERS
    for one, other in combinations(pieces, 2):
        if one.is_on_page_of(other):
            shared = set(range(one.start, one.end)) & set(range(other.start, other.end))
            chunks = [{i for hit in raw[id(piece)] for i in range(hit.start, hit.end)} for piece in (one, other)]
            assert shared <= chunks[0] & chunks[1]


# --- joining


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_hits_that_overlap_or_adjoin_become_one_in_whatever_order(order: tuple[int, ...]) -> None:
    pages: Pages = {("d", 1): words(0, 30) + " \n" + words(30, 60)}
    text = pages["d", 1]
    parts = [cut(pages, 0, 150), cut(pages, 104, 239), cut(pages, 241, len(text))]
    ranked = [parts[i] for i in order]
    (piece,) = choose(ranked, 10, library(pages))
    assert piece.text == text
    assert piece.best is ranked[0]
    assert notes(ranked) == ["", "joined with passage 1", "joined with passage 1"]


def test_a_row_between_two_pieces_makes_them_one_and_the_next_piece_moves_up() -> None:
    pages: Pages = {("d", 1): words(0, 60), ("copy", 1): words(0, 60)}
    ranked = [cut(pages, 0, 103), row("Of another.", doc_id="e"), cut(pages, 208, 311), cut(pages, 312, 479)]
    ranked += [cut(pages, 208, 311, "copy"), *elsewhere(1), cut(pages, 104, 207)]
    pieces = choose(ranked, 3, library(pages))
    assert [piece.best.hit.doc_id for piece in pieces] == ["d", "e", "other 0"]
    assert pieces[0].text == pages["d", 1]
    joined = "joined with passage 1"
    assert notes(ranked) == ["", "", joined, joined, "repeats passage 1", "", joined]


def test_a_joined_passage_is_never_too_long() -> None:
    pages: Pages = {("d", 1): words(0, 400)}
    ranked = [cut(pages, start, start + 799) for start in range(0, 3200, 800)]
    pieces = choose(ranked, 10, library(pages))
    assert spans(pieces) == [(0, 1599), (1600, 3199)]
    pages = {("d", 1): words(0, 400)}
    half = JOINED_CHARACTERS // 2
    assert spans(choose([cut(pages, 0, half), cut(pages, half, 2 * half)], 9, library(pages))) == [(0, 2 * half)]
    assert len(choose([cut(pages, 0, half), cut(pages, half, 2 * half + 1)], 9, library(pages))) == 2


@pytest.mark.parametrize(("doc_id", "page"), [("d", 2), ("e", 1), ("d", None)])
def test_hits_of_other_pages_and_documents_are_not_joined(doc_id: str, page: int | None) -> None:
    pages: Pages = {("d", 1): words(0, 200), (doc_id, page): words(0, 200)}
    ranked = [cut(pages, 480, 799), cut(pages, 800, 1119, doc_id, page)]
    assert spans(choose(ranked, 10, library(pages))) == [(480, 799), (800, 1119)]


def test_hits_with_text_between_them_are_not_joined() -> None:
    pages: Pages = {("d", 1): words(0, 200)}
    ranked = [cut(pages, 480, 799), cut(pages, 808, 1119)]
    assert spans(choose(ranked, 10, library(pages))) == [(480, 799), (808, 1119)]


def test_rows_far_down_the_ranking_are_not_joined() -> None:
    pages: Pages = {("d", 1): words(0, 200)}
    first, last = cut(pages, 480, 799), cut(pages, 800, 1119)
    assert len(choose([first, *elsewhere(JOINED_RANK - 2), last], 99, library(pages))) == JOINED_RANK - 1
    assert len(choose([first, *elsewhere(JOINED_RANK - 1), last], 99, library(pages))) == JOINED_RANK + 1


# --- repetitions

CLAUSE = (
    "The tenant pays the deposit of 900 euros to Ms Kim before moving in, and the landlord returns it within 60 days "
    "of the end of the lease, unless there are damages, which are taken off."
)


@pytest.mark.parametrize(
    "copy",
    [
        CLAUSE,
        CLAUSE.replace(" ", "\n "),
        CLAUSE.upper(),
        CLAUSE.replace("the deposit", "**the deposit**").replace("in,", "in"),
        CLAUSE.partition(" ")[2],
        CLAUSE.rpartition(",")[0],
    ],
    ids=["same", "line breaks", "capitals", "emphasis", "without its beginning", "without its end"],
)
@pytest.mark.parametrize(("doc_id", "page"), [("e", 1), ("d", 2)])
def test_a_text_that_another_document_or_page_repeats_is_shown_once(copy: str, doc_id: str, page: int) -> None:
    ranked = [*elsewhere(1), row(CLAUSE), row(copy, 7, doc_id, page), *elsewhere(2)[1:]]
    assert [piece.best for piece in choose(ranked, 10, nowhere)] == [ranked[0], ranked[1], ranked[3]]
    assert notes(ranked) == ["", "", "repeats passage 2", ""]


@pytest.mark.parametrize(
    ("word", "other"),
    [("900", "950"), ("60", "-60"), ("Kim", "Lee"), ("returns", "never returns"), ("euros", "dollars")],
)
def test_one_other_number_or_word_makes_another_statement(word: str, other: str) -> None:
    ranked = [row(CLAUSE), row(CLAUSE.replace(word, other), doc_id="e")]
    assert len(choose(ranked, 10, nowhere)) == 2


TABLE = "\n".join(
    f"| Segment {name} | {number} million dollars | {number + 7} % |" for number, name in enumerate("ABCDEFGH")
)


@pytest.mark.parametrize(
    "other",
    [
        TABLE.replace("| 7 million", "| 8 million"),
        TABLE.replace("| 9 %", "| (9) %"),
        TABLE.replace("| 9 %", "| % 9"),
        TABLE.replace("Segment A", "Segment ?").replace("Segment B", "Segment A").replace("Segment ?", "Segment B"),
    ],
    ids=["number", "sign", "place", "swapped"],
)
def test_tables_that_differ_in_a_number_are_both_shown(other: str) -> None:
    assert other != TABLE
    ranked = [row(TABLE), row(other, doc_id="e")]
    assert len(choose(ranked, 10, nowhere)) == 2


def test_a_row_that_says_more_than_a_better_passage_is_shown() -> None:
    ranked = [row(CLAUSE), row(f"{CLAUSE} The keys are handed over in person.", doc_id="e")]
    assert len(choose(ranked, 10, nowhere)) == 2


def test_short_text_is_repeated_within_its_document_only() -> None:
    ranked = [row("Status: approved."), row("Status:\n approved.", doc_id="e"), row("status: approved", page=2)]
    assert [piece.best.hit.doc_id for piece in choose(ranked, 10, nowhere)] == ["d", "e"]
    assert notes(ranked) == ["", "", "repeats passage 1"]


def test_rows_far_down_the_ranking_may_repeat_too() -> None:
    ranked = [row(CLAUSE), *elsewhere(JOINED_RANK), row(CLAUSE, doc_id="e"), *elsewhere(JOINED_RANK + 1)[-1:]]
    assert len(choose(ranked, 99, nowhere)) == JOINED_RANK + 2
    assert ranked[-2].left_out == "repeats passage 1"


def test_copies_of_a_joined_row_repeat_the_piece() -> None:
    pages: Pages = {("d", 1): words(0, 60), ("e", 1): words(0, 60)}
    ranked = [cut(pages, a, b, doc_id) for a, b in [(0, 207), (208, 479)] for doc_id in "de"]
    assert len(choose(ranked, 10, library(pages))) == 1
    assert notes(ranked) == ["", "repeats passage 1", "joined with passage 1", "repeats passage 1"]


def test_row_within_a_joined_piece_repeats_it() -> None:
    pages: Pages = {("d", 1): words(0, 60)}
    ranked = [cut(pages, 0, 207), cut(pages, 208, 479), cut(pages, 160, 247)]
    assert len(choose(ranked, 10, library(pages))) == 1
    assert ranked[2].left_out == "repeats passage 1"


# --- completion


def paragraphs(before: int, after: int) -> tuple[Pages, int, int]:
    """A page with a paragraph, and the span of its hit: `before` and `after` are the characters around the hit."""
    text = f"First paragraph.\n \n{'a' * before}THE HIT{'z' * after}\n\nLast paragraph."
    return {("d", 1): text}, text.index("THE HIT"), text.index("THE HIT") + 7


@pytest.mark.parametrize(
    ("before", "after", "completed"),
    [
        (0, 0, (0, 0)),
        (100, 100, (100, 100)),
        (COMPLETED_CHARACTERS, COMPLETED_CHARACTERS, (COMPLETED_CHARACTERS, COMPLETED_CHARACTERS)),
        (COMPLETED_CHARACTERS + 1, 9, (0, 9)),
        (9, COMPLETED_CHARACTERS + 1, (9, 0)),
    ],
)
def test_passage_is_completed_to_the_ends_of_its_paragraph_where_they_are_near(
    before: int, after: int, completed: tuple[int, int]
) -> None:
    pages, start, end = paragraphs(before, after)
    (piece,) = choose([cut(pages, start, end)], 10, library(pages))
    assert (start - piece.start, piece.end - end) == completed
    assert piece.text == pages["d", 1][piece.start : piece.end]


@pytest.mark.parametrize("beyond", [COMPLETED_CHARACTERS, COMPLETED_CHARACTERS + 1])
def test_ends_of_the_page_are_ends_of_a_paragraph(beyond: int) -> None:
    pages: Pages = {("d", 1): "a" * beyond + "THE HIT" + "z" * beyond}
    (piece,) = choose([cut(pages, beyond, beyond + 7)], 10, library(pages))
    is_near = beyond <= COMPLETED_CHARACTERS
    assert (piece.start, piece.end) == ((0, 2 * beyond + 7) if is_near else (beyond, beyond + 7))


def test_white_space_at_the_ends_of_a_page_is_left_out() -> None:
    pages: Pages = {("d", 1): "\n  one THE HIT two \n"}
    assert [piece.text for piece in choose([cut(pages, 7, 14)], 10, library(pages))] == ["one THE HIT two"]


@pytest.mark.parametrize("top_k", [1, 10])
def test_completion_stops_before_another_piece_even_if_that_is_not_shown(top_k: int) -> None:
    pages: Pages = {("d", 1): f"{words(0, 220)}\n\n{words(220, 230)}"}
    ranked = [cut(pages, 0, 1599), cut(pages, 1608, 1703)]
    assert spans(choose(ranked, top_k, library(pages))) == [(0, 1599), (1608, 1759)][:top_k]
    assert spans(choose(ranked[:1], top_k, library(pages))) == [(0, 1759)]


@pytest.mark.parametrize(
    ("first", "second", "completed"),
    [((0, 1599), (1440, 1815), (1440, 1831)), ((232, 1831), (16, 391), (0, 391))],
)
def test_completion_does_not_lengthen_an_overlap(
    first: tuple[int, int], second: tuple[int, int], completed: tuple[int, int]
) -> None:
    pages: Pages = {("d", 1): words(0, 229)}
    ranked = [cut(pages, *first), cut(pages, *second)]
    assert spans(choose(ranked, 10, library(pages))) == [first, completed]
    assert spans(choose(ranked[:1], 10, library(pages))) == [(0, 1831)]


def test_rows_far_down_the_ranking_show_no_text_of_better_passages() -> None:
    pages: Pages = {("d", 1): f"{words(0, 40)}\n\n{words(40, 140)}"}
    inside, across, between = cut(pages, 216, 311), cut(pages, 216, 480), cut(pages, 240, 472)
    beyond = cut(pages, 489, 800)
    ranked = [cut(pages, 0, 199), *elsewhere(JOINED_RANK), inside, across, between, beyond]
    pieces = choose(ranked, 99, library(pages))
    assert spans([pieces[0], *pieces[-2:]]) == [(0, 319), (321, 480), (489, 800)]
    assert [piece.best for piece in pieces[-2:]] == [across, beyond]
    assert (inside.left_out, between.left_out) == ("repeats passage 1", f"repeats passage {JOINED_RANK + 2}")


# --- text that isn't at hand


def test_without_the_pages_text_pieces_stay_as_they_are() -> None:
    pages: Pages = {("d", 1): words(0, 60)}
    ranked = [cut(pages, 8, 103), cut(pages, 104, 207), *elsewhere(JOINED_RANK), cut(pages, 160, 247)]
    pieces = choose(ranked, 99, nowhere)
    assert [(piece.text, piece.start, piece.end) for piece in pieces] == [
        (one.hit.text, one.hit.start, one.hit.end) for one in ranked
    ]


def test_text_that_is_no_longer_the_pages_stays_as_it_is() -> None:
    pages: Pages = {("d", 1): words(0, 60)}
    old = [row("an older reading of", 8), row("this very page.", 27)]
    assert [piece.text for piece in choose(old, 10, library(pages))] == [one.hit.text for one in old]
    mixed = [cut(pages, 0, 103), row("an older reading", 104)]
    assert len(choose(mixed, 10, library(pages))) == 2


def test_documents_without_pages_are_joined_and_completed_too() -> None:
    pages: Pages = {("d", None): words(0, 60)}
    ranked = [cut(pages, 0, 103, page=None), cut(pages, 104, 399, page=None)]
    assert [piece.text for piece in choose(ranked, 10, library(pages))] == [words(0, 60)]


# --- how many


@pytest.mark.parametrize(("top_k", "shown"), [(1, 1), (3, 3), (25, 25), (30, 30), (31, 30)])
def test_the_best_are_shown_and_the_others_ranked_too_low(top_k: int, shown: int) -> None:
    ranked = elsewhere(30)
    assert [piece.best for piece in choose(ranked, top_k, nowhere)] == ranked[:shown]
    assert notes(ranked) == [""] * shown + ["ranked too low"] * (30 - shown)


def test_a_row_that_repeats_or_joins_a_piece_that_is_not_shown_is_ranked_too_low() -> None:
    pages: Pages = {("d", 1): words(0, 60)}
    ranked = [*elsewhere(1), cut(pages, 0, 207), cut(pages, 208, 479), cut(pages, 8, 199)]
    assert len(choose(ranked, 1, library(pages))) == 1
    assert notes(ranked) == ["", *["ranked too low"] * 3]


def test_no_rows_give_no_pieces() -> None:
    assert choose([], 10, nowhere) == []


def test_a_passage_of_a_tables_rows_begins_with_its_title_and_head() -> None:
    rows = "\n".join(f"| Branch {number} | {number} |" for number in range(40))
    text = f"Our branches are here.\n\nSales (in thousands)\n\n| Branch | Sales |\n| --- | --- |\n{rows}\n\nThe end."
    pages: Pages = {("d", 1): text}
    start, end = text.index("| Branch 20 "), text.index("| Branch 30 ") - 1
    ranked = cut(pages, start, end)
    ranked.hit = ranked.hit._replace(context="report\nSales (in thousands)\n| Branch | Sales |")
    (piece,) = choose([ranked], 1, library(pages))
    assert piece.text.startswith("Sales (in thousands)\n\n| Branch | Sales |\n| --- | --- |\n| Branch 0 ")
    assert piece.context == "report"
    (piece,) = choose([ranked], 1, nowhere)
    assert piece.text.startswith("| Branch 20 ")
    assert piece.context == "report\nSales (in thousands)\n| Branch | Sales |"


def test_headings_above_a_table_stay_in_the_context_though_its_cells_have_their_words() -> None:
    rows = "\n".join(f"| Sales of branch {number} | {number} |" for number in range(40))
    pages: Pages = {("d", 1): f"| Branch | Sum |\n| --- | --- |\n{rows}"}
    text = pages["d", 1]
    ranked = cut(pages, text.index("| Sales of branch 20 "), text.index("| Sales of branch 30 ") - 1)
    ranked.hit = ranked.hit._replace(context="Sales\n| Branch | Sum |")
    (piece,) = choose([ranked], 1, library(pages))
    assert piece.text.startswith("| Branch | Sum |")
    assert piece.context == "Sales"
