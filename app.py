"""The screens of Portage: ``streamlit run app.py``."""

from pages.components.frame import run_app

run_app()
