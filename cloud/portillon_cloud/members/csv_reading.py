"""Read a CSV of members into rows, or say of every bad line what is wrong. Pure: bytes in, rows and problems out.

Accepts UTF-8 with or without a byte order mark, any line ends, and comma, semicolon or tab between the columns.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from portillon_cloud.members.csv_line import NOTE, OPTIONAL, REQUIRED, MemberRow, Problem, read_line

FILE_BYTES_MAX = 50_000_000


@dataclass(frozen=True, slots=True)
class Parsed:
    """The good lines, and what is wrong with the others, both in the order of the file."""

    rows: tuple[MemberRow, ...]
    problems: tuple[Problem, ...]


def read_members(data: bytes) -> Parsed:
    """Read the whole file; never raises for what is in it."""
    text = _decode(data)
    if isinstance(text, Problem):
        return Parsed((), (text,))
    lines = _lines(text)
    head = next(lines, Problem(1, "", f"the file is empty; its first line names the columns: {', '.join(REQUIRED)}"))
    if isinstance(head, Problem):
        return Parsed((), (head,))
    header = [name.strip().lower() for name in head[1]]
    if header_problems := _header_problems(head[0], header):
        return Parsed((), tuple(header_problems))
    rows: list[MemberRow] = []
    problems: list[Problem] = []
    for found in lines:
        row, wrong = _read(found, header)
        problems.extend(wrong)
        if row is not None:
            rows.append(row)
    if not rows and not problems:
        problems.append(Problem(head[0], "", "there is a header and no member under it"))
    return Parsed(tuple(rows), tuple(problems))


def bad_lines(data: bytes, problems: Sequence[Problem]) -> str:
    """Those lines of the file that have a problem, with what is wrong in a column after the others: mended, they are
    a file to import. A file that cannot be read at all has none."""
    text = _decode(data)
    if isinstance(text, Problem):
        return ""
    lines = [line for line in _lines(text) if not isinstance(line, Problem)]
    wrong: dict[int, list[str]] = {}
    for problem in problems:
        said = f"{problem.column}: {problem.message}" if problem.column else problem.message
        wrong.setdefault(problem.line, []).append(said)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    header = lines[0][1] if lines else []
    kept = [index for index, name in enumerate(header) if name.strip().lower() != NOTE]
    writer.writerow([*(header[index] for index in kept), NOTE])
    for number, fields in lines[1:]:
        if number in wrong:
            writer.writerow([*(fields[index] for index in kept if index < len(fields)), "; ".join(wrong[number])])
    return out.getvalue()


def _decode(data: bytes) -> str | Problem:
    if len(data) > FILE_BYTES_MAX:
        return Problem(1, "", f"the file has {len(data)} bytes and at most {FILE_BYTES_MAX} are read at once; split it")
    nul = data.find(0)
    if nul >= 0:
        return Problem(
            _line(data, nul), "", "a NUL byte: this is no CSV in UTF-8 (UTF-16?); save the file as 'CSV UTF-8'"
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        shown = data[error.start : error.start + 1].hex().upper()
        message = f"byte {shown} is not UTF-8 (Latin-1 or Windows-1252?); save the file as 'CSV UTF-8'"
        return Problem(_line(data, error.start), "", message)


def _line(data: bytes, position: int) -> int:
    return data.count(b"\n", 0, position) + 1


def _lines(text: str) -> Iterator[tuple[int, list[str]] | Problem]:
    """Each non-empty line and the number it begins on. A broken quote ends the file: nothing after it is sure."""
    first_line = text.partition("\n")[0]
    delimiter = max(",;\t", key=first_line.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        number = reader.line_num + 1
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Problem(number, "", f"cannot be read ({error}): an unclosed quote? Later lines were not looked at")
            return
        if any(field.strip() for field in fields):
            yield number, fields


def _header_problems(line: int, header: list[str]) -> list[Problem]:
    known = (*REQUIRED, *OPTIONAL)
    missing = [Problem(line, name, "this column is missing") for name in REQUIRED if name not in header]
    unknown = [
        Problem(line, name or "(no name)", f"unknown column; known ones: {', '.join(known)}")
        for name in header
        if name not in known
    ]
    twice = [Problem(line, name, "this column is there twice") for name in known if header.count(name) > 1]
    return missing + unknown + twice


def _read(found: tuple[int, list[str]] | Problem, header: list[str]) -> tuple[MemberRow | None, list[Problem]]:
    if isinstance(found, Problem):
        return None, [found]
    number, fields = found
    if len(fields) != len(header):
        message = f"has {len(fields)} fields where the header has {len(header)} columns"
        return None, [Problem(number, "", message)]
    return read_line(number, dict(zip(header, fields, strict=True)))
