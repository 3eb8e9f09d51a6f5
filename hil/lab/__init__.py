"""A lab of boards on cables: which there are and where they hang, and who has which right now."""
