-- Who owns the files of the newest snapshots.
-- :name='%' backup name, a pattern of LIKE; all by default
SELECT name, uid, gid, count(*) AS files, sum(size) AS bytes FROM files WHERE name LIKE :name GROUP BY name, uid, gid ORDER BY bytes DESC
