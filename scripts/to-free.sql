-- Which snapshots to remove to free so much: those that alone hold most, without the newest complete one of each name.
-- :bytes=10737418240 how much; 10GiB by default
-- :name='%' backup name, a pattern of LIKE; all by default
WITH
  last AS (SELECT name, max(id) AS id FROM snapshots GROUP BY name),
  held AS (
    SELECT v.digest, max(v.size) AS size, min(v.since) AS first, max(iif(v.until = 0, last.id, v.until)) AS last
    FROM versions v JOIN last USING (name)
    WHERE v.kind = 'f' GROUP BY v.digest
  ),
  alone AS (SELECT first AS id, sum(size) AS only_bytes FROM held WHERE first = held.last GROUP BY first),
  kept AS (SELECT max(id) AS id FROM snapshots WHERE errors = 0 GROUP BY name),
  ranked AS (
    SELECT s.name, s.stamp, s.started, alone.only_bytes,
      sum(alone.only_bytes) OVER (ORDER BY alone.only_bytes DESC, s.id) AS freed
    FROM alone JOIN snapshots s USING (id)
    WHERE s.id NOT IN (SELECT id FROM kept) AND s.name LIKE :name AND instr(char(10) || s.tags || char(10), char(10) || 'pinned' || char(10)) = 0
  )
SELECT name || '/' || stamp AS snapshot, started, only_bytes, freed FROM ranked WHERE freed - only_bytes < :bytes ORDER BY freed
