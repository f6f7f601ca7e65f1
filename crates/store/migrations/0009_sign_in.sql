-- People who sign in to the console.

CREATE TABLE passwords (
    user_id {text} NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    -- PHC text: algorithm, parameters, salt and hash of this very row.
    hash {text} NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE sessions (
    -- SHA-256 of what the browser has: who reads this table can be nobody.
    id_hash {bytes} NOT NULL PRIMARY KEY,
    user_id {text} NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    method {text} NOT NULL CHECK (method IN ('password', 'openid')),
    started_at BIGINT NOT NULL,
    -- Of the last page, to the minute.
    used_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL
);
CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX sessions_by_end ON sessions (ends_at);

-- How often a password was wrong, by the folded name that was typed, whether there is such a user or not, and where it came from.
CREATE TABLE sign_in_failures (
    account {text} NOT NULL,
    source {text} NOT NULL,
    failures BIGINT NOT NULL,
    since BIGINT NOT NULL,
    PRIMARY KEY (account, source)
);
CREATE INDEX sign_in_failures_by_time ON sign_in_failures (since);

-- Who somebody is at an OpenID provider. Issuer and subject together are never given to another person; names and addresses are.
CREATE TABLE openid_identities (
    issuer {text} NOT NULL,
    subject {text} NOT NULL,
    user_id {text} NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    linked_at BIGINT NOT NULL,
    PRIMARY KEY (issuer, subject)
);
CREATE INDEX openid_identities_by_user ON openid_identities (user_id);
