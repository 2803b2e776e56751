-- How many files each snapshot of a backup has, how large they are, and what it cost.
-- :name='%' backup name, a pattern of LIKE; all by default
SELECT name, started, files, bytes, new_bytes,
  bytes - lag(bytes) OVER (PARTITION BY name ORDER BY started) AS grown
FROM snapshots
WHERE name LIKE :name
ORDER BY name, started
