"""The edge between HTTP and use cases: acts from requests, pages from refusals, the frame around pages."""
