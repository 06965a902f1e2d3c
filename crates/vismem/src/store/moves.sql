-- Events that gave exemplars other sources, made by the first of them in a memory of format 2. In `events` they are
-- relabellings, the nearest that format 1 knows.
CREATE TABLE moves (
  event  INTEGER PRIMARY KEY REFERENCES events (id)
) STRICT;
