"""Teaches the fuzzer the forms of text that this contract names and JSON Schema has no name for; schemathesis.toml loads it."""

import schemathesis
from hypothesis import strategies as st

OURS = st.builds('"{}.{}.{}"'.format, st.integers(1, 5), st.integers(0, 5), st.integers(0, 5))
OTHERS = st.from_regex(r'\A(W/)?"[!#-~]{0,40}"\Z')

schemathesis.openapi.format("entity-tag", st.one_of(OURS, OTHERS, st.just("*")))
