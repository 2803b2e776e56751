-- Of which endings the files of the newest snapshots are.
-- :name='%' backup name, a pattern of LIKE; all by default
-- :rows=20 how many
SELECT ext, count(*) AS files, sum(size) AS bytes FROM files WHERE name LIKE :name GROUP BY ext ORDER BY bytes DESC, ext LIMIT :rows
