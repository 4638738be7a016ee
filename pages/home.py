"""Home: what is in the database, what was done lately, and where to start."""

import streamlit as st

from pages.components.batch_list import show_recent
from pages.components.frame import go_button, opened
from pages.components.overview import show_overview

with opened("Home") as service:
    left, right = st.columns([4, 1], vertical_alignment="bottom")
    with left:
        st.title("Portage")
        st.markdown("Bring spreadsheets and exports into the database without breaking it.")
    with right:
        go_button("import", "Start here: import files", ":material/upload_file:")
    show_overview(service)
    show_recent(service)
