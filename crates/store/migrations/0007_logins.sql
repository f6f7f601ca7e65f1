-- Logins with a browser: what a provider offers for them.

-- Where a provider is told that a token is not needed any more (RFC 7009).
ALTER TABLE external_auth_identity_providers ADD COLUMN revocation_endpoint {text};
-- Where its public keys are.
ALTER TABLE external_auth_identity_providers ADD COLUMN key_set_endpoint {text};
-- Whether it says who it is when it sends a browser back (RFC 9207).
ALTER TABLE external_auth_identity_providers ADD COLUMN issuer_in_response BIGINT NOT NULL DEFAULT 0 CHECK (issuer_in_response IN (0, 1));
