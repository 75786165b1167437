"""The panel "Why this answer": the question searched for, the candidates, the times and the tokens."""

from __future__ import annotations

from typing import Any

import streamlit as st

from pages.parts.markdown.safe_markdown import safe_cell, safe_text
from pages.parts.wording import counted
from rag.schema import Candidate, Evidence


def show_why(evidence: Evidence, key: str) -> None:
    """Show a closed panel under an answer. An answer without a trace, stored by an older version, gets none."""
    trace = evidence.trace
    if trace is None:
        return
    with st.expander("Why this answer", icon=":material/troubleshoot:", type="compact", key=f"why-{key}"):
        st.markdown(f"**Searched for:** {safe_text(evidence.question)}")
        if trace.candidates:
            st.markdown(
                f"**Considered:** the best {counted(len(trace.candidates), 'candidate')}. The fused score counts "
                f"meaning (dense search) {trace.dense_weight:.0%}, words (lexical search) {1 - trace.dense_weight:.0%}."
            )
            st.dataframe(
                [_row(place, candidate) for place, candidate in enumerate(trace.candidates, 1)],
                hide_index=True,
                height=280,
                column_config={
                    "Score": st.column_config.NumberColumn(format="%.3f"),
                    "Cosine": st.column_config.NumberColumn(format="%.3f"),
                    "BM25": st.column_config.NumberColumn(format="%.1f"),
                    "Reranked": st.column_config.NumberColumn(format="%.3f"),
                },
            )
        else:
            st.markdown("**Considered:** nothing was found.")
        if trace.milliseconds:
            stages = " · ".join(f"{stage} {milliseconds:,.0f} ms" for stage, milliseconds in trace.milliseconds)
            st.markdown(f"**Time:** {stages}")
        if trace.prompt_tokens:
            st.markdown(f"**Tokens (estimated):** prompt {trace.prompt_tokens:,} · answer {trace.answer_tokens:,}")


def _row(place: int, candidate: Candidate) -> dict[str, Any]:
    row: dict[str, Any] = {
        "#": place,
        "Document": safe_cell(candidate.file_name),
        "Page": candidate.page,
        "Beginning": safe_cell(candidate.beginning),
        "Outcome": candidate.left_out or "passage",
        "Score": candidate.fused_score,
        "Dense rank": candidate.dense_rank,
        "Cosine": candidate.dense_score,
        "Lexical rank": candidate.lexical_rank,
        "BM25": candidate.lexical_score,
    }
    return row if candidate.rerank_score is None else {**row, "Reranked": candidate.rerank_score}
