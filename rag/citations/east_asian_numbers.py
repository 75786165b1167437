"""Reads numbers in Chinese characters and in Korean syllables before a counter: 三十六か月 and 삼십육 개월 are 36."""

from __future__ import annotations

import re
from collections.abc import Iterator

_DIGITS = {sign: value for signs in ("一二三四五六七八九", "일이삼사오육칠팔구") for value, sign in enumerate(signs, 1)}
_DIGITS |= {"〇": 0, "零": 0, "两": 2, "兩": 2}
_TENS = {"十": 10, "百": 100, "千": 1000, "십": 10, "백": 100, "천": 1000}
_MYRIADS = {"万": 10**4, "萬": 10**4, "만": 10**4, "億": 10**8, "亿": 10**8, "억": 10**8}
# A number has two signs at least, and stands before a counter: a single sign is part of too many words.
_HAN = "〇零一二两兩三四五六七八九十百千万萬億亿"
_PATTERN = re.compile(
    rf"(?<![{_HAN}\d])(?:[{_HAN}]{{2,}}|[两兩])"
    r"(?=\s?(?:か月|ヶ月|ヵ月|个月|個月|[年月日人名位円元圆歳岁台件枚本冊回次階层層章条条頁页块天周週家所米里公]|メートル|キロ|%|パーセント))"
    r"|(?<!\w)[일이삼사오육칠팔구십백천만억]{2,}(?: [일이삼사오육칠팔구십백천만억]{2,})*"
    r"(?=\s?(?:개월|년|월|일|명|원|세|대|건|개|점|권|회|차|층|장|시간|분|초|주|배|톤|미터|킬로|달러|%|퍼센트))"
)


def numbers_in_characters(text: str) -> Iterator[tuple[re.Match[str], float]]:
    """The matches of such numbers in a text, each with its value."""
    for match in _PATTERN.finditer(text):
        whole = part = digit = 0
        for sign in match[0]:
            if sign in _DIGITS:
                digit = 10 * digit + _DIGITS[sign]
            elif sign in _TENS:
                part, digit = part + (digit or 1) * _TENS[sign], 0
            else:
                whole, part, digit = whole + (part + digit or 1) * _MYRIADS[sign], 0, 0
        yield match, float(whole + part + digit)
