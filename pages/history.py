"""History: every batch, what one of them changed, and the past of a single record."""

import streamlit as st

from pages.components import state
from pages.components.batch_list import show_entry
from pages.components.frame import link_to, opened
from pages.components.past import show_batch, show_lineage

with opened("History") as service:
    named = state.batch_id()
    if named is not None:
        show_batch(service, named)
    else:
        st.title("History")
        batches, record = st.tabs(["Batches", "One record"])
        with batches:
            entries = service.history(100)
            for entry in entries:
                show_entry(entry)
            if not entries:
                st.caption("Nothing was imported yet.")
                link_to("import", "Import the first files", ":material/arrow_forward:")
        with record:
            show_lineage(service)
