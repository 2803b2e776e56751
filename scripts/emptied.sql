-- Which folders of a backup had files before, and have none left.
-- :name backup name
-- :snapshot=NULL id of the snapshot; the newest one by default
-- :previous=NULL id of the one that it is compared with; the complete one before it by default
WITH
  later(id) AS (SELECT ifnull(:snapshot, (SELECT max(id) FROM snapshots WHERE name = :name))),
  earlier(id) AS (SELECT ifnull(:previous, (SELECT max(id) FROM snapshots WHERE name = :name AND errors = 0 AND id < (SELECT id FROM later)))),
  before AS MATERIALIZED (
    SELECT DISTINCT folder FROM versions
    WHERE name = :name AND kind = 'f' AND since <= (SELECT id FROM earlier) AND (until = 0 OR until >= (SELECT id FROM earlier))
  ),
  now AS MATERIALIZED (
    SELECT DISTINCT folder FROM versions
    WHERE name = :name AND kind = 'f' AND since <= (SELECT id FROM later) AND (until = 0 OR until >= (SELECT id FROM later))
  ),
  folders AS MATERIALIZED (
    SELECT path FROM versions
    WHERE name = :name AND kind = 'd' AND since <= (SELECT id FROM later) AND (until = 0 OR until >= (SELECT id FROM later))
  )
SELECT folder FROM before
WHERE folder NOT IN (SELECT folder FROM now) AND (folder = '' OR folder IN (SELECT path FROM folders))
  AND NOT EXISTS (SELECT 1 FROM now WHERE now.folder >= before.folder || '/' AND now.folder < before.folder || '0')
ORDER BY folder
