"""What a shared object asks the loader for: the DT_NEEDED entries of a 64-bit little-endian ELF file."""

import struct

LOAD, DYNAMIC = 1, 2
NEEDED, STRING_TABLE = 1, 5


def needed(path):
    """The names of the libraries that `path` needs; none for a file that is not such an ELF file (macOS)."""
    with open(path, "rb") as file:
        header = file.read(64)
        if len(header) < 64 or header[:6] != b"\x7fELF\x02\x01":
            return []
        (program_offset,) = struct.unpack_from("<Q", header, 32)
        entry_size, entries = struct.unpack_from("<HH", header, 54)
        segments, dynamic = [], None
        for index in range(entries):
            file.seek(program_offset + index * entry_size)
            kind, _, offset, address, _, size, _, _ = struct.unpack("<IIQQQQQQ", file.read(56))
            if kind == LOAD:
                segments.append((address, offset, size))
            elif kind == DYNAMIC:
                dynamic = (offset, size)
        if dynamic is None:
            return []
        file.seek(dynamic[0])
        table = list(struct.iter_unpack("<qQ", file.read(dynamic[1] // 16 * 16)))
        names = [value for tag, value in table if tag == NEEDED]
        (strings,) = [value for tag, value in table if tag == STRING_TABLE][:1] or [0]
        for address, offset, size in segments:
            if address <= strings < address + size:
                base = offset + strings - address
                return [_string(file, base + name) for name in names]
        return []


def _string(file, offset):
    file.seek(offset)
    return file.read(512).split(b"\0", 1)[0].decode()
