-- Grants that were taken away, and whose provider does not know yet that they are not needed any more. What is owed outlives principal and user, so it refers to neither.
CREATE TABLE owed_revocations (
    id {text} NOT NULL PRIMARY KEY,
    principal_id {text} NOT NULL,
    owner_id {text},
    -- What the sealed bytes are bound to: they are moved here as they are.
    grant_id {text} NOT NULL,
    grant_version BIGINT NOT NULL,
    -- None once nobody tries any more.
    sealed {bytes},
    owed_since BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    -- No attempt before this moment; whoever attempts moves it first. None once nobody tries any more.
    try_at BIGINT,
    failure_code {text},
    given_up_at BIGINT,
    CHECK ((sealed IS NULL) = (try_at IS NULL) AND (sealed IS NULL) = (given_up_at IS NOT NULL))
);
CREATE INDEX owed_revocations_by_moment ON owed_revocations (try_at);
CREATE INDEX owed_revocations_by_owner ON owed_revocations (principal_id, owner_id);
