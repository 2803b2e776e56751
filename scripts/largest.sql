-- The largest files of the newest snapshots.
-- :name='%' backup name, a pattern of LIKE; all by default
-- :rows=20 how many
SELECT name, path, size FROM files WHERE name LIKE :name ORDER BY size DESC, path LIMIT :rows
