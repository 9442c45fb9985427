-- When what others wrote arrived here, by this node's clock: one row for each batch that was taken in, with the row of its last entry. What
-- arrived with it are the rows before it, down to the batch before. Node-local: a copy elsewhere arrived at another time.
CREATE TABLE arrival (
    row INTEGER NOT NULL PRIMARY KEY,
    at_ms INTEGER NOT NULL
) STRICT;
