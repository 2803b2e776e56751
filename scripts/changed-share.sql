-- Which share of the files of a backup has another content than before, or is gone.
-- :name backup name
-- :snapshot=NULL id of the snapshot; the newest one by default
-- :previous=NULL id of the one that it is compared with; the complete one before it by default
WITH
  later(id) AS (SELECT ifnull(:snapshot, (SELECT max(id) FROM snapshots WHERE name = :name))),
  earlier(id) AS (SELECT ifnull(:previous, (SELECT max(id) FROM snapshots WHERE name = :name AND errors = 0 AND id < (SELECT id FROM later)))),
  before AS (
    SELECT path, digest, until FROM versions
    WHERE name = :name AND kind = 'f' AND since <= (SELECT id FROM earlier) AND (until = 0 OR until >= (SELECT id FROM earlier))
  ),
  came AS (
    SELECT path, digest FROM versions
    WHERE name = :name AND kind = 'f' AND since > (SELECT id FROM earlier) AND since <= (SELECT id FROM later)
      AND (until = 0 OR until >= (SELECT id FROM later))
  )
SELECT 1.0 * count(*) FILTER (
  WHERE until <> 0 AND until < (SELECT id FROM later) AND (path, digest) NOT IN (SELECT path, digest FROM came)
) / count(*) AS share
FROM before
