-- The certificate that a named credential presents to its upstream in TLS.
ALTER TABLE named_credentials ADD COLUMN client_certificate_id {text} REFERENCES certificates (id);
CREATE INDEX named_credentials_by_client_certificate ON named_credentials (client_certificate_id);
