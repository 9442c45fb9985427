//! Which sites hold copies of whose records, and why.
