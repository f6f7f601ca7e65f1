-- What a provider said when it refused a renewal, and when, so that every node can explain it.

ALTER TABLE grants ADD COLUMN failure_at BIGINT;
-- JSON: {"error": ..., "description": ...}. Holds no secret: it is cut and redacted before it gets here.
ALTER TABLE grants ADD COLUMN failure_said {text};
