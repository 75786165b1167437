"""Bytes → text: finds the encoding, and decodes."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator

import charset_normalizer

from rag.readers import letter_pairs
from rag.readers.faults import Fault, Kind

# Bytes decoded at a time, so that a long text isn't in memory several times over.
PIECE_BYTES = 1_000_000

# UTF-32 comes first: its little-endian mark begins with the mark of UTF-16.
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

# The commonest characters of a language make up about half of any text in it. Read in another language's encoding, the
# same bytes have nearly none of them. A few words are enough to tell; statistics over byte pairs need more.
_KOREAN = (
    "이다의는을에가하지한고로를은기도사자시정대인리어서나부해일제수그스전들원상라보과비아장구것여동으성있만안"
    "주게및와년계조적일소했였되업개회관내용관위경할요세합니습까면모문국방법방선공보생중학물무우연출명음간신화등"
    "유분금설치진식행결작산실재통영민당단직무오미러트프터파크데입려없않때또각네두본히김박최휴월급근외직품매"
)
_KANA = "".join(map(chr, range(0x3041, 0x3094))) + "".join(map(chr, range(0x30A1, 0x30F7))) + "ー々"
_HAN = (
    "的一是不了在人有中大国國上个個我以要他时時来來用们們生到作地于於出就分对對成会會可主发發年动動同工也能下过過子"
    "说說产產种種面而方后後多定行学學法所民得经經十三之进進着著等部度家电電力里裡如水化高自二理起小物现現实實加量都"
    "两兩体體制机機当當使点點从從业業本去把性好应應开開它合还還因由其些然前外天政四日那社义義事平形相全表间間样樣与與"
    "关關各重新线線内內数數正心反你明看原又么麼利比或但质質气氣第向道命此变變条條只没沒结結解问問意建月公无無系系"
    "東京都市会社員名前年齢住所時間円入売上必要場合書場姓名部门門司收报報告销售銷售研长長百员員工手册冊规規"
)
_WESTERN = "éèêëàâäáãåçñíîïìóôöòõøúûüùßæœÉÀÄÖÜÇÑÅØ’‘“”–—…•€£§°«»·©®¿¡ºª´½"

_COMMON = {
    "cp949": frozenset(_KOREAN),
    "johab": frozenset(_KOREAN),
    "cp932": frozenset(_KANA + _HAN),
    "euc_jp": frozenset(_KANA + _HAN),
    "gb18030": frozenset(_HAN),
    "big5hkscs": frozenset(_HAN),
    "cp1252": frozenset(_WESTERN),
}
_CJK_PUNCTUATION = frozenset("，。、：；「」『』（）《》・！？“”‘’·○△□※　")
# Signs within words, or runs of accented letters: they show that another single-byte encoding was read as cp1252.
_NOT_WESTERN = re.compile("(?<=[^\\W\\d_])[\u00a1-\u00bf](?=[^\\W\\d_])|[\u00c0-\u00ff]{3}")
# East Asian characters within a Latin word: they show that accented letters were read as pairs of bytes.
_WITHIN_WORD = re.compile("(?<=[a-z])[\u1100-\uffdc]{1,2}(?=[a-z])")
_ANY_COMMON = frozenset().union(*_COMMON.values())
_SAMPLE_BYTES = 65_536
# With a smaller share of common characters the guess is left to charset_normalizer, which knows more languages.
_SURE = 0.15
# With this share nothing else counts. Between the two, a text whose pairs of letters cost little in an encoding of
# single bytes is in that encoding.
_VERY_SURE = 0.5
_LOW_COST = 11.5

# Control bytes that no text has: all but the NULs of wide encodings, tabs, line ends, and Escape of ISO 2022.
_CONTROL_BYTES = bytes({*range(1, 9), *range(14, 27), 28, 29, 30, 31, 127})
# Their escape sequences name these encodings.
_ISO_2022 = {b"\x1b$B": "iso2022_jp_2", b"\x1b$@": "iso2022_jp_2", b"\x1b$)C": "iso2022_kr"}


def decode(data: bytes, declared: str | None = None) -> str:
    """The text in `data`. Its encoding is told by a byte order mark, else UTF-8, else `declared`, else guessed.

    UTF-8 goes before `declared`, since a text in any other encoding is hardly ever valid UTF-8. A few bad bytes become
    U+FFFD. Raises Fault for bytes that aren't text.
    """
    return data.decode(_encoding(data, declared), "replace").removeprefix("\ufeff")


def decode_pieces(data: bytes) -> Iterator[str]:
    """Like `decode`, but in pieces that are cut anywhere. Raises Fault for bytes that aren't text."""
    encoding = _encoding(data, None)
    if encoding in _ISO_2022.values():  # Python's incremental decoders lose bytes at a cut
        yield data.decode(encoding, "replace")
        return
    pieces = _decoded(data, encoding, "replace")
    yield next(pieces, "").removeprefix("\ufeff")
    yield from pieces


def _decoded(data: bytes, encoding: str, errors: str) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(encoding)(errors)
    for begin in range(0, len(data), PIECE_BYTES):
        end = begin + PIECE_BYTES
        yield decoder.decode(data[begin:end], end >= len(data))


def _encoding(data: bytes, declared: str | None) -> str:
    for mark, encoding in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return encoding
    if b"\0" in data and (wide := _wide_encoding(data)):
        return wide
    _refuse_binary(data)
    if b"\x1b" in data:
        for escape, encoding in _ISO_2022.items():
            if escape in data:
                return encoding
    if _is_utf8(data):
        return "utf-8"
    if declared and (encoding_declared := _as_declared(data, declared)):
        return encoding_declared
    return _guess(_sample(data))


def _wide_encoding(data: bytes) -> str | None:
    """The encoding of UTF-16 or UTF-32 without a byte order mark, else None. In these encodings the ASCII spaces and
    line ends of any language have NULs."""
    sample = data[: _SAMPLE_BYTES // 4 * 4]
    best, best_score = None, 0.5
    for encoding, width in (("utf-32-le", 4), ("utf-32-be", 4), ("utf-16-le", 2), ("utf-16-be", 2)):
        if len(data) % width:
            continue
        text = sample.decode(encoding, "replace")
        good = sum(
            1 for char in text if (char.isascii() and (char.isprintable() or char in "\t\r\n")) or char in _ANY_COMMON
        )
        # No text has a NUL, so a decoded NUL speaks against an encoding.
        score = (good - 3 * text.count("\0")) / max(len(text), 1)
        if score > best_score:
            best, best_score = encoding, score
    return best


def _refuse_binary(data: bytes) -> None:
    sample = data[:_SAMPLE_BYTES]
    controls = len(sample) - len(sample.translate(None, _CONTROL_BYTES))
    if controls > max(2, len(sample) // 50) or sample.count(0) > max(4, len(sample) // 5):
        raise Fault(Kind.DAMAGED, "a text file")


def _is_utf8(data: bytes) -> bool:
    try:
        for _ in _decoded(data, "utf-8", "strict"):
            pass
        return True
    except UnicodeDecodeError:
        pass
    bad = foreign = 0
    for text in _decoded(data, "utf-8", "replace"):
        bad += text.count("\ufffd")
        foreign += len(text) - len(text.encode("ascii", "ignore"))
    return foreign - bad >= 4 * bad


def _as_declared(data: bytes, declared: str) -> str | None:
    # Pages that declare EUC-KR or Shift_JIS use Microsoft's supersets of them; browsers decode them so, too.
    wider = {"euc-kr": "cp949", "ks_c_5601-1987": "cp949", "shift_jis": "cp932", "gb2312": "gb18030", "gbk": "gb18030"}
    wider |= {"iso-8859-1": "cp1252", "us-ascii": "cp1252", "big5": "big5hkscs"}
    if declared.lower() in {"punycode", "idna"}:  # encodings to Python, too, but decoding takes hours
        return None
    encoding = wider.get(declared.lower(), declared)
    try:
        text = data.decode(encoding, "replace")
    except (LookupError, UnicodeError):
        return None
    return encoding if text.count("\ufffd") <= len(text) // 100 else None


def _sample(data: bytes) -> bytes:
    """The first lines with bytes beyond ASCII: only they tell encodings apart. At most about 2 * _SAMPLE_BYTES."""
    lines: list[bytes] = []
    size = 0
    for match in re.finditer(rb"[^\r\n]+", data):
        line = match[0]
        if not line.isascii():
            lines.append(line[:_SAMPLE_BYTES])
            size += len(lines[-1])
            if size >= _SAMPLE_BYTES:
                break
    return b"\n".join(lines)


def _guess(sample: bytes) -> str:
    scores = {encoding: _score(sample.decode(encoding, "replace"), common) for encoding, common in _COMMON.items()}
    best = max(scores, key=scores.__getitem__)
    single = letter_pairs.guess(sample)
    cost = single.cost if single else _LOW_COST
    if best != "cp1252" and (scores[best] >= _VERY_SURE or (scores[best] >= _SURE and cost > _LOW_COST)):
        return best
    if single and single.is_likely:
        return single.encoding
    if scores[best] >= _SURE:
        return best
    guessed = charset_normalizer.from_bytes(sample).best()
    if guessed is not None:
        return guessed.encoding
    if scores[best] > 0:
        return best
    raise Fault(Kind.DAMAGED, "a text file in a known encoding")


def _score(text: str, common: Iterable[str]) -> float:
    """The share of the characters beyond ASCII that are in `common`. Undecodable and private characters lower it."""
    foreign = [char for char in text if char > "\x7f" and char not in _CJK_PUNCTUATION - _COMMON["cp1252"]]
    if not foreign:
        return 0.0
    good = sum(1 for char in foreign if char in common)
    bad = sum(1 for char in foreign if char == "\ufffd" or "\ue000" <= char <= "\uf8ff" or "\x80" <= char <= "\x9f")
    halfwidth = sum(1 for char in foreign if "\uff61" <= char <= "\uff9f")
    if common is _COMMON["cp1252"]:
        bad += 3 * len(_NOT_WESTERN.findall(text))
    else:
        good -= len(_WITHIN_WORD.findall(text))
    return (good - 3 * bad - halfwidth / 2) / len(foreign)
