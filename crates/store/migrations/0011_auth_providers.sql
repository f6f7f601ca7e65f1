-- Auth providers, and one table for what is stored for the clients of both kinds of providers.

CREATE TABLE auth_providers (
    id {text} NOT NULL PRIMARY KEY,
    name {text} NOT NULL,
    folded {text} NOT NULL,
    label {text} NOT NULL,
    description {text} NOT NULL,
    kind {text} NOT NULL,
    -- JSON: what its kind asks for, by name.
    settings {text} NOT NULL,
    error_url {text},
    logout_url {text},
    icon_url {text},
    -- JSON: what Salesforce says of it besides, by name.
    salesforce {text} NOT NULL,
    -- JSON: endpoints, and how they want to be asked, as they were made when it was applied.
    server {text} NOT NULL
);
CREATE UNIQUE INDEX auth_providers_folded ON auth_providers (folded);

CREATE TABLE provider_values (
    id {text} NOT NULL PRIMARY KEY,
    -- One of the two that follow.
    provider_id {text} NOT NULL,
    external_auth_identity_provider_id {text} REFERENCES external_auth_identity_providers (id) ON DELETE CASCADE,
    auth_provider_id {text} REFERENCES auth_providers (id) ON DELETE CASCADE,
    name {text} NOT NULL,
    version BIGINT NOT NULL,
    -- Sealed for this row, this version and the provider's token endpoint.
    sealed {bytes} NOT NULL,
    updated_at BIGINT NOT NULL,
    CHECK ((external_auth_identity_provider_id IS NULL AND auth_provider_id = provider_id)
        OR (auth_provider_id IS NULL AND external_auth_identity_provider_id = provider_id))
);
CREATE UNIQUE INDEX provider_values_name ON provider_values (provider_id, name);

-- Sealed bytes are moved as they are: what they are bound to does not name the table. No release has written the old one.
INSERT INTO provider_values (id, provider_id, external_auth_identity_provider_id, name, version, sealed, updated_at)
    SELECT id, provider_id, provider_id, name, version, sealed, updated_at FROM external_auth_identity_provider_values;
DROP TABLE external_auth_identity_provider_values;
