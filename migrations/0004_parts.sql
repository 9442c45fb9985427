-- Ids are random: an index of all of them has another page to be written for nearly each entry that comes. So each 65,536 rows, in the order
-- in which they came, have a part of the index of their own, and only the newest part is written to; whoever looks for an id looks into each.
-- Where chain and number are known, an entry is looked up by those.
DROP INDEX entry_prefix;
CREATE INDEX entry_id ON entry (row >> 16, prefix);
