-- Logins with a browser: what a provider offers for them.

-- Where a provider is told that a token is not needed any more (RFC 7009).
ALTER TABLE external_auth_identity_providers ADD COLUMN revocation_endpoint {text};
-- Where its public keys are.
ALTER TABLE external_auth_identity_providers ADD COLUMN key_set_endpoint {text};
-- Whether it says who it is when it sends a browser back (RFC 9207).
ALTER TABLE external_auth_identity_providers ADD COLUMN issuer_in_response BIGINT NOT NULL DEFAULT 0 CHECK (issuer_in_response IN (0, 1));

-- Logins under way, from the moment that a browser is sent to a provider until the person has confirmed what it brought back. They live for minutes.
CREATE TABLE logins (
    id {text} NOT NULL PRIMARY KEY,
    -- SHA-256 of the state that the provider gives back.
    state_hash {bytes} NOT NULL,
    -- SHA-256 of what only the browser holds in which the login began.
    browser_hash {bytes} NOT NULL,
    -- Who logs in: the only user who may go on; none for somebody at the command line of a node.
    user_id {text} REFERENCES users (id) ON DELETE CASCADE,
    -- Where the grant will be kept.
    principal_id {text} NOT NULL REFERENCES principals (id) ON DELETE CASCADE,
    owner_id {text} REFERENCES users (id) ON DELETE CASCADE,
    -- started: the browser is at the provider; returned: it is back, with a code; redeeming: the code is being redeemed; redeemed: a grant waits to be confirmed.
    stage {text} NOT NULL CHECK (stage IN ('started', 'returned', 'redeeming', 'redeemed')),
    -- Sealed for this row and this stage.
    sealed {bytes} NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX logins_state_hash ON logins (state_hash);
CREATE INDEX logins_by_user ON logins (user_id);
CREATE INDEX logins_by_expiry ON logins (expires_at);
CREATE INDEX logins_by_principal ON logins (principal_id);
CREATE INDEX logins_by_owner ON logins (owner_id);
