-- The snapshots of which nothing was ever read back.
-- :name='%' backup name, a pattern of LIKE; all by default
SELECT name, stamp, started, files, bytes
FROM snapshots
WHERE name LIKE :name AND id NOT IN (SELECT snapshot FROM verifications WHERE read > 0)
ORDER BY name, started
