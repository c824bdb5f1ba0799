"""Everything made for paper: faces, line breaking, flow, tables, PDF metadata, charts. Pure."""
