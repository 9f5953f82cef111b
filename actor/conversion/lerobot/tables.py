"""Parquet tables as the `datasets` library and pandas expect them. Needs pyarrow, the extra `formats`."""

import importlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actor.conversion.lerobot.layout import Feature, hugging_face_feature


def arrow() -> Any:
    """The library; it is big, and only those who convert have it."""
    return importlib.import_module("pyarrow")


def parquet() -> Any:
    """Its part that reads and writes files."""
    return importlib.import_module("pyarrow.parquet")


def schema_of(features: Mapping[str, Feature]) -> Any:
    """The schema of data files: every feature but videos."""
    pa = arrow()
    stored = {key: feature for key, feature in features.items() if feature["dtype"] != "video"}
    described = {key: hugging_face_feature(feature) for key, feature in stored.items()}
    metadata = {"huggingface": json.dumps({"info": {"features": described}})}
    fields = [pa.field(key, _type(feature)) for key, feature in stored.items()]
    return pa.schema(fields, metadata=metadata)


def rows_table(
    schema: Any, columns: Mapping[str, NDArray[Any]], pictures: Mapping[str, Sequence[bytes]]
) -> Any:
    """A table of these rows; pictures as the bytes of their files."""
    pa = arrow()
    arrays = []
    for field in schema:
        if field.name in pictures:
            rows = [{"bytes": data, "path": None} for data in pictures[field.name]]
            arrays.append(pa.array(rows, field.type))
            continue
        values = columns[field.name]
        if pa.types.is_fixed_size_list(field.type):
            flat = pa.array(np.ascontiguousarray(values).reshape(-1), field.type.value_type)
            arrays.append(pa.FixedSizeListArray.from_arrays(flat, type=field.type))
        else:
            arrays.append(pa.array(values.reshape(-1), field.type))
    return pa.Table.from_arrays(arrays, schema=schema)


def write_tasks(path: Path, tasks: Sequence[str]) -> None:
    """tasks.parquet: pandas finds the task's text as the index of a row."""
    pa = arrow()
    index, column = "__index_level_0__", "task_index"
    pandas = {
        "index_columns": [index],
        "column_indexes": [
            {
                "name": None,
                "field_name": None,
                "pandas_type": "unicode",
                "numpy_type": "object",
                "metadata": {"encoding": "UTF-8"},
            }
        ],
        "columns": [
            {
                "name": column,
                "field_name": column,
                "pandas_type": "int64",
                "numpy_type": "int64",
                "metadata": None,
            },
            {
                "name": None,
                "field_name": index,
                "pandas_type": "unicode",
                "numpy_type": "object",
                "metadata": None,
            },
        ],
        "pandas_version": "2.0.0",
    }
    table = pa.table({column: pa.array(range(len(tasks)), pa.int64()), index: pa.array(tasks, pa.string())})
    parquet().write_table(table.replace_schema_metadata({"pandas": json.dumps(pandas)}), path)


def _type(feature: Feature) -> Any:
    pa = arrow()
    if feature["dtype"] == "image":
        return pa.struct({"bytes": pa.binary(), "path": pa.string()})
    value = {"float32": pa.float32(), "float64": pa.float64(), "int64": pa.int64(), "bool": pa.bool_()}.get(
        feature["dtype"], pa.string()
    )
    size = feature["shape"][0]
    return value if size == 1 else pa.list_(value, size)
