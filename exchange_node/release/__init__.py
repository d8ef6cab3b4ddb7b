"""Links and decisions become minimised rows of one fixed size (step 8), and those a table for the analyst
(step 9).

Plaintext bytes in and out: sealing and signing are the trust package's.

- `columns`     what a column may hold, and how a cell is encoded
- `transforms`  raw value -> minimised value
- `build`       linked people + decisions -> rows
- `layout`      rows <-> bytes whose number tells nothing
- `results`     rows -> the analyst's CSV and Parquet
- `provenance`  the file that stands beside them
"""
