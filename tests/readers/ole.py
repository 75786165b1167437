"""Writes OLE files (Microsoft's compound files, [MS-CFB]) and Outlook messages in them ([MS-OXMSG])."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from datetime import UTC, datetime

# A storage: names → streams and storages.
Tree = dict[str, "bytes | Tree"]

SECTOR, MINI = 512, 64
FREE, END, FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD


def ole(tree: Tree) -> bytes:
    """An OLE file. A directory's entries hang in a chain, which readers take for a tree that isn't balanced."""
    entries: list[dict] = [{"name": "Root Entry", "kind": 5, "child": FREE, "right": FREE, "data": b""}]

    def add(content: Tree) -> int:
        first = FREE
        for name in sorted(content, key=lambda each: (len(each), each.upper()), reverse=True):
            value = content[name]
            is_stream = isinstance(value, bytes)
            entry = {"name": name, "kind": 2 if is_stream else 1, "child": FREE, "right": first, "data": b""}
            entries.append(entry)
            first = len(entries) - 1
            if is_stream:
                entry["data"] = value
            else:
                entry["child"] = add(value)
        return first

    entries[0]["child"] = add(tree)
    mini, mini_fat = b"", []
    sectors: list[bytes] = []
    fat: list[int] = []

    def put(data: bytes) -> int:
        """The data's first sector."""
        pieces = [data[at : at + SECTOR].ljust(SECTOR, b"\0") for at in range(0, len(data), SECTOR)]
        first = len(sectors)
        sectors.extend(pieces)
        fat.extend([*range(first + 1, first + len(pieces)), END] if pieces else [])
        return first if pieces else END

    for entry in entries[1:]:
        data = entry["data"]
        if entry["kind"] == 2 and len(data) < 4096:
            count = -(-len(data) // MINI)
            entry["start"] = len(mini_fat) if count else END
            mini_fat += [*range(len(mini_fat) + 1, len(mini_fat) + count), END] if count else []
            mini += data.ljust(count * MINI, b"\0")
        else:
            entry["start"] = put(data)
    entries[0]["data"], entries[0]["start"] = mini, put(mini)
    mini_start = put(b"".join(struct.pack("<I", each) for each in mini_fat).ljust(SECTOR, b"\xff"))
    directory = b""
    for entry in entries:
        name = entry["name"].encode("utf-16-le")
        directory += name.ljust(64, b"\0") + struct.pack("<HBB", len(name) + 2, entry["kind"], 1)
        directory += struct.pack("<III", FREE, entry["right"], entry["child"]) + b"\0" * 36
        directory += struct.pack("<IQ", entry["start"] if entry["kind"] != 1 else 0, len(entry["data"]))
    directory_start = put(directory)
    fat_sectors = 1
    while (len(sectors) + fat_sectors) * 4 > fat_sectors * SECTOR:
        fat_sectors += 1
    fat_start = len(sectors)
    fat += [FAT] * fat_sectors
    table = b"".join(struct.pack("<I", each) for each in fat).ljust(fat_sectors * SECTOR, b"\xff")
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 16 + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + b"\0" * 6
    header += struct.pack("<IIIII", 0, fat_sectors, directory_start, 0, 4096)
    header += struct.pack("<IIII", mini_start, -(-len(mini_fat) * 4 // SECTOR) or 1, END, 0)
    header += b"".join(struct.pack("<I", fat_start + each) for each in range(fat_sectors)).ljust(436, b"\xff")
    return header + b"".join(sectors) + table


def properties(header: int, values: dict[int, str | bytes | int | datetime | bool]) -> Tree:
    """The streams of a storage's properties. A text in bytes is a "string8" if its number is negative."""
    streams: Tree = {}
    table = b"\0" * header
    for number, value in values.items():
        match value:
            case bool():
                table += struct.pack("<HHIQ", 0x0B, number, 6, value)
            case int():
                table += struct.pack("<HHIQ", 0x03, number, 6, value)
            case datetime():
                since = value - datetime(1601, 1, 1, tzinfo=UTC)
                table += struct.pack("<HHIQ", 0x40, number, 6, int(since.total_seconds()) * 10_000_000)
            case str():
                streams[f"__substg1.0_{number:04X}001F"] = value.encode("utf-16-le")
            case bytes():
                kind = "001E" if number < 0 else "0102"
                streams[f"__substg1.0_{abs(number):04X}{kind}"] = value
    return {**streams, "__properties_version1.0": table}


def attachment(name: str, data: bytes, **more: str) -> Tree:
    """The storage of an attached file. `content_id` and `mime_type` may be given."""
    values: dict[int, str | bytes | int | datetime | bool] = {0x3707: name, 0x3701: data, 0x3705: 1}
    values |= {{"content_id": 0x3712, "mime_type": 0x370E}[key]: value for key, value in more.items()}
    return properties(8, values)


def attached_message(message: Tree) -> Tree:
    """The storage of an attached message, which `message_storage` has made with `is_inner`."""
    return {**properties(8, {0x3705: 5}), "__substg1.0_3701000D": message}


def message_storage(
    values: dict[int, str | bytes | int | datetime | bool],
    recipients: Sequence[tuple[int, str, str]] = (),
    attachments: Sequence[Tree] = (),
    *,
    is_inner: bool = False,
) -> Tree:
    """A message's storage. A recipient is a type (1 To, 2 Cc, 3 Bcc), a name and an address."""
    tree = properties(24 if is_inner else 32, {0x001A: "IPM.Note", **values})
    for number, (kind, name, address) in enumerate(recipients):
        tree[f"__recip_version1.0_#{number:08X}"] = properties(8, {0x0C15: kind, 0x3001: name, 0x39FE: address})
    for number, each in enumerate(attachments):
        tree[f"__attach_version1.0_#{number:08X}"] = each
    return tree


def compressed_rtf(rtf: bytes) -> bytes:
    """Compressed RTF that has every byte as it is: groups of eight literal bytes, then the end."""
    groups = [rtf[at : at + 8] for at in range(0, len(rtf), 8)]
    body = b"".join(b"\0" + group for group in groups if len(group) == 8)
    rest = groups[-1] if groups and len(groups[-1]) < 8 else b""
    end = (207 + len(rtf)) % 4096 << 4
    body += bytes([1 << len(rest)]) + rest + struct.pack(">H", end)
    return struct.pack("<II4sI", len(body) + 12, len(rtf), b"LZFu", 0) + body
