-- name: paid_to_closed_account
-- reconciliation: payout
-- stage: decided
-- kind: sql
-- store: core
-- severity: error
-- description: Nobody is paid to an account that was closed by the end of the window.

SELECT d.investor_id, d.net, c.closed_on
FROM payout_decision d
JOIN closed_accounts c ON c.investor_id = d.investor_id
WHERE d.recon_run = :recon_run AND d.recon_source <> 'held' AND c.closed_on <= :window_to
