"""The web application: `streamlit run app.py`. The pages are in pages/, their shared parts in pages/parts/."""

if __name__ == "__main__":  # the script: runs at each visit and click
    from pages.parts.app.navigation import run_app

    run_app()
else:  # the server: made once
    import streamlit as st
    from starlette.middleware import Middleware

    from pages.parts.app.headers import SecurityHeaders
    from pages.parts.app.shutdown import lifespan

    app = st.App(__file__, lifespan=lifespan, middleware=[Middleware(SecurityHeaders)])
