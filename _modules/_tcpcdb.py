"""
The constant database that tcpserver reads: https://cr.yp.to/cdb/cdb.txt

Written here only where there is no ``tcprules``; the bytes are the same. Sentences in quotation
marks are the specification's.
"""

import mmap
import os
import struct
import sys
from array import array
from contextlib import contextmanager

from salt.exceptions import CommandExecutionError

_PAIR = struct.Struct("<LL")
_INDEX = 256 * _PAIR.size


def _djb_hash(key):
    h = 5381
    for byte in key:
        h = (h * 33 ^ byte) & 0xFFFFFFFF
    return h


try:
    from cdblib.djb_hash import djb_hash as _hash  # the same in C
except ImportError:
    _hash = _djb_hash


def first(path, keys):
    """
    Return the first of several keys that a cdb has, and its data, or None where it has none.

    Only the pages that hold them are read.  Raises CommandExecutionError where the file is no cdb.
    """
    keys = [key if isinstance(key, bytes) else key.encode() for key in keys]
    with _mapped(path) as cdb:
        found = ((key, _find(cdb, key)) for key in keys)
        return next((pair for pair in found if pair[1] is not None), None)


def records(path):
    """
    Return the records of a cdb, ``(key, data)`` in bytes, in the order in which they were written.

    Raises CommandExecutionError where the file is no cdb.
    """
    with _mapped(path) as cdb:
        return list(_records(cdb))


def count(path):
    """
    Return the number of records in a cdb without reading them.

    Raises CommandExecutionError where the file is no cdb.
    """
    with _mapped(path) as cdb:
        # Each hash table has twice as many slots as records.
        return sum(slots for _, slots in _PAIR.iter_unpack(cdb[:_INDEX])) // 2


def write(path, pairs):
    """
    Write a cdb of records as ``tcprules`` writes it, and sync it to the disk.

    A file that is there is replaced, and not atomically.
    """
    with open(path, "wb") as cdb:
        cdb.write(bytes(_INDEX))
        tables = _write_records(cdb, pairs)
        index = [_write_table(cdb, table) for table in tables]
        cdb.seek(0)
        cdb.write(b"".join(_PAIR.pack(*entry) for entry in index))
        cdb.flush()
        os.fsync(cdb.fileno())


@contextmanager
def _mapped(path):
    damaged = CommandExecutionError(f"{path}: not a cdb, or damaged (compile it again)")
    with open(path, "rb") as file:
        if os.fstat(file.fileno()).st_size < _INDEX:
            raise damaged
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as cdb:
            try:
                yield cdb
            except struct.error:
                raise damaged


def _find(cdb, key):
    # "The hash value modulo 256 is the number of a hash table."
    hashed = _hash(key) & 0xFFFFFFFF
    table, slots = _PAIR.unpack_from(cdb, hashed % 256 * _PAIR.size)
    # "The hash value divided by 256, modulo the length of that table, is a slot number. Probe that
    # slot, the next higher slot, and so on, until you find the record or run into an empty slot."
    for probe in range(slots):
        slot = (hashed // 256 + probe) % slots
        slot_hash, position = _PAIR.unpack_from(cdb, table + slot * _PAIR.size)
        if not position:
            break
        if slot_hash == hashed:
            found, data = _record(cdb, position)
            if found == key:
                return data
    return None


def _records(cdb):
    # "Records are stored sequentially", between the index and the first hash table.
    end = min(table for table, _ in _PAIR.iter_unpack(cdb[:_INDEX]))
    position = _INDEX
    while position < end:
        key, data = _record(cdb, position)
        yield key, data
        position += _PAIR.size + len(key) + len(data)


def _record(cdb, position):
    # "A record states a key length, a data length, the key, and the data."
    key_length, data_length = _PAIR.unpack_from(cdb, position)
    return struct.unpack_from(f"{key_length}s{data_length}s", cdb, position + _PAIR.size)


def _write_records(cdb, pairs):
    tables = [array("Q") for _ in range(256)]
    position = _INDEX
    for key, data in pairs:
        hashed = _hash(key) & 0xFFFFFFFF
        tables[hashed % 256].append(position << 32 | hashed)
        position += cdb.write(_PAIR.pack(len(key), len(data)) + key + data)
    return tables


def _write_table(cdb, table):
    # "If the byte position is 0, the slot is empty." (A hash may be 0: that of 39.160.226.88 is.)
    slots = array("Q", bytes(16 * len(table)))
    for entry in table:
        slot = (entry & 0xFFFFFFFF) // 256 % len(slots)
        while slots[slot]:
            slot = (slot + 1) % len(slots)
        slots[slot] = entry
    if sys.byteorder == "big":
        slots.byteswap()
    position = cdb.tell()
    cdb.write(slots)
    return position, len(slots)
