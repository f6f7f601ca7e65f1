-- How many of the changes were of users, their keys and their own values alone: callouts are decided by the same definitions before and after them.

ALTER TABLE deployment ADD COLUMN user_changes BIGINT NOT NULL DEFAULT 0;
