"""How good the answers are, scored on questions whose answers are known."""
