-- When a login is of no use any more, for one that is not renewed: who only counts logins need not open them.

ALTER TABLE grants ADD COLUMN dies_at BIGINT;
