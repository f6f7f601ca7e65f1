-- Formulas: what `{!` means in what callers send, settings of single principals, and grants for each result of a formula.

ALTER TABLE named_credentials ADD COLUMN formulas_in_header {text} NOT NULL DEFAULT 'refused'
    CHECK (formulas_in_header IN ('refused', 'evaluated', 'literal'));
ALTER TABLE named_credentials ADD COLUMN formulas_in_body {text} NOT NULL DEFAULT 'refused'
    CHECK (formulas_in_body IN ('refused', 'evaluated', 'literal'));
-- Never anything but 0: no release could switch them on.
ALTER TABLE named_credentials DROP COLUMN allow_formulas_in_header;
ALTER TABLE named_credentials DROP COLUMN allow_formulas_in_body;

ALTER TABLE principals ADD COLUMN settings {text} NOT NULL DEFAULT '{}';

-- Which of the grants of one identity: empty, or a digest of the settings that formulas made for one user.
ALTER TABLE grants ADD COLUMN variant {text} NOT NULL DEFAULT '';
DROP INDEX grants_owner_key;
CREATE UNIQUE INDEX grants_variant ON grants (principal_id, owner_key, variant);
