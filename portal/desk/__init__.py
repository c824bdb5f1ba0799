"""The desk: pages that look over several rooms."""
