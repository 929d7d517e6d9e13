"""Asks fastavro what a reader makes of the bytes in resolution.jsonl: writes fastavro.jsonl.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install fastavro==1.13.1
    /tmp/venv/bin/python fastavro_oracle.py

One JSON array a line, for the pair of schemas on the same line of resolution.jsonl: for each of its vectors the value as the
reader's own bytes in hex, or null where fastavro fails. Logical types are taken away before, because Python's types for them
hold neither all years nor nanoseconds; the bytes stay the same without them. Whether bytes are left is checked, which
fastavro does not do.
"""

import io
import json
import pathlib

import fastavro

HERE = pathlib.Path(__file__).parent


def plain(schema):
    """The schema without logical types."""
    if isinstance(schema, list):
        return [plain(each) for each in schema]
    if isinstance(schema, dict):
        keep = {key: value for key, value in schema.items() if key not in ("logicalType", "precision", "scale")}
        return {key: value if key == "default" else plain(value) for key, value in keep.items()}
    return schema


def resolve(writer, reader, data):
    """The reader's bytes of what the writer wrote, or nothing."""
    stream = io.BytesIO(data)
    try:
        value = fastavro.schemaless_reader(stream, parse(writer), parse(reader))
        if stream.read(1):
            return None
        out = io.BytesIO()
        fastavro.schemaless_writer(out, parse(reader), value)
        return out.getvalue().hex()
    except Exception:  # Whatever it is, there is no value.
        return None


def parse(schema):
    """Anew each time, so that names defined by one schema are unknown to the next."""
    return fastavro.parse_schema(plain(schema), _write_hint=False)


def main():
    with (HERE / "resolution.jsonl").open() as pairs, (HERE / "fastavro.jsonl").open("w") as out:
        for line in pairs:
            pair = json.loads(line)
            values = [resolve(pair["writer"], pair["reader"], bytes.fromhex(v["bytes"])) for v in pair["vectors"]]
            out.write(json.dumps(values, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
