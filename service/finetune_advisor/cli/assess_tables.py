"""`assess --batch` from or to Parquet and Arrow, which need pyarrow."""

from __future__ import annotations

from contextlib import closing
from typing import IO

import pyarrow as pa

from finetune_advisor.assessing.batch_files import BatchFile
from finetune_advisor.assessing.column_files import ColumnFile
from finetune_advisor.assessing.columns import ArrowAdvisor
from finetune_advisor.assessing.file_formats import TABLE_FORMATS
from finetune_advisor.assessing.table_files import TableWriter, text_schema
from finetune_advisor.cli.assess_batch import BatchOptions, copy_blocks, open_lines, open_text_writer
from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.trees.catalog import Catalog

STREAM_SUFFIX = ".arrows"
"""The suffix of a stream of Arrow IPC."""


def write_tables(
    catalog: Catalog, tree: Tree, options: BatchOptions, opened: IO[bytes], out: IO[bytes]
) -> BatchFile | ColumnFile:
    """Write the results of a file to `out`, and return what was assessed with its summary.

    The format of the file or of the output is Parquet or Arrow. Raises BadFileError.
    """
    if options.file_format in TABLE_FORMATS:
        return _write_column_results(catalog, tree, options, opened, out)
    batch, blocks, size = open_lines(catalog, tree, options, opened)
    schema = text_schema([*batch.selection.copied.values()])
    with closing(_open_table_writer(out, options, schema)) as writer:
        copy_blocks(blocks, writer.write, size)
    return batch


def _write_column_results(
    catalog: Catalog, tree: Tree, options: BatchOptions, opened: IO[bytes], out: IO[bytes]
) -> ColumnFile:
    advisor = ArrowAdvisor(
        tree,
        catalog,
        defaults=options.defaults,
        id_column=options.id_column,
        pass_through=options.pass_through,
    )
    batch = ColumnFile(advisor, opened, options.file, options.file_format)
    if options.output_format in TABLE_FORMATS:
        with closing(_open_table_writer(out, options, batch.result_schema)) as writer:
            copy_blocks(batch.iter_batches(), writer.write_batch, batch.size)
    else:
        write = open_text_writer(out, options, batch.selection)
        copy_blocks(batch.iter_results(), write, batch.size)
    return batch


def _open_table_writer(out: IO[bytes], options: BatchOptions, schema: pa.Schema) -> TableWriter:
    # A reader of a pipe can't go back to the end of the file format.
    is_stream = options.output is None or options.output.suffix.lower() == STREAM_SUFFIX
    return TableWriter(out, options.output_format, schema, is_stream=is_stream)
