-- How large the largest new dump is, as a share of the largest one before.
-- :name backup name
-- :glob='*.sql*' which files are dumps, by their paths
-- :snapshot=NULL id of the snapshot; the newest one by default
-- :previous=NULL id of the one that it is compared with; the complete one before it by default
WITH
  later(id) AS (SELECT ifnull(:snapshot, (SELECT max(id) FROM snapshots WHERE name = :name))),
  earlier(id) AS (SELECT ifnull(:previous, (SELECT max(id) FROM snapshots WHERE name = :name AND errors = 0 AND id < (SELECT id FROM later)))),
  dumps AS (SELECT size, since, until FROM versions WHERE name = :name AND kind = 'f' AND path GLOB :glob)
SELECT
  1.0 * ifnull(max(size) FILTER (WHERE since > (SELECT id FROM earlier) AND since <= (SELECT id FROM later)), 0)
  / nullif(max(size) FILTER (WHERE since <= (SELECT id FROM earlier) AND (until = 0 OR until >= (SELECT id FROM earlier))), 0) AS share
FROM dumps
