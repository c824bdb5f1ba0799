"""Exhibits: observed outputs, each a file or an address with time and digest."""
