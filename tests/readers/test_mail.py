"""Mails, EML and MSG, as a mail program shows them, and the files that are attached to them."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from email.message import EmailMessage

import pytest

from rag.errors import ReadError
from rag.readers.attachments import MOST, collecting, is_too_deep, name_within
from rag.readers.notices import collecting as collecting_notices
from rag.readers.read import read
from tests.readers.ole import attached_message, attachment, compressed_rtf, message_storage, ole

PNG = b"\x89PNG\r\n\x1a\n"
FILM = b"\0\0\0\x18ftypmp42"
SMIME = "application/pkcs7-mime"


def text_of(data: bytes, name: str = "mail.eml") -> str:
    (page,) = read(name, data)
    return page.text


def attached(data: bytes, name: str = "mail.eml") -> list[tuple[str, bytes]]:
    with collecting(len(data)) as attachments:
        read(name, data)
    return [(each.name, each.data) for each in attachments]


def notices(data: bytes, name: str = "mail.eml") -> list[str]:
    with collecting_notices() as sentences, collecting(len(data)):
        read(name, data)
    return sentences


def written(headers: str, body: bytes = b"Hello", kind: str = "text/plain; charset=utf-8") -> bytes:
    return f"{headers}\nContent-Type: {kind}\n\n".encode() + body


def mail(subject: str = "Prices", body: str = "See below.") -> EmailMessage:
    message = EmailMessage()
    message["From"], message["Subject"] = "Ute <ute@example.org>", subject
    message.set_content(body)
    return message


# --- header lines


def test_the_lines_above_a_mail_are_shown() -> None:
    data = written(
        'From: "Maier, Ute" <ute@example.org>\nTo: a@example.org,\n Bo <b@example.org>\nCc: c@example.org\n'
        "Received: from elsewhere\nDate: Tue, 3 Mar 2026 10:00:00 +0900\nSubject: The\n offer"
    )
    assert text_of(data) == (
        "# The offer\n\nFrom: Maier, Ute <ute@example.org>\nTo: a@example.org, Bo <b@example.org>\n"
        "Cc: c@example.org\nDate: Tue, 3 Mar 2026 10:00:00 +0900\n\nHello"
    )


def test_encoded_words_are_decoded_even_where_a_character_is_divided_between_two() -> None:
    encoded = "견적서 송부".encode()
    halves = (base64.b64encode(encoded[:4]).decode(), base64.b64encode(encoded[4:]).decode())
    name = base64.b64encode("김민수".encode("cp949")).decode()
    data = written(
        f"Subject: =?UTF-8?B?{halves[0]}?=\n =?utf-8?b?{halves[1]}?= (1)\n"
        f'From: "=?ks_c_5601-1987?B?{name}?=" <kim@example.org>\nTo: =?iso-8859-1?Q?J=F6rg_Maier?= <j@example.org>'
    )
    text = text_of(data)
    assert text.startswith("# 견적서 송부 (1)\n\nFrom: 김민수 <kim@example.org>\nTo: Jörg Maier <j@example.org>")


def test_header_lines_in_bytes_of_another_encoding_are_decoded() -> None:
    assert text_of("Subject: 견적서 송부 안내\n\nHello".encode("cp949")) == "# 견적서 송부 안내\n\nHello"


def test_recipients_without_addresses_are_shown() -> None:
    assert "To: undisclosed-recipients\n" in text_of(written("Subject: x\nTo: undisclosed-recipients:;"))


# --- bodies


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("quoted-printable", b"Der Preis betr=C3=A4gt=\n 300 Euro."),
        ("base64", base64.b64encode("Der Preis beträgt 300 Euro.".encode())),
        ("8bit", "Der Preis beträgt 300 Euro.".encode()),
    ],
)
def test_bodies_are_decoded(encoding: str, body: bytes) -> None:
    data = written(f"Subject: x\nContent-Transfer-Encoding: {encoding}", body)
    assert text_of(data) == "# x\n\nDer Preis beträgt 300 Euro."


@pytest.mark.parametrize("charset", ["euc-kr", "ks_c_5601-1987", "cp949", "us-ascii"])
def test_korean_bodies_are_read_whatever_they_declare(charset: str) -> None:
    body = "견적은 부가세를 포함해 300만 원입니다.".encode("cp949")
    assert "견적은 부가세를 포함해 300만 원입니다." in text_of(
        written("Subject: x", body, f"text/plain; charset={charset}")
    )


def test_of_alternatives_the_richest_is_read() -> None:
    message = mail(body="Name Price\nFerry 9")
    message.add_alternative("<table><tr><th>Name<th>Price<tr><td>Ferry<td>9</table>", subtype="html")
    assert "Name Price" not in text_of(bytes(message))
    assert "| Ferry | 9 |" in text_of(bytes(message))


def test_an_empty_alternative_gives_way_to_one_with_text() -> None:
    message = mail(body="Only here.")
    message.add_alternative("<html><body> </body></html>", subtype="html")
    assert text_of(bytes(message)).endswith("\n\nOnly here.")


def test_quoted_replies_are_kept() -> None:
    assert text_of(bytes(mail(body="Yes.\n\n> At 9?\n>> Or later?"))).endswith("Yes.\n\n> At 9?\n>> Or later?")


def test_flowed_lines_are_joined_within_their_quotation() -> None:
    body = b"One line that \r\ngoes on.\r\n> Quoted \r\n> on.\r\n> End.\r\n-- \r\nUte"
    text = text_of(written("Subject: x", body, "text/plain; format=flowed"))
    assert text == "# x\n\nOne line that goes on.\n> Quoted on.\n> End.\n--\nUte"


def test_several_texts_of_a_mail_are_read_in_order() -> None:
    body = b"--b\n\nFirst\n--b\nContent-Type: text/html\n\n<p>Second</p>\n--b\n\nThird\n--b--\n"
    assert text_of(written("Subject: x", body, "multipart/mixed; boundary=b")).split("\n\n")[1:] == [
        "First",
        "Second",
        "Third",
    ]


@pytest.mark.parametrize(
    "ending", [b"", b"\n--b", b"\n--b\nContent-Type: image/png\nContent-Transfer-Encoding: base64\n\niV"]
)
def test_a_mail_that_was_cut_off_is_read_as_far_as_it_goes(ending: bytes) -> None:
    body = b"--b\nContent-Type: text/plain\n\nThe first part." + ending
    assert "The first part." in text_of(written("Subject: x", body, "multipart/mixed; boundary=b"))


def test_a_forwarded_mail_is_read_in_its_place_with_its_attachments() -> None:
    inner = mail("Inner", "The inner text.")
    inner.add_attachment(b"a,b\n1,2\n", maintype="text", subtype="csv", filename="inner.csv")
    outer = mail("Outer")
    outer.add_attachment(inner)
    text = text_of(bytes(outer))
    assert text.index("# Outer") < text.index("See below.") < text.index("## Inner") < text.index("The inner text.")
    assert attached(bytes(outer)) == [("inner.csv", b"a,b\n1,2\n")]


def test_mails_one_in_the_other_end_somewhere() -> None:
    message = mail("Innermost", "The innermost text.")
    for _ in range(20):
        outer = mail("Outer")
        outer.add_attachment(message)
        message = outer
    (sentence,) = notices(bytes(message))
    assert "innermost" in sentence
    assert "The innermost text." not in text_of(bytes(message))


def test_a_saved_web_page_is_read_without_header_lines() -> None:
    page = "<title>Fares</title><p>9 Euro für alle</p>".encode("cp1252")
    parts = b"--b\nContent-Type: image/png\n\nxx\n--b\nContent-Type: text/html; charset=windows-1252\n\n" + page
    data = written("From: <Saved by a browser>\nSubject: Fares", parts + b"\n--b--", "multipart/related; boundary=b")
    assert text_of(data, "page.mht") == text_of(data, "page.mhtml") == "# Fares\n\n9 Euro für alle"


INVITATION = """BEGIN:VCALENDAR
BEGIN:VTIMEZONE
DTSTART:19700101T000000
END:VTIMEZONE
BEGIN:VEVENT
DTSTART;TZID="Asia/Seoul":20260303T100000
DTEND;TZID=Asia/Seoul:20260303T113000
RRULE:FREQ=WEEKLY;UNTIL=20260501
LOCATION:Room 5\\, the old
  pier
BEGIN:VALARM
TRIGGER:-PT15M
END:VALARM
END:VEVENT
BEGIN:VEVENT
DTSTART;VALUE=DATE:20260401
END:VEVENT
END:VCALENDAR
"""


def test_an_appointment_is_shown_beside_the_text() -> None:
    message = mail("Meeting", "Please come.")
    message.add_alternative(INVITATION, subtype="calendar")
    message.add_attachment(INVITATION.encode(), maintype="application", subtype="ics", filename="invite.ics")
    assert text_of(bytes(message)) == (
        "# Meeting\n\nFrom: Ute <ute@example.org>\nAttachments: invite.ics\n"
        "When: 2026-03-03 10:00 (Asia/Seoul) to 2026-03-03 11:30 (Asia/Seoul)\nWhere: Room 5, the old pier\n"
        "Repeats: weekly\nWhen: 2026-04-01\n\nPlease come."
    )
    assert attached(bytes(message)) == [] and notices(bytes(message)) == []
    start = datetime(2026, 3, 3, 1, tzinfo=UTC)
    appointment = ole(message_storage({0x37: "Meeting", 0x60: start, 0x61: start.replace(hour=2)}))
    assert "When: 2026-03-03 01:00 (UTC) to 2026-03-03 02:00 (UTC)" in text_of(appointment, "a.msg")


def test_a_mail_of_apple_mail_ends_where_it_says() -> None:
    data = written("Subject: x", b"The end.\n")
    assert text_of(b"%d \n" % len(data) + data + b"<?xml version='1.0'?><plist/>", "1.emlx") == "# x\n\nThe end."
    assert text_of(b"\xef\xbb\xbf\r\n" + data) == "# x\n\nThe end."


# --- sealed mails


def sealed(content: bytes, kind: int, *, in_pieces: bool = False) -> bytes:
    """A message of S/MIME: `kind` is 2 for one that is signed, 3 for one that is encrypted."""
    octets = b"\x04\x82" + len(content).to_bytes(2) + content
    if in_pieces:
        octets = b"$\x80" + b"".join(b"\x04\x01" + content[at : at + 1] for at in range(len(content))) + b"\0\0"
    oid = b"\x06\x09*\x86H\x86\xf7\r\x01\x07"
    return b"0\x80" + oid + bytes([kind]) + b"\xa0\x800\x80\x02\x01\x011\0" + b"0\x80" + oid + b"\x01\xa0\x80" + octets


def smime(data: bytes) -> bytes:
    encoded = base64.encodebytes(data)
    return written("Subject: Secret\nContent-Transfer-Encoding: base64", encoded, f"{SMIME}; name=smime.p7m")


PGP = b"-----BEGIN PGP MESSAGE-----\n\nhQEMA\n-----END PGP MESSAGE-----\n"


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("smime.eml", smime(sealed(b"", 3))),
        ("pgp.eml", written("Subject: x", PGP)),
        ("mime.eml", written("Subject: x", b"--b\n\nVersion: 1\n--b\n\nxx\n--b--", "multipart/encrypted; boundary=b")),
        ("smime.msg", ole(message_storage({0x1A: "IPM.Note.SMIME"}, (), [attachment("smime.p7m", sealed(b"", 3))]))),
    ],
)
def test_an_encrypted_mail_is_named_so(name: str, data: bytes) -> None:
    with pytest.raises(ReadError, match=rf"^{name} is an encrypted mail, .* add those\.$"):
        read(name, data)


@pytest.mark.parametrize("in_pieces", [False, True])
def test_a_signed_mail_is_read(in_pieces: bool) -> None:
    content = b"Content-Type: text/plain\r\n\r\nSigned words."
    data = sealed(content, 2, in_pieces=in_pieces)
    assert text_of(smime(data)) == "# Secret\n\nSigned words."
    message = message_storage({0x1A: "IPM.Note.SMIME", 0x37: "Secret"}, (), [attachment("smime.p7m", data)])
    assert text_of(ole(message), "a.msg") == "# Secret\n\nSigned words."


def test_a_signature_beside_the_text_is_no_attachment() -> None:
    parts = b"--b\n\nSigned words.\n--b\nContent-Type: application/pkcs7-signature; name=smime.p7s\n\nxx\n--b--"
    data = written("Subject: x", parts, "multipart/signed; boundary=b")
    assert text_of(data) == "# x\n\nSigned words."
    assert attached(data) == [] and notices(data) == []
    entity = attachment("smime.p7m", b"Content-Type: multipart/signed; boundary=b\n\n" + parts)
    message = message_storage({0x1A: "IPM.Note.SMIME.MultipartSigned", 0x37: "x"}, (), [entity])
    assert text_of(ole(message), "a.msg") == "# x\n\nSigned words."


# --- attachments


def test_attachments_are_named_and_collected() -> None:
    message = mail()
    message.add_attachment(b"a,b\n1,2\n", maintype="text", subtype="csv", filename="가격표.csv")
    message.add_attachment(b"%PDF-1.4", maintype="application", subtype="pdf")
    message.add_attachment("Notes", filename="notes.txt")
    assert attached(bytes(message)) == [
        ("가격표.csv", b"a,b\n1,2\n"),
        ("attachment 2.pdf", b"%PDF-1.4"),
        ("notes.txt", b"Notes\n"),
    ]
    assert "\nAttachments: 가격표.csv, attachment 2.pdf, notes.txt\n" in text_of(bytes(message))
    assert "Notes" not in text_of(bytes(message))


def test_a_name_in_encoded_words_is_decoded() -> None:
    name = base64.b64encode("가격표.csv".encode("cp949")).decode()
    part = f'--b\nContent-Type: text/csv; name="=?euc-kr?B?{name}?="\nContent-Disposition: attachment\n\na,b\n--b--'
    data = written("Subject: x", b"--b\n\nHello\n" + part.encode(), "multipart/mixed; boundary=b")
    assert attached(data) == [("가격표.csv", b"a,b")]


def test_a_file_that_cannot_be_read_is_told() -> None:
    message = mail()
    message.add_attachment(FILM, maintype="video", subtype="mp4", filename="film.mp4")
    assert attached(bytes(message)) == []
    (sentence,) = notices(bytes(message))
    assert sentence.startswith("Attachment not added: film.mp4 is a film") and "not supported" in sentence


def test_pictures_within_the_text_are_no_attachments() -> None:
    message = mail()
    message.add_alternative('<p>See <img src="cid:logo@example">below</p>', subtype="html")
    html = message.get_payload(1)
    assert isinstance(html, EmailMessage)
    html.add_related(PNG, "image", "png", cid="<logo@example>", filename="logo.png")
    message.add_attachment(PNG + b"scan", maintype="image", subtype="png", filename="scan.png")
    assert "\nAttachments: scan.png\n" in text_of(bytes(message))
    assert "logo" not in " ".join(notices(bytes(message)))


def test_attachments_are_bounded_in_number_and_size() -> None:
    message = mail()
    for number in range(MOST + 5):
        message.add_attachment(f"{number}", filename=f"{number}.txt")
    assert len(attached(bytes(message))) == MOST
    assert f"the first {MOST} attachments" in notices(bytes(message))[0]
    # Attachments of an OLE file may share their bytes.
    file = ole(message_storage({0x37: "x"}, (), [attachment(f"{n}.txt", b"same bytes" * 1000) for n in range(3)]))
    with collecting(15_000) as attachments:
        read("a.msg", file)
    assert [each.name for each in attachments] == ["0.txt"]


def test_names_tell_how_deep_an_attachment_lies() -> None:
    name = "offer.eml"
    for _ in range(3):
        assert not is_too_deep(name)
        name = name_within(name, "a very long name, " * 20 + ".eml")
    assert is_too_deep(name)
    assert name.startswith("offer.eml › ") and name.endswith(".eml") and len(name) <= 255


# --- Outlook

RTF_OF_HTML = (
    rb"{\rtf1\ansi\ansicpg1252\fromhtml1 \deff0{\fonttbl{\f0\fswiss\fcharset0 Arial;}{\f1\fnil\fcharset129 Malgun;}}"
    rb"{\*\htmltag19 <html>}{\*\htmltag64 <p>}\htmlrtf \par {\b not shown}\htmlrtf0 Caf\'e9 {\*\htmltag84 <b>}"
    rb"\htmlrtf {\b\htmlrtf0 open{\*\htmltag92 </b>}\htmlrtf }\htmlrtf0 \u-10179?\u-8704?"
    rb"{\htmlrtf\f1\htmlrtf0 \'b0\'a1}{\*\htmltag72 </p>}}"
)


def test_an_outlook_message_is_written_like_any_mail() -> None:
    message = message_storage(
        {
            0x37: "\x01\x05RE: 견적",
            0x42: "김민수",
            0x5D02: "kim@example.org",
            0x39: datetime(2026, 3, 3, 1, tzinfo=UTC),
            0x1000: "300",
        },
        [(1, "Bo", "b@example.org"), (2, "'c@example.org'", "c@example.org"), (1, "Jo", "/O=EXCHANGE/CN=JO")],
    )
    assert text_of(ole(message), "a.msg") == (
        "# RE: 견적\n\nFrom: 김민수 <kim@example.org>\nTo: Bo <b@example.org>, Jo\nCc: c@example.org\n"
        "Date: Tue, 03 Mar 2026 01:00:00 +0000\n\n300"
    )


@pytest.mark.parametrize(
    ("values", "body"),
    [
        ({0x1013: "<p>값은 <b>300</b>만 원</p>".encode("cp949"), 0x3FDE: 949, 0x1000: "plain"}, "값은 300만 원"),
        ({0x1009: compressed_rtf(RTF_OF_HTML), 0x1000: "plain"}, "Café open😀가"),
        ({0x1009: compressed_rtf(rb"{\rtf1\ansi The {\b rich} text}"), 0x1000: "plain"}, "The rich text"),
        ({0x1009: compressed_rtf(rb"{\rtf1\ansi\fromtext The rich text}"), 0x1000: "plain"}, "plain"),
        ({0x1009: b"no compressed RTF at all", 0x1000: "plain"}, "plain"),
        ({-0x1000: "값은 300만 원".encode("cp949"), 0x3FFD: 949}, "값은 300만 원"),
    ],
)
def test_the_richest_body_of_an_outlook_message_is_read(values: dict, body: str) -> None:
    assert text_of(ole(message_storage({0x37: "x", **values})), "a.msg") == f"# x\n\n{body}"


def test_compressed_rtf_refers_to_what_came_before() -> None:
    from rag.readers.outlook_rtf import decompressed

    # The example of [MS-OXRTFCP], 3.1.
    data = "2d0000002b0000004c5a4675f1c5c7a703000a007263706731323542320af32068656c090020627705b06c647d0a800fa0"
    assert decompressed(bytes.fromhex(data)) == rb"{\rtf1\ansi\ansicpg1252\pard hello world}" + b"\r\n"


def test_attachments_and_messages_of_an_outlook_message() -> None:
    inner = message_storage({0x37: "Inner", 0x1000: "Inner text"}, (), [attachment("in.csv", b"a,b")], is_inner=True)
    table = b"a,b\n" * 2000  # beyond the small streams of an OLE file
    files = [
        attachment("table.csv", table),
        attachment("logo.png", PNG, content_id="logo"),
        attachment("scan", b"%PDF-1.4", mime_type="application/pdf"),
        attached_message(inner),
    ]
    data = ole(message_storage({0x37: "Outer", 0x1013: b'<p>See <img src="cid:logo"></p>'}, (), files))
    assert attached(data, "a.msg") == [("table.csv", table), ("scan.pdf", b"%PDF-1.4"), ("in.csv", b"a,b")]
    expected = "# Outer\n\nAttachments: table.csv, scan.pdf\n\nSee\n\n## Inner\n\nAttachments: in.csv\n\nInner text"
    assert text_of(data, "a.msg") == expected


def test_a_word_file_attached_to_an_outlook_message_does_not_hide_the_message() -> None:
    old_word = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "WordDocument".encode("utf-16-le")
    data = ole(message_storage({0x37: "x", 0x1000: "The text"}, (), [attachment("old.doc", old_word)]))
    assert text_of(data, "a.bin") == "# x\n\nAttachments: old.doc\n\nThe text"
