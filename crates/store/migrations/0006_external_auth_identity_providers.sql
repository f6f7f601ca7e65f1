-- External auth identity providers, and the client id and secret that are stored for each. The values are sealed; everything else is public.

CREATE TABLE external_auth_identity_providers (
    id {text} NOT NULL PRIMARY KEY,
    name {text} NOT NULL,
    folded {text} NOT NULL,
    label {text} NOT NULL,
    description {text} NOT NULL,
    flow {text} NOT NULL CHECK (flow IN ('authorization_code', 'client_credentials')),
    client_authentication {text} NOT NULL CHECK (client_authentication IN ('basic', 'basic_plain', 'body')),
    authorize_endpoint {text},
    token_endpoint {text} NOT NULL,
    user_info_endpoint {text},
    uses_pkce BIGINT NOT NULL CHECK (uses_pkce IN (0, 1)),
    issuer {text},
    default_scopes {text} NOT NULL,
    -- JSON, in the order of sending.
    parameters {text} NOT NULL
);
CREATE UNIQUE INDEX external_auth_identity_providers_folded ON external_auth_identity_providers (folded);

CREATE TABLE external_auth_identity_provider_values (
    id {text} NOT NULL PRIMARY KEY,
    provider_id {text} NOT NULL REFERENCES external_auth_identity_providers (id) ON DELETE CASCADE,
    name {text} NOT NULL,
    version BIGINT NOT NULL,
    -- Sealed for this row, this version and the provider's token endpoint.
    sealed {bytes} NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX external_auth_identity_provider_values_name ON external_auth_identity_provider_values (provider_id, name);
