-- One text for both databases. `{text}`, `{bytes}` and `{now}` become the words of the one at hand.
--
-- Every unique index is named `<table>_<last column>`: SQLite reports the columns and PostgreSQL the name, and so both
-- say the same. Identities are UUIDs in text, times milliseconds since 1970, truth values 0 and 1.

-- The database's own clock: leases and expiry are compared on it, never on a node's.
CREATE VIEW clock AS SELECT {now} AS millis;

CREATE TABLE deployment (
    singleton BIGINT NOT NULL PRIMARY KEY CHECK (singleton = 1),
    id {text} NOT NULL,
    -- Grows by one with every change of a definition, in the order of the commits.
    generation BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE profiles (
    id {text} NOT NULL PRIMARY KEY,
    name {text} NOT NULL,
    folded {text} NOT NULL,
    label {text} NOT NULL,
    description {text} NOT NULL
);
CREATE UNIQUE INDEX profiles_folded ON profiles (folded);

CREATE TABLE permission_sets (
    id {text} NOT NULL PRIMARY KEY,
    name {text} NOT NULL,
    folded {text} NOT NULL,
    label {text} NOT NULL,
    description {text} NOT NULL
);
CREATE UNIQUE INDEX permission_sets_folded ON permission_sets (folded);

CREATE TABLE users (
    id {text} NOT NULL PRIMARY KEY,
    name {text} NOT NULL,
    folded {text} NOT NULL,
    profile_id {text} REFERENCES profiles (id),
    is_active BIGINT NOT NULL CHECK (is_active IN (0, 1)),
    attributes {text} NOT NULL
);
CREATE UNIQUE INDEX users_folded ON users (folded);
CREATE INDEX users_by_profile ON users (profile_id);

CREATE TABLE permission_set_assignments (
    user_id {text} NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    permission_set_id {text} NOT NULL REFERENCES permission_sets (id) ON DELETE CASCADE,
    PRIMARY KEY (user_id, permission_set_id)
);
CREATE INDEX permission_set_assignments_by_set ON permission_set_assignments (permission_set_id);

CREATE TABLE api_keys (
    id {text} NOT NULL PRIMARY KEY,
    user_id {text} NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    label {text} NOT NULL,
    secret_hash {bytes} NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT
);
CREATE INDEX api_keys_by_user ON api_keys (user_id);

CREATE TABLE external_credentials (
    id {text} NOT NULL PRIMARY KEY,
    name {text} NOT NULL,
    folded {text} NOT NULL,
    label {text} NOT NULL,
    description {text} NOT NULL,
    protocol {text} NOT NULL,
    settings {text} NOT NULL,
    additional_status_codes {text} NOT NULL,
    headers {text} NOT NULL,
    -- The generation of the last change of anything that a token depends on.
    revision BIGINT NOT NULL
);
CREATE UNIQUE INDEX external_credentials_folded ON external_credentials (folded);

CREATE TABLE principals (
    id {text} NOT NULL PRIMARY KEY,
    external_credential_id {text} NOT NULL REFERENCES external_credentials (id) ON DELETE CASCADE,
    name {text} NOT NULL,
    folded {text} NOT NULL,
    identity_type {text} NOT NULL CHECK (identity_type IN ('named', 'per_user')),
    sequence_number BIGINT NOT NULL
);
CREATE UNIQUE INDEX principals_folded ON principals (external_credential_id, folded);
CREATE UNIQUE INDEX principals_sequence_number ON principals (external_credential_id, sequence_number);

CREATE TABLE principal_access (
    principal_id {text} NOT NULL REFERENCES principals (id) ON DELETE CASCADE,
    permission_set_id {text} REFERENCES permission_sets (id) ON DELETE CASCADE,
    profile_id {text} REFERENCES profiles (id) ON DELETE CASCADE,
    CHECK ((permission_set_id IS NULL) <> (profile_id IS NULL))
);
CREATE UNIQUE INDEX principal_access_permission_set_id ON principal_access (principal_id, permission_set_id);
CREATE UNIQUE INDEX principal_access_profile_id ON principal_access (principal_id, profile_id);
CREATE INDEX principal_access_by_permission_set ON principal_access (permission_set_id);
CREATE INDEX principal_access_by_profile ON principal_access (profile_id);

CREATE TABLE named_credentials (
    id {text} NOT NULL PRIMARY KEY,
    name {text} NOT NULL,
    folded {text} NOT NULL,
    label {text} NOT NULL,
    description {text} NOT NULL,
    url {text} NOT NULL,
    external_credential_id {text} NOT NULL REFERENCES external_credentials (id),
    is_enabled BIGINT NOT NULL CHECK (is_enabled IN (0, 1)),
    generate_authorization_header BIGINT NOT NULL CHECK (generate_authorization_header IN (0, 1)),
    allow_formulas_in_header BIGINT NOT NULL CHECK (allow_formulas_in_header IN (0, 1)),
    allow_formulas_in_body BIGINT NOT NULL CHECK (allow_formulas_in_body IN (0, 1)),
    forwarded_headers {text} NOT NULL,
    headers {text} NOT NULL,
    timeouts {text} NOT NULL
);
CREATE UNIQUE INDEX named_credentials_folded ON named_credentials (folded);
CREATE INDEX named_credentials_by_external_credential ON named_credentials (external_credential_id);

-- In the next three, `owner_id` is NULL where the principal's identity is shared. NULLs are distinct in a unique index,
-- so `owner_key` stands in for it there: the same text, or the empty one.

CREATE TABLE credential_values (
    id {text} NOT NULL PRIMARY KEY,
    principal_id {text} NOT NULL REFERENCES principals (id) ON DELETE CASCADE,
    owner_id {text} REFERENCES users (id) ON DELETE CASCADE,
    owner_key {text} NOT NULL CHECK (owner_key = COALESCE(owner_id, '')),
    name {text} NOT NULL,
    version BIGINT NOT NULL,
    sealed {bytes} NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX credential_values_name ON credential_values (principal_id, owner_key, name);
CREATE INDEX credential_values_by_owner ON credential_values (owner_id);

CREATE TABLE grants (
    id {text} NOT NULL PRIMARY KEY,
    principal_id {text} NOT NULL REFERENCES principals (id) ON DELETE CASCADE,
    owner_id {text} REFERENCES users (id) ON DELETE CASCADE,
    owner_key {text} NOT NULL CHECK (owner_key = COALESCE(owner_id, '')),
    -- Grows with every new grant; 0 until the first one.
    version BIGINT NOT NULL,
    -- Of the external credential, when the grant was obtained.
    revision BIGINT,
    sealed {bytes},
    issued_at BIGINT,
    expires_at BIGINT,
    -- Grows with every lease; who holds an older one can write nothing any more.
    fence BIGINT NOT NULL,
    lease_owner {text},
    lease_until BIGINT,
    inflight_started_at BIGINT,
    -- How the last renewal failed, and of which revision of the external credential that is true.
    state {text} NOT NULL CHECK (state IN ('ok', 'needs_authentication', 'configuration_error')),
    failure_code {text},
    failure_revision BIGINT,
    retry_not_before BIGINT,
    CHECK ((sealed IS NULL) = (revision IS NULL) AND (sealed IS NULL) = (issued_at IS NULL)),
    CHECK ((failure_code IS NULL) = (failure_revision IS NULL))
);
CREATE UNIQUE INDEX grants_owner_key ON grants (principal_id, owner_key);
CREATE INDEX grants_by_owner ON grants (owner_id);

CREATE TABLE health (
    principal_id {text} NOT NULL REFERENCES principals (id) ON DELETE CASCADE,
    owner_id {text} REFERENCES users (id) ON DELETE CASCADE,
    owner_key {text} NOT NULL CHECK (owner_key = COALESCE(owner_id, '')),
    last_success BIGINT,
    last_failure BIGINT,
    last_failure_code {text},
    token_expires_at BIGINT,
    PRIMARY KEY (principal_id, owner_key)
);
CREATE INDEX health_by_owner ON health (owner_id);

CREATE TABLE keyring (
    id {text} NOT NULL PRIMARY KEY,
    state {text} NOT NULL CHECK (state IN ('pending', 'active', 'decrypt_only', 'retired')),
    wrapped {bytes} NOT NULL,
    stored_at BIGINT NOT NULL
);
-- At most one key is active: of several nodes that start on an empty database, one writes it.
CREATE UNIQUE INDEX keyring_state ON keyring (state) WHERE state = 'active';

CREATE TABLE audit_anchors (
    lane {text} NOT NULL,
    sequence BIGINT NOT NULL,
    hash {bytes} NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (lane, sequence)
);
