-- name: holdings_within_the_loan
-- reconciliation: payout
-- stage: registered
-- kind: sql
-- store: core
-- severity: error
-- expect: examined >= 1
-- examines: SELECT COUNT(*) FROM loans
-- description: The units that investors hold of a loan are no more than the loan has: nobody's share is paid twice.

SELECT l.loan_id, l.total_units, SUM(h.units) AS held
FROM loans l
JOIN holdings h ON h.loan_id = l.loan_id
GROUP BY l.loan_id, l.total_units
HAVING SUM(h.units) > l.total_units
