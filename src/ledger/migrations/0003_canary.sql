-- How far the new path is trusted: every change of the share of records that take its value. The newest is in force,
-- before the first the project file's.

CREATE TABLE recon_canary (
    reconciliation {NAME} NOT NULL,
    number BIGINT NOT NULL,             -- 1, 2, ... for a reconciliation
    percent BIGINT NOT NULL,
    set_at VARCHAR(24) NOT NULL,
    set_by {NAME} NOT NULL,
    why {TEXT} NOT NULL,
    PRIMARY KEY (reconciliation, number)
){TABLE};
