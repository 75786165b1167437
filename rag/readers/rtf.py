"""RTF."""

from __future__ import annotations

import re

from striprtf.striprtf import rtf_to_text

from rag.readers.faults import Fault, Kind


def read_rtf(data: bytes) -> str:
    """The text of an RTF document, table cells joined with bars. Raises Fault if the document can't be parsed."""
    # Long runs of hex digits are pictures. striprtf would read them digit by digit.
    data = re.sub(rb"[0-9a-fA-F\r\n]{1024,}", b"", data)
    # Bytes above ASCII are in the document's code page. striprtf decodes them only if they are escaped.
    data = re.sub(rb"[\x80-\xff]", lambda match: b"\\'%02x" % match[0][0], data)
    try:
        return str(rtf_to_text(data.decode("ascii"), errors="replace"))  # type: ignore[no-untyped-call]
    except (ValueError, LookupError, TypeError, IndexError) as error:
        raise Fault(Kind.DAMAGED, "an RTF document") from error
