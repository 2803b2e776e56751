-- The runs that did not end well, the newest first.
-- :days=90 how many days to look back
SELECT r.started, r.verb, r.name, r.outcome, coalesce(nullif(r.error, ''), s.errors || ' entries could not be read', '') AS error
FROM runs r LEFT JOIN snapshots s ON s.id = r.snapshot AND s.errors > 0
WHERE r.outcome <> 'ok' AND r.started >= datetime(now(), '-' || :days || ' days')
ORDER BY r.started DESC
