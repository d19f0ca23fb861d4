-- name: contract_in_force
-- reconciliation: settlement
-- stage: registered
-- kind: sql
-- store: core
-- severity: error
-- description: A merchant and method have one contract on any day: two that overlap settle a sale twice.

SELECT a.contract_id, b.contract_id AS other, a.merchant_id, a.method
FROM contracts a
JOIN contracts b ON b.merchant_id = a.merchant_id AND b.method = a.method AND b.contract_id > a.contract_id
WHERE (b.valid_to IS NULL OR a.valid_from <= b.valid_to) AND (a.valid_to IS NULL OR b.valid_from <= a.valid_to)
