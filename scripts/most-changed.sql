-- The files that have changed most often, and what all versions of them are together.
-- :name='%' backup name, a pattern of LIKE; all by default
-- :rows=20 how many
SELECT name, path, count(*) AS versions, sum(size) AS bytes
FROM versions
WHERE kind = 'f' AND name LIKE :name
GROUP BY name, path
ORDER BY versions DESC, bytes DESC, path
LIMIT :rows
