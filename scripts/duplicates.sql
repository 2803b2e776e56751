-- The contents that are there several times now, by what the further copies take in the sources.
-- :rows=20 how many
SELECT path, copies, size, extra FROM duplicates ORDER BY extra DESC, path LIMIT :rows
