-- What format 2 adds: what else is known of exemplars.

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
