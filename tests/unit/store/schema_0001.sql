-- SQLite's schema as revision 0001 made it, written down then. Never edit it.
CREATE TABLE meta (
    "key" TEXT NOT NULL,
    value TEXT NOT NULL,
    CONSTRAINT pk_meta PRIMARY KEY ("key")
);
CREATE TABLE counters (
    name TEXT NOT NULL,
    value BIGINT NOT NULL,
    CONSTRAINT pk_counters PRIMARY KEY (name)
);
CREATE TABLE users (
    fingerprint TEXT NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    serial TEXT NOT NULL,
    not_after BIGINT NOT NULL,
    added_at BIGINT NOT NULL,
    revoked_at BIGINT,
    CONSTRAINT pk_users PRIMARY KEY (fingerprint),
    CONSTRAINT ck_users_role_known CHECK (role IN ('analyst', 'officer', 'administrator'))
);
CREATE INDEX ix_users_name ON users (name);
CREATE TABLE manifests (
    number BIGINT NOT NULL,
    digest TEXT NOT NULL,
    envelope BLOB NOT NULL,
    at BIGINT NOT NULL,
    CONSTRAINT pk_manifests PRIMARY KEY (number),
    CONSTRAINT uq_manifests_digest UNIQUE (digest)
);
CREATE TABLE agreements (
    id TEXT NOT NULL,
    version BIGINT NOT NULL,
    digest TEXT NOT NULL,
    envelope BLOB NOT NULL,
    at BIGINT NOT NULL,
    CONSTRAINT pk_agreements PRIMARY KEY (id, version),
    CONSTRAINT uq_agreements_digest UNIQUE (digest)
);
CREATE TABLE choices (
    id TEXT NOT NULL,
    person TEXT NOT NULL,
    kind TEXT NOT NULL,
    scope TEXT NOT NULL,
    purposes TEXT NOT NULL,
    valid_from BIGINT NOT NULL,
    valid_to BIGINT,
    recorded_at BIGINT NOT NULL,
    recorded_by TEXT NOT NULL,
    ref TEXT NOT NULL,
    withdrawn_at BIGINT,
    withdrawn_by TEXT,
    CONSTRAINT pk_choices PRIMARY KEY (id),
    CONSTRAINT ck_choices_kind_known CHECK (kind IN ('consent', 'objection', 'opt-out', 'restriction'))
);
CREATE INDEX ix_choices_person ON choices (person);
CREATE TABLE requests (
    id TEXT NOT NULL,
    requester TEXT NOT NULL,
    role TEXT NOT NULL,
    digest TEXT NOT NULL,
    content BLOB NOT NULL,
    agreement_digest TEXT NOT NULL,
    manifest_digest TEXT NOT NULL,
    analyst TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    deadline BIGINT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT NOT NULL,
    finished_at BIGINT,
    CONSTRAINT pk_requests PRIMARY KEY (id),
    CONSTRAINT ck_requests_role_known CHECK (role IN ('requester', 'provider', 'linkage')),
    CONSTRAINT ck_requests_state_known CHECK (state IN ('open', 'done', 'refused', 'cancelled', 'expired', 'failed'))
);
CREATE INDEX ix_requests_requester_state ON requests (requester, state);
CREATE TABLE legs (
    request_id TEXT NOT NULL,
    provider TEXT NOT NULL,
    requester TEXT NOT NULL,
    role TEXT NOT NULL,
    step INTEGER NOT NULL,
    state TEXT NOT NULL,
    outcome TEXT NOT NULL,
    version BIGINT NOT NULL,
    attempts INTEGER NOT NULL,
    next_at BIGINT NOT NULL,
    deadline BIGINT NOT NULL,
    last_error TEXT NOT NULL,
    progress TEXT NOT NULL,
    CONSTRAINT pk_legs PRIMARY KEY (request_id, provider),
    CONSTRAINT fk_legs_request_id FOREIGN KEY(request_id) REFERENCES requests (id),
    CONSTRAINT ck_legs_step_known CHECK (step BETWEEN 1 AND 11),
    CONSTRAINT ck_legs_ended_at_last CHECK ((step = 11) = (state = 'ended')),
    CONSTRAINT ck_legs_role_known CHECK (role IN ('requester', 'provider', 'linkage')),
    CONSTRAINT ck_legs_state_known CHECK (state IN ('active', 'waiting', 'ended'))
);
CREATE INDEX ix_legs_state_next_at ON legs (state, next_at);
CREATE TABLE messages (
    request_id TEXT NOT NULL,
    provider TEXT NOT NULL,
    direction TEXT NOT NULL,
    peer TEXT NOT NULL,
    kind TEXT NOT NULL,
    digest TEXT NOT NULL,
    body BLOB NOT NULL,
    at BIGINT NOT NULL,
    CONSTRAINT pk_messages PRIMARY KEY (request_id, provider, direction, peer, kind),
    CONSTRAINT ck_messages_direction_known CHECK (direction IN ('sent', 'received'))
);
CREATE TABLE secrets (
    request_id TEXT NOT NULL,
    provider TEXT NOT NULL,
    name TEXT NOT NULL,
    sealed BLOB NOT NULL,
    CONSTRAINT pk_secrets PRIMARY KEY (request_id, provider, name)
);
CREATE TABLE openings (
    entry_id TEXT NOT NULL,
    name TEXT NOT NULL,
    salt BLOB NOT NULL,
    value BLOB NOT NULL,
    CONSTRAINT pk_openings PRIMARY KEY (entry_id, name)
);
CREATE TABLE approvals (
    request_id TEXT NOT NULL,
    provider TEXT NOT NULL,
    approver TEXT NOT NULL,
    decision TEXT NOT NULL,
    reason TEXT NOT NULL,
    at BIGINT NOT NULL,
    CONSTRAINT pk_approvals PRIMARY KEY (request_id, provider),
    CONSTRAINT ck_approvals_decision_known CHECK (decision IN ('approve', 'refuse'))
);
CREATE TABLE peers (
    org TEXT NOT NULL,
    note BLOB NOT NULL,
    size BIGINT NOT NULL,
    CONSTRAINT pk_peers PRIMARY KEY (org)
);
CREATE TABLE audit_index (
    entry_id TEXT NOT NULL,
    position BIGINT NOT NULL,
    CONSTRAINT pk_audit_index PRIMARY KEY (entry_id),
    CONSTRAINT uq_audit_index_position UNIQUE (position)
);
CREATE TABLE results (
    request_id TEXT NOT NULL,
    provider TEXT NOT NULL,
    sealed BLOB NOT NULL,
    summary TEXT NOT NULL,
    at BIGINT NOT NULL,
    CONSTRAINT pk_results PRIMARY KEY (request_id, provider)
);
INSERT INTO counters VALUES ('choices', 0), ('clock', 0);
