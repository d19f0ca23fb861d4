-- name: paid_within_the_pools
-- reconciliation: royalty
-- stage: compared
-- kind: run
-- severity: error
-- expect: value <= 0
-- description: All holders together are paid no more than their lines come to.

SELECT SUM(payment) - SUM(lines_total) AS over_the_lines
FROM decisions
