-- name: repayment_used_once
-- reconciliation: payout
-- stage: registered
-- kind: sql
-- store: core
-- severity: error
-- expect: examined >= 1
-- examines: SELECT COUNT(*) FROM repayments WHERE collected_on > :window_from AND collected_on <= :window_to
-- description: Every repayment of the window stands there once: a loan with two of the same day and amounts was booked twice.

SELECT loan_id, collected_on, repaid_principal, repaid_interest, COUNT(*) AS times
FROM repayments
WHERE collected_on > :window_from AND collected_on <= :window_to
GROUP BY loan_id, collected_on, repaid_principal, repaid_interest
HAVING COUNT(*) > 1
