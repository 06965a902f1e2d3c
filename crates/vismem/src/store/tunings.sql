-- The vote that decisions go by where nobody says otherwise, made by the first choice of one in a memory of format 2: each
-- row is what was chosen from its event on, and the last one is what counts. In `events` a choice is a change of the taxonomy,
-- the nearest that format 1 knows.
CREATE TABLE tunings (
  event      INTEGER PRIMARY KEY REFERENCES events (id),
  undoes     INTEGER REFERENCES tunings (event),               -- the choice that this event took back
  chosen     INTEGER REFERENCES tunings (event),               -- the event that chose it; NULL for the default again
  vote       TEXT CHECK (vote IN ('plurality', 'distance', 'softmax', 'rank', 'kernel')),  -- NULL for the default
  k          INTEGER CHECK (k BETWEEN 1 AND 10000),
  parameter  REAL,                                             -- of distance, softmax and rank
  gamma      REAL,                                             -- of kernel
  lambda     REAL,
  CHECK ((vote IS NULL) = (k IS NULL)),
  CHECK ((parameter IS NOT NULL) = (coalesce(vote, '') IN ('distance', 'softmax', 'rank'))),
  CHECK ((gamma IS NOT NULL) = (coalesce(vote, '') = 'kernel') AND (lambda IS NULL) = (gamma IS NULL))
) STRICT;
