"""Records as they cross the wire: what they have in common once a message, and what each says for itself.

Consecutive steps have the same names, types, shapes, kind and source: their `RecordForm`. What is left of a
step is its numbers and its arrays. A message holds all that is needed to read it, so that one that is lost,
repeated or refused takes nothing away from the others.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from shared.array_codec import DTYPES, malformed
from shared.protocol import (
    ArrayForm,
    ArrayGroup,
    ArrayHeader,
    Number,
    PackedRecord,
    RecordForm,
    RecordHeader,
    Records,
    RecordType,
    Word,
)

MOST_PARTS = 2**18
"""Fields and arrays of all records of a message: a few bytes may name a form of many parts many times."""
LONGEST_PREFIX = 255
"""Characters that the names of a group may share: they are repeated for each array of it."""

_SHORT = {name: dtype.str[1:] for name, dtype in DTYPES.items()}
_LONG = {short: name for name, short in _SHORT.items()}

_Words = tuple[tuple[str, Word], ...]
_ArrayKey = tuple[str, str, tuple[int, ...], int | None]


class _Key(NamedTuple):
    """What makes two records of one form."""

    type: RecordType
    words: _Words
    numbers: tuple[str, ...]
    arrays: tuple[_ArrayKey, ...]


class _Layout(NamedTuple):
    """A form with its names put together, made once for all of its records."""

    type: RecordType
    words: dict[str, Word]
    numbers: list[tuple[str, str | None]]
    arrays: list[tuple[ArrayHeader, int | None]]


def pack_headers(incarnation: str, headers: Iterable[RecordHeader]) -> Records:
    """Headers of one stream, in order; their large arrays keep their places."""
    forms: dict[_Key, int] = {}
    records: list[PackedRecord] = []
    for header in headers:
        key, numbers = _key(header)
        form = forms.setdefault(key, len(forms))
        small = b"".join([array.inline for array in header.arrays if array.inline is not None])
        records.append(PackedRecord(form, header.sequence, header.time_seconds, numbers, small))
    return Records(incarnation, tuple(map(_form, forms)), tuple(records))


def headers_of(message: Records) -> tuple[RecordHeader, ...]:
    """The headers behind `pack_headers`; raises ProtocolError where the message contradicts itself."""
    _require_few_parts(message)
    layouts: dict[int, _Layout] = {}
    headers: list[RecordHeader] = []
    for record in message.records:
        if record.form not in layouts:
            layouts[record.form] = _layout(message.forms[record.form])
        headers.append(_header(layouts[record.form], record))
    return tuple(headers)


def _key(header: RecordHeader) -> tuple[_Key, tuple[Number, ...]]:
    words: list[tuple[str, Word]] = []
    numbers: dict[str, Number] = {}
    for name, value in header.fields.items():
        if isinstance(value, dict):
            numbers |= {f"{name}/{term}": number for term, number in value.items()}
        elif value is None or isinstance(value, (bool, str)):
            words.append((name, value))
        else:
            numbers[name] = value
    arrays = [
        (array.name, array.dtype, array.shape, None if array.inline is None else len(array.inline))
        for array in header.arrays
    ]
    return _Key(header.type, tuple(words), tuple(numbers), tuple(arrays)), tuple(numbers.values())


def _form(key: _Key) -> RecordForm:
    groups = groupby(key.arrays, lambda array: array[0][: array[0].rfind("/", 0, LONGEST_PREFIX) + 1])
    arrays = tuple(
        ArrayGroup(prefix, tuple(_array_form(array, len(prefix)) for array in group))
        for prefix, group in groups
    )
    return RecordForm(key.type, key.words, key.numbers, arrays)


def _array_form(array: _ArrayKey, prefix_length: int) -> ArrayForm:
    name, dtype, shape, inline_bytes = array
    return ArrayForm(name[prefix_length:], _SHORT.get(dtype, dtype), shape, inline_bytes)


def _require_few_parts(message: Records) -> None:
    parts = [_parts(form) for form in message.forms]
    total = 0
    for record in message.records:
        if not 0 <= record.form < len(parts):
            raise malformed(f"a record is of form {record.form} of {len(parts)}")
        total += parts[record.form]
    if total > MOST_PARTS:
        raise malformed(f"the records of a message have {total} parts, over the limit of {MOST_PARTS}")


def _parts(form: RecordForm) -> int:
    return len(form.words) + len(form.numbers) + sum(len(group.arrays) for group in form.groups)


def _layout(form: RecordForm) -> _Layout:
    parted = (name.partition("/") for name in form.numbers)
    numbers = [(field, term if slash else None) for field, slash, term in parted]
    return _Layout(form.type, dict(form.words), numbers, list(_templates(form.groups)))


def _templates(groups: Sequence[ArrayGroup]) -> Iterator[tuple[ArrayHeader, int | None]]:
    for group in groups:
        if len(group.prefix) > LONGEST_PREFIX:
            raise malformed(f"names of arrays share {len(group.prefix)} characters, not {LONGEST_PREFIX}")
        for array in group.arrays:
            dtype = _LONG.get(array.dtype, array.dtype)
            yield ArrayHeader(group.prefix + array.name, dtype, array.shape), array.inline_bytes


def _header(layout: _Layout, record: PackedRecord) -> RecordHeader:
    if len(layout.numbers) != len(record.numbers):
        raise malformed(f"a record has {len(record.numbers)} numbers for {len(layout.numbers)} names")
    fields: dict[str, Word | Number | dict[str, float]] = {**layout.words}
    terms: dict[str, dict[str, float]] = {}
    for (field, term), number in zip(layout.numbers, record.numbers, strict=True):
        if term is None:
            fields[field] = number
        else:
            terms.setdefault(field, {})[term] = number
    arrays = _arrays(layout, record.small)
    return RecordHeader(layout.type, record.sequence, record.time_seconds, fields | terms, arrays)


def _arrays(layout: _Layout, small: bytes) -> tuple[ArrayHeader, ...]:
    at = 0
    arrays: list[ArrayHeader] = []
    for template, inline_bytes in layout.arrays:
        if inline_bytes is None:
            arrays.append(template)
            continue
        start, at = at, at + inline_bytes
        if not start <= at <= len(small):
            raise malformed(f"array {template.name!r} is not within the {len(small)} bytes of its record")
        arrays.append(ArrayHeader(template.name, template.dtype, template.shape, small[start:at]))
    if at != len(small):
        raise malformed(f"a record has {len(small)} bytes of small arrays, and its form names {at}")
    return tuple(arrays)
