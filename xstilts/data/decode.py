"""Arrow tables to Python rows that survive bytes which are no UTF-8."""

from typing import Any

import pyarrow as pa


def table_rows(table: pa.Table) -> list[dict[str, Any]]:
    """Rows of `table`; bytes that are no UTF-8 become lone surrogates, which checks find."""
    try:
        rows: list[dict[str, Any]] = table.to_pylist()
        return rows
    except UnicodeDecodeError:
        raw = table.cast(pa.schema([(f.name, _binary(f.type)) for f in table.schema]))
        return [{name: _decoded(value) for name, value in row.items()} for row in raw.to_pylist()]


def _binary(kind: pa.DataType) -> pa.DataType:
    """The type with every string replaced by bytes."""
    if pa.types.is_string(kind):
        return pa.binary()
    if pa.types.is_large_string(kind):
        return pa.large_binary()
    if pa.types.is_list(kind):
        return pa.list_(_binary(kind.value_type))
    if pa.types.is_large_list(kind):
        return pa.large_list(_binary(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([(field.name, _binary(field.type)) for field in kind])
    return kind


def _decoded(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    if isinstance(value, list):
        return [_decoded(item) for item in value]
    if isinstance(value, dict):
        return {name: _decoded(item) for name, item in value.items()}
    return value
