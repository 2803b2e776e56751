-- How many files, directories, links and others the newest snapshots hold, and how large they are.
-- :name='%' backup name, a pattern of LIKE; all by default
SELECT name, kind, count(*) AS entries, sum(size) AS bytes
FROM versions
WHERE until = 0 AND name LIKE :name
GROUP BY name, kind
ORDER BY name, entries DESC
