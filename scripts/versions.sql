-- Every version of a file, the newest first, with the times between which the snapshots hold it.
-- :path in the snapshots, such as letters/2026.odt
SELECT name, mtime, size, first_seen, last_seen, digest FROM history WHERE path = :path ORDER BY first_seen DESC, name
