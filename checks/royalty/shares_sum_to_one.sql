-- name: shares_sum_to_one
-- stage: registered
-- kind: sql
-- store: core
-- severity: error
-- expect: examined >= 1
-- examines: SELECT COUNT(*) FROM holders
-- description: The shares of a track and role come to the whole, neither less nor more.

SELECT track_id, role, COUNT(*) AS holders, SUM(share) AS shares
FROM holders
GROUP BY track_id, role
HAVING SUM(share) NOT IN (1, 10000)
