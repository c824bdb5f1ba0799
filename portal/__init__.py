"""Rensho: one letter, written, approved and sent under the names of all who agreed."""
