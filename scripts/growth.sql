-- What the snapshots of the last days brought, by folder.
-- :name='%' backup name, a pattern of LIKE; all by default
-- :days=30 how many days to look back
-- :depth=1 how many parts of a path make its folder
SELECT name, folder, sum(files) AS files, sum(bytes) AS bytes
FROM growth(:depth)
WHERE name LIKE :name AND started >= datetime(now(), '-' || :days || ' days')
GROUP BY name, folder
ORDER BY bytes DESC, name, folder
