-- name: paid_within_collected
-- reconciliation: payout
-- stage: decided
-- kind: sql
-- store: core
-- severity: error
-- expect: value <= 0
-- description: What is to be paid is not more than what borrowers repaid in the window: the bank's account funds nothing else.

SELECT (SELECT COALESCE(SUM(CAST(net AS DECIMAL(30, 0))), 0) FROM payout_decision WHERE recon_run = :recon_run)
     - (SELECT COALESCE(SUM(repaid_principal + repaid_interest + late_interest), 0) FROM repayments
        WHERE collected_on > :window_from AND collected_on <= :window_to) AS unfunded
