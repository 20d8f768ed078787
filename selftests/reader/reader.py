#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Read a journal and print what stands in it, one JSON object in each line.

Written from Documentation/journal-format.md alone, as somebody else would do it, and
kept apart from kernel/core on purpose: where the two disagree, the document or the code
is wrong. The lines are those of "ktmctl journal dump --json".

Usage: reader.py IMAGE
"""

import codecs
import json
import os
import struct
import sys
import uuid

SB_BYTES = 4096
HEAD = 88
BATCH_MAX = 1 << 20
UNITS = [4096, 8192, 16384, 32768, 65536]
RESTART_FLAG = 1
LIMIT = 1 << 62


class Fault(Exception):
    """What is wrong with a journal: a class, a sentence, a byte on the device, an LSN."""

    def __init__(self, code, message, place=0, lsn=0):
        super().__init__(message)
        self.code, self.message, self.place, self.lsn = code, message, place, lsn


# ---- crc, numbers, text ----------------------------------------------------------


def crc_table():
    table = []
    for n in range(256):
        for _ in range(8):
            n = n >> 1 ^ (0x82F63B78 if n & 1 else 0)
        table.append(n)
    return table


TABLE = crc_table()


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


assert crc32c(b"123456789") == 0xE3069283


def crc_right(data, at):
    """Is the crc at this offset that of all the data, with itself zero?"""
    zeroed = data[:at] + bytes(4) + data[at + 4:]
    return crc32c(zeroed) == number(data, at, 4)


def number(data, at, size):
    return int.from_bytes(data[at:at + size], "little")


def guid(data, at):
    return str(uuid.UUID(bytes=bytes(data[at:at + 16])))


def word(value):
    return "0x%016x" % value


def each_byte(error):
    return "\ufffd" * (error.end - error.start), error.end


codecs.register_error("each-byte", each_byte)


def text(data):
    return bytes(data).decode("utf-8", "each-byte")


def round_up(n, to):
    return (n + to - 1) // to * to


# ---- the superblock ----------------------------------------------------------------


def overlap(extents):
    extents = sorted(extents)
    return any(a[0] + a[1] > b[0] for a, b in zip(extents, extents[1:]))


class Superblock:
    """One copy, checked. raw is its first 4096 bytes."""

    def __init__(self, raw, place, device_bytes):
        def bad(message, code="CORRUPT"):
            raise Fault(code, message, place)

        if raw[:8] != b"KTMJRNL1":
            bad("no magic", "NOT_JOURNAL")
        if not crc_right(raw, 8):
            bad("wrong crc")
        self.raw, self.place = raw, place
        (self.version, self.compat, self.ro_compat, self.incompat, self.unit) = (
            struct.unpack_from("<5I", raw, 12))
        if self.version != 2 or self.incompat:
            bad("another version, or unknown features", "UNSUPPORTED")
        if self.unit not in UNITS:
            bad("unit")
        self.uuid, self.tm_guid = guid(raw, 32), guid(raw, 48)
        self.uuid_bytes = raw[32:48]
        units, self.window, self.created = struct.unpack_from("<3Q", raw, 64)
        self.device_bytes = units * self.unit
        if not units:
            bad("no units")
        if self.device_bytes > device_bytes:
            bad("the device is smaller than it was", "TOO_SMALL")
        if place not in (0, self.device_bytes - self.unit):
            bad("a copy is not where it says that copies are")
        numbers = struct.unpack_from("<4Q", raw, 88)
        self.restart = [(numbers[i] * self.unit, numbers[i + 1] * self.unit) for i in (0, 2)]
        self.ring_lsn, ring_count = struct.unpack_from("<QI", raw, 120)
        if not 1 <= ring_count <= 16:
            bad("ring_count")
        self.ring = []
        for i in range(ring_count):
            start, length = struct.unpack_from("<2Q", raw, 136 + 16 * i)
            self.ring.append((start * self.unit, length * self.unit))
        self.ring_bytes = sum(length for _, length in self.ring)
        (self.generation, self.epoch, self.start_lsn, self.start_seq, self.start_prev_crc,
         self.restart_index, self.restart_bytes, self.restart_crc) = (
            struct.unpack_from("<4Q2IQI", raw, 392))
        self.restart_lsn, self.tail_lsn = struct.unpack_from("<2Q", raw, 448)
        self.check(device_bytes, bad)

    def check(self, device_bytes, bad):
        unit = self.unit
        extents = self.restart + self.ring
        for start, length in extents:
            if not length:
                bad("an extent is empty")
        for start, length in self.restart:
            if start + length > self.device_bytes:
                bad("a restart extent is not within the initial size")
        if self.restart[0][1] != self.restart[1][1]:
            bad("restart extents of two sizes")
        for start, length in self.ring:
            if start + length > device_bytes:
                bad("the device ends before the ring does", "TOO_SMALL")
        if overlap(extents + [(0, unit), (self.device_bytes - unit, unit)]):
            bad("extents overlap")
        if self.ring_bytes < 2 * self.restart[0][1]:
            bad("the ring is less than twice a restart extent")
        if self.window % unit or not 65536 <= self.window <= min(self.ring_bytes // 4, 64 << 20):
            bad("window")
        if self.ring_lsn % unit or self.tail_lsn % unit or self.start_lsn % unit:
            bad("an LSN is not on a unit")
        if not 0 < self.ring_lsn <= self.tail_lsn <= self.start_lsn <= self.restart_lsn:
            bad("LSNs do not rise")
        if max(self.start_lsn, self.restart_lsn) - self.tail_lsn > self.ring_bytes:
            bad("more than the ring between LSNs")
        if max(self.start_lsn, self.start_seq, self.generation) >= LIMIT:
            bad("a number out of range")
        if not self.epoch:
            bad("epoch")
        if self.restart_index > 1:
            bad("restart_index")
        if self.restart_bytes % unit or self.restart_bytes > self.restart[0][1]:
            bad("restart_bytes")
        if not self.restart_bytes and self.restart_crc:
            bad("restart_crc")

    def pieces(self, lsn, length):
        """Where so much of the log lies: places and lengths."""
        at = (lsn - self.ring_lsn) % self.ring_bytes
        while length:
            for start, size in self.ring:
                if at < size:
                    break
                at -= size
            here = min(length, size - at)
            yield start + at, here
            length -= here
            at = (lsn + here - self.ring_lsn) % self.ring_bytes
            lsn += here

    def line(self, chosen):
        def extents(of):
            return [{"start": start, "bytes": length} for start, length in of]

        return {
            "kind": "superblock", "place": self.place, "good": True, "chosen": chosen,
            "version": self.version, "compat": self.compat, "ro_compat": self.ro_compat,
            "incompat": self.incompat, "unit": self.unit, "uuid": self.uuid,
            "tm_guid": self.tm_guid, "device_bytes": self.device_bytes,
            "window": self.window, "created": self.created,
            "restart": extents(self.restart), "ring_lsn": self.ring_lsn,
            "ring": extents(self.ring), "generation": self.generation,
            "epoch": word(self.epoch), "start_lsn": self.start_lsn,
            "start_seq": self.start_seq, "start_prev_crc": self.start_prev_crc,
            "restart_index": self.restart_index, "restart_bytes": self.restart_bytes,
            "restart_crc": self.restart_crc, "restart_lsn": self.restart_lsn,
            "tail_lsn": self.tail_lsn,
        }


def whole(raw):
    return raw[:8] == b"KTMJRNL1" and crc_right(raw, 8)


def read_copy(device, place):
    """A copy, or None; a whole one that makes no sense is refused."""
    raw = device.read(place, SB_BYTES)
    try:
        return Superblock(raw, place, device.bytes), None
    except Fault as fault:
        if whole(raw):
            raise
        return None, fault


def signpost(device):
    """Where the second copy is, for who cannot read that in the first; or None."""
    for size in UNITS:
        raw = device.read(size, SB_BYTES)
        if len(raw) < SB_BYTES or not whole(raw):
            continue
        version, unit, units = number(raw, 12, 4), number(raw, 28, 4), number(raw, 64, 8)
        if version == 2 and unit == size and 3 <= units <= device.bytes // unit:
            return (units - 1) * unit
    return None


def choose(device):
    """The superblock that counts, and all that are good."""
    first, fault = read_copy(device, 0)
    second = None
    told = None if first else signpost(device)
    if first:
        second, _ = read_copy(device, first.device_bytes - first.unit)
    elif told:
        second, _ = read_copy(device, told)
    else:
        for unit in UNITS:
            if device.bytes >= 2 * unit and not second:
                second, _ = read_copy(device, device.bytes // unit * unit - unit)
    good = [copy for copy in (first, second) if copy]
    if not good:
        raise fault
    if len(good) == 2:
        if first.uuid != second.uuid:
            raise Fault("CORRUPT", "two journals", second.place)
        if first.generation == second.generation and first.raw != second.raw:
            raise Fault("CORRUPT", "two superblocks of one generation", second.place)
    if not first:
        raw = device.read(0, SB_BYTES)
        if any(raw) and raw[:8] != b"KTMJRNL1" and raw[32:48] != second.uuid_bytes:
            raise Fault("NOT_JOURNAL", "somebody else's data where the first copy was")
    return max(good, key=lambda copy: copy.generation), good


# ---- batches -------------------------------------------------------------------------


class Batch:
    def __init__(self, data):
        (self.epoch, self.seq, self.lsn, self.flushed_lsn, self.bytes, self.used,
         self.prev_crc, self.records, self.flags) = struct.unpack_from("<4Q5I", data, 24)
        self.crc = number(data, 4, 4)
        self.data = data

    def line(self, where, place):
        return {
            "kind": "batch", "where": where, "place": place, "lsn": self.lsn,
            "seq": self.seq, "flushed_lsn": self.flushed_lsn, "bytes": self.bytes,
            "used": self.used, "records": self.records, "crc": self.crc,
            "prev_crc": self.prev_crc,
        }


def read_batch(superblock, read, lsn, room, flags):
    """A whole batch of the epoch that says that it is at this LSN, or None."""
    if room < superblock.unit:
        return None
    head = read(lsn, superblock.unit)
    if head[:4] != b"KMTB" or head[8:24] != superblock.uuid_bytes:
        return None
    batch = Batch(head)
    if batch.epoch != superblock.epoch or batch.lsn != lsn or batch.flags != flags:
        return None
    if batch.flushed_lsn > lsn or batch.flushed_lsn % superblock.unit:
        return None
    if batch.bytes % superblock.unit or not HEAD <= batch.used <= batch.bytes:
        return None
    if batch.bytes > min(BATCH_MAX, room):
        return None
    data = read(lsn, batch.bytes)
    return Batch(data) if crc_right(data, 4) else None


# ---- records ---------------------------------------------------------------------------


def owner(data, uid, gid, mode):
    return {"uid": number(data, uid, 4), "gid": number(data, gid, 4),
            "mode": number(data, mode, 2)}


OUTCOMES = {0: "undecided", 1: "commit", 2: "abort"}


def outcome(data, at, known):
    value = number(data, at, 4)
    if value not in known:
        raise ValueError("outcome")
    return OUTCOMES[value]


def variable(data, start, length, most):
    """The part of a record that is as long as the record says."""
    if length > most or round_up(start + length, 8) != len(data):
        raise ValueError("length")
    return data[start:start + length]


def record_clock(d, _):
    variable(d, 16, 0, 0)
    return {"clock": number(d, 8, 8)}


def record_rm(d, _):
    description = variable(d, 40, number(d, 34, 2), 128)
    return {"rm": guid(d, 8), **owner(d, 24, 28, 32), "rm_flags": number(d, 36, 4),
            "description": text(description)}


def record_rm_gone(d, _):
    variable(d, 24, 0, 0)
    return {"rm": guid(d, 8)}


def record_prepared(d, _):
    information = variable(d, 104, number(d, 100, 4), 16384)
    flags = number(d, 84, 4)
    return {"uow": guid(d, 8), "enlistment": guid(d, 24), "rm": guid(d, 40),
            "key": word(number(d, 56, 8)), "stream": word(number(d, 64, 8)),
            "stream_need": number(d, 72, 8), "mask": number(d, 80, 4),
            "superior": bool(flags & 1), "first": bool(flags & 2), **owner(d, 88, 92, 96),
            "information": information.hex()}


def record_decision(d, _):
    variable(d, 40, 0, 0)
    return {"uow": guid(d, 8), "outcome": outcome(d, 24, (1, 2)),
            "prepared": number(d, 28, 4), "clock": number(d, 32, 8)}


def record_completion(d, flags):
    variable(d, 40, 0, 0)
    return {"uow": guid(d, 8), "enlistment": guid(d, 24), "end": bool(flags & 1)}


def record_tx(d, _):
    variable(d, 64, 0, 0)
    return {"uow": guid(d, 8), "outcome": outcome(d, 24, (0, 1, 2)),
            "prepared": number(d, 28, 4), "tx_flags": number(d, 32, 4),
            **owner(d, 36, 40, 44), "clock": number(d, 48, 8), "known_lsn": number(d, 56, 8)}


def stream_id(d, at=8):
    if not number(d, at, 8):
        raise ValueError("id")
    return word(number(d, at, 8))


def record_stream(d, _):
    name = variable(d, 88, number(d, 86, 2), 128)
    return {"stream": stream_id(d, 24), "guid": guid(d, 8), "quota": number(d, 32, 8),
            "base": number(d, 40, 8), "last": number(d, 48, 8), "restart": number(d, 56, 8),
            "known_lsn": number(d, 64, 8), "entries": number(d, 72, 4),
            **owner(d, 76, 80, 84), "name": text(name)}


def record_stream_gone(d, _):
    variable(d, 16, 0, 0)
    return {"stream": stream_id(d)}


def record_srec(d, flags):
    data = variable(d, 48, number(d, 40, 4), 16384)
    if crc32c(data + d[:44]) != number(d, 44, 4):
        raise ValueError("crc")
    return {"stream": stream_id(d), "srec_lsn": number(d, 16, 8), "copy": bool(flags & 1),
            "restart": bool(flags & 2), "previous": number(d, 24, 8),
            "undo_next": number(d, 32, 8), "data": data.hex()}


def record_sbase(d, _):
    variable(d, 24, 0, 0)
    return {"stream": stream_id(d), "base": number(d, 16, 8)}


def record_strunc(d, _):
    variable(d, 24, 0, 0)
    return {"stream": stream_id(d), "last": number(d, 16, 8)}


def record_sindex(d, _):
    count = number(d, 16, 4)
    entries = variable(d, 24, 24 * count, 24 * 512)
    return {"stream": stream_id(d), "entries": [
        {"srec_lsn": number(entries, at, 8), "at_lsn": number(entries, at + 8, 8),
         "bytes": number(entries, at + 16, 4), "flags": number(entries, at + 20, 4)}
        for at in range(0, 24 * count, 24)]}


# Name, smallest length, flags that there are, what is in it.
RECORDS = {
    1: ("CLOCK", 16, 0, record_clock),
    2: ("RM", 40, 0, record_rm),
    3: ("RM_GONE", 24, 0, record_rm_gone),
    4: ("PREPARED", 104, 0, record_prepared),
    5: ("DECISION", 40, 0, record_decision),
    6: ("COMPLETION", 40, 1, record_completion),
    7: ("TX", 64, 0, record_tx),
    64: ("STREAM", 88, 0, record_stream),
    65: ("STREAM_GONE", 16, 0, record_stream_gone),
    66: ("SREC", 48, 3, record_srec),
    67: ("SBASE", 24, 0, record_sbase),
    68: ("STRUNC", 24, 0, record_strunc),
    69: ("SINDEX", 24, 0, record_sindex),
}


def records_of(batch, where):
    """The records of a batch, each as its line."""
    def damage(message):
        return Fault("CORRUPT", message, 0, batch.lsn)

    at = HEAD
    for _ in range(batch.records):
        if at + 8 > batch.used:
            raise damage("a record is cut off")
        length, kind, flags = struct.unpack_from("<I2H", batch.data, at)
        if kind not in RECORDS:
            raise damage("an unknown type of record")
        name, least, known, body = RECORDS[kind]
        if length < least or length % 8 or at + length > batch.used or flags & ~known:
            raise damage("a record of a wrong length, or with unknown flags")
        try:
            fields = body(batch.data[at:at + length], flags)
        except ValueError as error:
            raise damage("a record with a wrong " + str(error)) from error
        lsn = batch.lsn + at + length if where == "ring" else 0
        yield {"kind": "record", "where": where, "batch": batch.lsn, "offset": at,
               "bytes": length, "lsn": lsn, "type": name, "flags": flags, **fields}
        at += length
    if at != batch.used:
        raise damage("more in a batch than its records")


# ---- the journal ---------------------------------------------------------------------


class Device:
    def __init__(self, path):
        self.file = open(path, "rb")
        self.bytes = self.file.seek(0, os.SEEK_END)

    def read(self, place, length):
        self.file.seek(place)
        return self.file.read(length)


class Journal:
    def __init__(self, device, superblock):
        self.device, self.superblock = device, superblock

    def read_ring(self, lsn, length):
        return b"".join(self.device.read(place, size)
                        for place, size in self.superblock.pieces(lsn, length))

    def place(self, lsn):
        return next(self.superblock.pieces(lsn, 1))[0]

    def area(self):
        """The batches of the restart area, with their places."""
        sb = self.superblock
        start = sb.restart[sb.restart_index][0]
        at, seq, crc = 0, 0, 0

        def read(lsn, length):
            return self.device.read(start + lsn, length)

        while at < sb.restart_bytes:
            batch = read_batch(sb, read, at, sb.restart_bytes - at, RESTART_FLAG)
            if not batch or batch.seq != seq or batch.prev_crc != crc or not batch.records:
                raise Fault("CORRUPT", "the restart area is damaged", start + at)
            yield batch, start + at
            at, seq, crc = at + batch.bytes, seq + 1, batch.crc
        if crc != sb.restart_crc:
            raise Fault("CORRUPT", "another restart area than the superblock means", start)

    def ring(self):
        """The batches of the log; afterwards self.tail and self.flushed are known."""
        sb = self.superblock
        # Nothing is written at or beyond this.
        end = sb.tail_lsn + sb.ring_bytes
        lsn, seq, crc = sb.start_lsn, sb.start_seq, sb.start_prev_crc
        self.flushed = sb.start_lsn
        while True:
            batch = read_batch(sb, self.read_ring, lsn, end - lsn, 0)
            if not batch or batch.seq != seq or batch.prev_crc != crc:
                break
            if not batch.records:
                raise Fault("CORRUPT", "a batch without records", self.place(lsn), lsn)
            self.flushed = max(self.flushed, batch.flushed_lsn)
            yield batch, self.place(lsn)
            lsn, seq, crc = lsn + batch.bytes, seq + 1, batch.crc
        self.tail = lsn
        if lsn < sb.restart_lsn:
            raise Fault("CORRUPT", "the log ends before E", self.place(lsn), lsn)
        for at in range(lsn + sb.unit, min(lsn + sb.window, end - sb.unit) + 1, sb.unit):
            batch = read_batch(sb, self.read_ring, at, end - at, 0)
            if not batch:
                continue
            if batch.flushed_lsn > self.tail:
                raise Fault("CORRUPT", "what was durable is damaged", self.place(lsn), lsn)
            self.flushed = max(self.flushed, batch.flushed_lsn)


def lines(path):
    try:
        device = Device(path)
        superblock, good = choose(device)
        for copy in good:
            yield copy.line(copy is superblock)
        journal = Journal(device, superblock)
        for where, batches in (("restart", journal.area()), ("ring", journal.ring())):
            for batch, place in batches:
                yield batch.line(where, place)
                yield from records_of(batch, where)
        yield {"kind": "tail", "place": journal.place(journal.tail), "lsn": journal.tail,
               "flushed_lsn": journal.flushed}
    except Fault as fault:
        yield {"kind": "fault", "code": fault.code, "place": fault.place, "lsn": fault.lsn,
               "message": fault.message}


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__.strip())
    for line in lines(sys.argv[1]):
        print(json.dumps(line, ensure_ascii=False, separators=(",", ":")))


if __name__ == "__main__":
    main()
