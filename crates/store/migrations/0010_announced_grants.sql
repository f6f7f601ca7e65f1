-- Grants that were taken away or replaced by hand: every node forgets what it holds of them. Rows live for an hour.
CREATE TABLE announced_grants (
    id {text} NOT NULL PRIMARY KEY,
    principal_id {text} NOT NULL,
    owner_id {text},
    announced_at BIGINT NOT NULL
);
CREATE INDEX announced_grants_by_moment ON announced_grants (announced_at);
