-- The files that are gone since, with the last snapshot that holds each.
-- :name='%' backup name, a pattern of LIKE; all by default
-- :days=30 how many days to look back
SELECT h.name, h.path, h.size, h.gone, s.stamp AS last
FROM history h JOIN snapshots s ON s.id = h.until
WHERE h.kind = 'f' AND h.name LIKE :name AND h.gone >= datetime(now(), '-' || :days || ' days')
  AND (h.name, h.path) NOT IN (SELECT name, path FROM versions WHERE until = 0)
ORDER BY h.gone DESC, h.name, h.path
