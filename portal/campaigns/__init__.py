"""Campaigns: one dispute with one addressee, who takes part, and how far it is."""
