-- What the users of a permission set or profile may do with Sortie itself: a JSON list of names.

ALTER TABLE permission_sets ADD COLUMN permissions {text} NOT NULL DEFAULT '[]';
ALTER TABLE profiles ADD COLUMN permissions {text} NOT NULL DEFAULT '[]';
