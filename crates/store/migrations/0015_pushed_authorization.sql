-- Where a provider takes the parameters of a login from us, instead of from the browser (RFC 9126). Auth providers have it in their JSON.
ALTER TABLE external_auth_identity_providers ADD COLUMN pushed_authorization_endpoint {text};
