-- The address with which the last login at a provider worked: what is registered over there, as far as it can be known from here.
CREATE TABLE callback_urls (
    -- One of the two that follow.
    provider_id {text} NOT NULL PRIMARY KEY,
    external_auth_identity_provider_id {text} REFERENCES external_auth_identity_providers (id) ON DELETE CASCADE,
    auth_provider_id {text} REFERENCES auth_providers (id) ON DELETE CASCADE,
    url {text} NOT NULL,
    accepted_at BIGINT NOT NULL,
    CHECK ((external_auth_identity_provider_id IS NULL AND auth_provider_id = provider_id)
        OR (auth_provider_id IS NULL AND external_auth_identity_provider_id = provider_id))
);
