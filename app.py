"""The web application: `streamlit run app.py`. The pages are in pages/, what they share in pages/parts/."""

from pages.parts.navigation import run_app

run_app()
