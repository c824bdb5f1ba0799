"""The letter as it goes out: record, editions, seal, register, verification."""
