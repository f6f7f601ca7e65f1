-- Who has stored a value: whoever did knows it, and may have it sent elsewhere. None: an operator, or somebody before this was kept.

ALTER TABLE credential_values ADD COLUMN stored_by {text};
ALTER TABLE provider_values ADD COLUMN stored_by {text};
