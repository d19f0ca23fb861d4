-- name: cancelled_more_than_sold
-- reconciliation: settlement
-- stage: registered
-- kind: sql
-- store: core
-- severity: error
-- description: What is cancelled of a sale is not more than the sale.

SELECT s.transaction_id, s.amount, SUM(c.amount) AS cancelled
FROM transactions s
JOIN transactions c ON c.original_id = s.transaction_id
GROUP BY s.transaction_id, s.amount
HAVING SUM(c.amount) > s.amount
