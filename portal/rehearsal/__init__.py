"""Whole campaigns at once: the rehearsal of a secretariat, and the demonstration."""
