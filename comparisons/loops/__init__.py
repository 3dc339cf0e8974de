"""`python -m comparisons loops`: one row for each workload, one column for each event loop."""
