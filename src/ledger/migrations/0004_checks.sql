-- Checks: validation queries and rules that people write into recon_checks with any SQL client, naming only the columns
-- that they need. Beside them every text that there ever was, who approved it, which flagged too much and are switched
-- off, and what the checks of each run found.

CREATE TABLE recon_checks (
    name {NAME} NOT NULL,
    reconciliation {NAME},              -- NULL: every one
    stage VARCHAR(40) NOT NULL DEFAULT 'compared',
    kind VARCHAR(40) NOT NULL DEFAULT 'sql',
    store {NAME},                       -- a store of recon.toml, for the kinds sql and pipeline
    query {TEXT} NOT NULL,              -- the SELECT, pipeline or rule
    examines {TEXT},                    -- a query that counts the records it looks at
    expect {TEXT},                      -- a condition on value or examined
    severity VARCHAR(40) NOT NULL DEFAULT 'error',
    warn_if VARCHAR(40),
    error_if VARCHAR(40),
    max_flag_rate VARCHAR(40),
    timeout_ms BIGINT,
    enabled BOOLEAN NOT NULL DEFAULT TRUE,
    owner {NAME},
    description {TEXT},
    updated_by {NAME},                  -- who changed it last, as they say
    updated_at VARCHAR(40),             -- when, as they say
    PRIMARY KEY (name)
){TABLE};

CREATE TABLE recon_check_versions (
    name {NAME} NOT NULL,
    version BIGINT NOT NULL,            -- 1, 2, ... of a check
    hash VARCHAR(64) NOT NULL,          -- of the name and what decides what the check does
    text {TEXT},                        -- the query
    author {NAME},                      -- NULL: not known
    time VARCHAR(40) NOT NULL,          -- when it was edited, as far as known, else when it was noticed
    definition {TEXT} NOT NULL,         -- JSON object of every column that decides what the check does
    noticed_at VARCHAR(24) NOT NULL,
    how VARCHAR(20) NOT NULL,           -- command, push: from a file, or sql: edited with another program
    reason {TEXT},                      -- why it was switched on or off
    deleted BIGINT NOT NULL,            -- 1: the row was deleted
    updated_by {NAME},                  -- as last seen beside this version, to see whether an edit changed it
    updated_at VARCHAR(40),
    origin VARCHAR(32) NOT NULL,        -- tells a repeated request from a second one
    PRIMARY KEY (name, version)
){TABLE};

CREATE TABLE recon_check_approvals (
    name {NAME} NOT NULL,
    version BIGINT NOT NULL,
    approver {NAME} NOT NULL,
    at VARCHAR(24) NOT NULL,
    hash VARCHAR(64) NOT NULL,          -- of the version that was approved
    PRIMARY KEY (name, version, approver)
){TABLE};

CREATE TABLE recon_check_trips (
    name {NAME} NOT NULL,
    number BIGINT NOT NULL,             -- 1, 2, ... of a check
    version BIGINT NOT NULL,
    cycle_id BIGINT,                    -- the run in which it flagged too much
    attempt BIGINT,
    at VARCHAR(24) NOT NULL,
    message {TEXT} NOT NULL,
    cleared_at VARCHAR(24),             -- NULL: it is off
    cleared_by {NAME},
    reason {TEXT},                      -- why it was switched on again
    PRIMARY KEY (name, number)
){TABLE};

CREATE TABLE recon_check_results (
    cycle_id BIGINT NOT NULL,
    attempt BIGINT NOT NULL,
    name {NAME} NOT NULL,
    role VARCHAR(20) NOT NULL,          -- decides, or shadow: it waits for approval
    stage VARCHAR(40) NOT NULL,
    version BIGINT NOT NULL,
    outcome VARCHAR(20) NOT NULL,
    severity VARCHAR(40) NOT NULL,
    violations BIGINT NOT NULL,
    examined BIGINT,
    unknown_records BIGINT NOT NULL,
    value {TEXT},
    message {TEXT} NOT NULL,
    samples {TEXT} NOT NULL,            -- JSON list of rows that violate it
    started_at VARCHAR(40) NOT NULL,
    duration_ms BIGINT NOT NULL,
    PRIMARY KEY (cycle_id, attempt, name, role)
){TABLE};
CREATE INDEX recon_check_results_name ON recon_check_results (name, started_at);
