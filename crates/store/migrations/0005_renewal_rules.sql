-- Answers that mean "the token is stale" although their status does not say so.

ALTER TABLE external_credentials ADD COLUMN renewal_rules {text} NOT NULL DEFAULT '[]';
