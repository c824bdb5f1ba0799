"""What every room may know: sentences, errors, acts, states and digests."""
