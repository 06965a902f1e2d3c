-- What format 2 adds: what else is known of exemplars, and that their pictures were moved.

CREATE TABLE attributes (
  id    INTEGER PRIMARY KEY,
  name  TEXT NOT NULL UNIQUE CHECK (name <> ''),
  type  TEXT NOT NULL CHECK (type IN ('boolean', 'number', 'date', 'text'))
) STRICT;

CREATE TABLE attribute_values (
  exemplar   INTEGER NOT NULL REFERENCES exemplars (id) ON DELETE CASCADE,
  attribute  INTEGER NOT NULL REFERENCES attributes (id),
  value      ANY NOT NULL,                                     -- 0 or 1; a real; YYYY-MM-DD; text
  PRIMARY KEY (exemplar, attribute)
) STRICT, WITHOUT ROWID;

-- Covers comparisons of an attribute with values and ranges.
CREATE INDEX attribute_values_by_value ON attribute_values (attribute, value, exemplar);

-- Events that gave exemplars other sources. In `events` they are relabellings, the nearest that format 1 knows.
CREATE TABLE moves (
  event  INTEGER PRIMARY KEY REFERENCES events (id)
) STRICT;
