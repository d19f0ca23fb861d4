-- Cycles, runs and what became of them. {ID}, {TEXT}, {NAME} and {TABLE} are written per engine by migrate.rs.
-- Moments are texts in UTC, to the millisecond, by the ledger server's clock: 2026-11-12T13:00:00.000Z.

CREATE TABLE recon_cycles (
    id {ID},
    reconciliation {NAME} NOT NULL,
    params {TEXT} NOT NULL,             -- JSON object, names in order
    key_hash VARCHAR(64) NOT NULL,      -- of reconciliation and params
    state VARCHAR(40) NOT NULL,
    state_at VARCHAR(24) NOT NULL,
    created_at VARCHAR(24) NOT NULL,
    token BIGINT NOT NULL,              -- the attempt that may write: a fencing token, only ever raised
    lease_until BIGINT,                 -- milliseconds since 1970 by the ledger server's clock; NULL: nobody works
    decided_attempt BIGINT              -- whose decisions stand
){TABLE};
CREATE UNIQUE INDEX recon_cycles_key ON recon_cycles (key_hash);
CREATE INDEX recon_cycles_created ON recon_cycles (reconciliation, created_at);
CREATE INDEX recon_cycles_state ON recon_cycles (state, state_at);

CREATE TABLE recon_runs (
    cycle_id BIGINT NOT NULL,
    attempt BIGINT NOT NULL,            -- 1, 2, ... in a cycle: the run's fencing token
    origin VARCHAR(32) NOT NULL,        -- tells a repeated request from a second one
    started_at VARCHAR(24) NOT NULL,
    ended_at VARCHAR(24),
    started_by {NAME} NOT NULL,
    host {NAME} NOT NULL,
    machine {NAME},                     -- where process numbers mean the same; NULL when not known
    pid BIGINT NOT NULL,
    process_start VARCHAR(40) NOT NULL,
    recon_version VARCHAR(40) NOT NULL,
    continues BIGINT,                   -- the attempt whose decisions this one completes
    superseded_by BIGINT,               -- the attempt that took over from this one
    verdict VARCHAR(20),
    reasons {TEXT},                     -- JSON list of sentences
    figures {TEXT},                     -- JSON: counts and totals of the comparison, amounts as texts
    discrepancies BIGINT,
    discrepancies_hash VARCHAR(64),
    PRIMARY KEY (cycle_id, attempt)
){TABLE};
CREATE INDEX recon_runs_started ON recon_runs (started_at);
CREATE INDEX recon_runs_ended ON recon_runs (ended_at);

CREATE TABLE recon_transitions (
    cycle_id BIGINT NOT NULL,
    step BIGINT NOT NULL,               -- 1, 2, ... in a cycle
    attempt BIGINT NOT NULL,
    from_state VARCHAR(40),
    to_state VARCHAR(40) NOT NULL,
    at VARCHAR(24) NOT NULL,
    by_whom {NAME} NOT NULL,
    detail {TEXT},
    origin VARCHAR(32) NOT NULL,
    PRIMARY KEY (cycle_id, step)
){TABLE};

CREATE TABLE recon_discrepancies (
    cycle_id BIGINT NOT NULL,
    attempt BIGINT NOT NULL,
    sequence BIGINT NOT NULL,           -- 0, 1, ... in a run
    record_key {TEXT} NOT NULL,         -- JSON object: column, value
    key_hash VARCHAR(32) NOT NULL,      -- of record_key, to find a record's history
    kind VARCHAR(20) NOT NULL,
    column_name {TEXT},
    legacy {TEXT},
    candidate {TEXT},
    difference {TEXT},                  -- candidate - legacy, every digit
    reason {TEXT},
    PRIMARY KEY (cycle_id, attempt, sequence)
){TABLE};
CREATE INDEX recon_discrepancies_key ON recon_discrepancies (key_hash);
CREATE INDEX recon_discrepancies_kind ON recon_discrepancies (cycle_id, attempt, kind);

CREATE TABLE recon_decision_summaries (
    cycle_id BIGINT NOT NULL,
    attempt BIGINT NOT NULL,
    at VARCHAR(24) NOT NULL,
    candidate BIGINT NOT NULL,
    legacy BIGINT NOT NULL,
    held BIGINT NOT NULL,
    totals {TEXT} NOT NULL,             -- JSON: column, total as text
    hash VARCHAR(64) NOT NULL,          -- of the decisions as they were written
    place {TEXT} NOT NULL,
    PRIMARY KEY (cycle_id, attempt)
){TABLE};

CREATE TABLE recon_snapshots (
    hash VARCHAR(64) NOT NULL,
    kind VARCHAR(40) NOT NULL,
    content {TEXT} NOT NULL,
    first_at VARCHAR(24) NOT NULL,
    PRIMARY KEY (hash)
){TABLE};

CREATE TABLE recon_run_snapshots (
    cycle_id BIGINT NOT NULL,
    attempt BIGINT NOT NULL,
    name {NAME} NOT NULL,
    hash VARCHAR(64) NOT NULL,
    PRIMARY KEY (cycle_id, attempt, name)
){TABLE};
CREATE INDEX recon_run_snapshots_hash ON recon_run_snapshots (hash);

CREATE TABLE recon_approvals (
    cycle_id BIGINT NOT NULL,
    attempt BIGINT NOT NULL,
    approver {NAME} NOT NULL,
    at VARCHAR(24) NOT NULL,
    decisions_hash VARCHAR(64) NOT NULL,
    PRIMARY KEY (cycle_id, attempt, approver)
){TABLE};
