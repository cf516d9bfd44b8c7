"""Everything that lies on disk: connections, units of work, tables, records, the log, search and files."""
