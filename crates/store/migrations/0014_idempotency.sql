-- Requests that must not be done twice, by the key that their sender chose. They are kept for a day.
CREATE TABLE idempotency_keys (
    id {text} NOT NULL PRIMARY KEY,
    user_id {text} NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- SHA-256 of the key.
    key_hash {bytes} NOT NULL,
    -- SHA-256 of the request: the same key with another one is a mistake.
    request_hash {bytes} NOT NULL,
    -- The answer, sealed: it may hold what is shown once. None while the request is under way.
    sealed {bytes},
    created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX idempotency_keys_key_hash ON idempotency_keys (user_id, key_hash);
CREATE INDEX idempotency_keys_by_time ON idempotency_keys (created_at);
