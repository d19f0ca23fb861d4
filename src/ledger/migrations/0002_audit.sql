-- What was done by whom: append-only, each entry chained to the one before by a hash.

CREATE TABLE recon_audit (
    sequence BIGINT NOT NULL,           -- 1, 2, ... without a gap
    at VARCHAR(24) NOT NULL,
    who {NAME} NOT NULL,
    what VARCHAR(40) NOT NULL,
    detail {TEXT} NOT NULL,             -- JSON object
    previous VARCHAR(64) NOT NULL,
    hash VARCHAR(64) NOT NULL,          -- SHA-256 of the JSON list [sequence, at, who, what, detail, previous]
    PRIMARY KEY (sequence)
){TABLE};

CREATE TABLE recon_audit_head (
    id BIGINT NOT NULL,
    sequence BIGINT NOT NULL,
    hash VARCHAR(64) NOT NULL,
    PRIMARY KEY (id)
){TABLE};
INSERT INTO recon_audit_head (id, sequence, hash) VALUES (1, 0, '');
