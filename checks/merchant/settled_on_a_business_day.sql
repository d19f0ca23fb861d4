-- name: settled_on_a_business_day
-- reconciliation: settlement
-- stage: decided
-- kind: sql
-- store: core
-- severity: error
-- description: No transaction is settled on a day on which banks are closed.

SELECT d.transaction_id, d.settlement_day
FROM settlement_decision d
JOIN calendar c ON c.day = d.settlement_day
WHERE d.recon_run = :recon_run AND c.is_business = 0
