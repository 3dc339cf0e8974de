"""Programs that use asyncio as its documentation does; test_docs_examples.py runs them."""
