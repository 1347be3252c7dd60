"""The scoreboard: every score of a study, and what follows from them."""
