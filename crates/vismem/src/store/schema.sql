-- The catalogue of a memory, format 2, apart from format_2.sql. docs/format.md explains it; `PRAGMA user_version` holds
-- the format's number.

CREATE TABLE memory (
  one           INTEGER PRIMARY KEY CHECK (one = 1),
  dim           INTEGER NOT NULL CHECK (dim > 0),
  encoder       TEXT NOT NULL,
  encoder_hash  TEXT NOT NULL,
  slots         INTEGER NOT NULL CHECK (slots >= 0),           -- committed rows of vectors.f32
  digest_state  BLOB NOT NULL CHECK (length(digest_state) = 2048),
  settings      BLOB NOT NULL CHECK (length(settings) = 32),   -- hash of encoder, taxonomy and pruning
  generation    INTEGER NOT NULL,                              -- raised when rows are erased or moved
  compacting    INTEGER NOT NULL CHECK (compacting IN (0, 1))  -- whether vectors.f32.new is to take its place
) STRICT;

CREATE TABLE labels (
  id    INTEGER PRIMARY KEY AUTOINCREMENT,
  name  TEXT NOT NULL UNIQUE CHECK (name <> '')
) STRICT;

-- One run of `vismem add`.
CREATE TABLE batches (
  id       INTEGER PRIMARY KEY AUTOINCREMENT,
  started  INTEGER NOT NULL                                    -- seconds since 1970, UTC
) STRICT;

CREATE TABLE exemplars (
  id           INTEGER PRIMARY KEY AUTOINCREMENT,              -- never reused
  slot         INTEGER NOT NULL UNIQUE CHECK (slot >= 0),      -- reused after erasure
  label        INTEGER NOT NULL REFERENCES labels (id),
  batch        INTEGER NOT NULL REFERENCES batches (id),
  source       ANY,                                            -- text; a blob where the path is not UTF-8
  content      BLOB NOT NULL UNIQUE CHECK (length(content) = 32),
  vector_hash  BLOB NOT NULL CHECK (length(vector_hash) = 32)
) STRICT;

-- Covers what opening a memory reads: slot, id and label of every exemplar.
CREATE INDEX exemplars_by_label ON exemplars (label, slot);

-- Slots below memory.slots that hold zeros and wait to be used again.
CREATE TABLE free_slots (
  slot  INTEGER PRIMARY KEY
) STRICT;

-- What changed exemplars or the taxonomy, in order: the digest after one event is the digest before the next.
CREATE TABLE events (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  kind       TEXT NOT NULL CHECK (kind IN ('add', 'forget', 'relabel', 'taxonomy', 'undo')),
  at         INTEGER NOT NULL,                                 -- seconds since 1970, UTC
  engine     TEXT NOT NULL,
  exemplars  INTEGER NOT NULL,                                 -- how many were added, changed, forgotten
  selected   TEXT,                                             -- for what was selected: by which criteria
  before     BLOB NOT NULL CHECK (length(before) = 32),
  after      BLOB NOT NULL CHECK (length(after) = 32),
  CHECK (exemplars > 0 OR (exemplars = 0 AND before = after))  -- the taxonomy is not part of the digest
) STRICT;

-- What relabelling can be undone: the labels before. A forget empties it, so that it keeps no trace.
CREATE TABLE changes (
  event     INTEGER NOT NULL REFERENCES events (id),
  exemplar  INTEGER NOT NULL REFERENCES exemplars (id),
  label     TEXT NOT NULL,
  PRIMARY KEY (event, exemplar)
) STRICT, WITHOUT ROWID;

-- What a change of the taxonomy replaced, as JSON, for the same purpose; a forget empties it as well.
CREATE TABLE former_taxonomies (
  event   INTEGER PRIMARY KEY REFERENCES events (id),
  levels  TEXT NOT NULL,                                       -- ["genus", "family"]
  names   TEXT NOT NULL                                        -- [["lynx", 0, "felis"], ...]: label, level, name
) STRICT;

-- Levels above the label, nearest first: genus, family, ...
CREATE TABLE levels (
  position  INTEGER PRIMARY KEY,
  name      TEXT NOT NULL UNIQUE CHECK (name <> '')
) STRICT;

CREATE TABLE taxonomy (
  label  INTEGER NOT NULL REFERENCES labels (id) ON DELETE CASCADE,
  level  INTEGER NOT NULL REFERENCES levels (position) ON DELETE CASCADE,
  name   TEXT NOT NULL CHECK (name <> ''),
  PRIMARY KEY (label, level)
) STRICT, WITHOUT ROWID;

-- The pruning that decisions honour; no row for none.
CREATE TABLE pruning (
  one        INTEGER PRIMARY KEY CHECK (one = 1),
  neighbors  INTEGER NOT NULL CHECK (neighbors BETWEEN 1 AND 10000),
  votes      INTEGER CHECK (votes >= 1),                       -- hard: hidden from so many wrong votes on
  share      REAL CHECK (share > 0 AND share <= 1),            -- hard: hidden from this share of retrievals on
  c          REAL CHECK (c >= 0),                              -- soft: a vote counts d / (c + wrong votes)
  d          REAL CHECK (d > 0),
  CHECK ((votes IS NOT NULL) + (share IS NOT NULL) + (c IS NOT NULL) = 1 AND (c IS NULL) = (d IS NULL))
) STRICT;
