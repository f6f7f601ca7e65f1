-- Certificates: key pairs with a name, in versions. The private keys are sealed; everything else is public.

CREATE TABLE certificates (
    id {text} NOT NULL PRIMARY KEY,
    name {text} NOT NULL,
    folded {text} NOT NULL,
    label {text} NOT NULL,
    description {text} NOT NULL
);
CREATE UNIQUE INDEX certificates_folded ON certificates (folded);

CREATE TABLE certificate_versions (
    id {text} NOT NULL PRIMARY KEY,
    certificate_id {text} NOT NULL REFERENCES certificates (id) ON DELETE CASCADE,
    number BIGINT NOT NULL,
    -- What receivers tell the key by: unlike a name it is compared exactly.
    kid {text} NOT NULL,
    algorithm {text} NOT NULL,
    origin {text} NOT NULL CHECK (origin IN ('self_signed', 'requested', 'imported')),
    state {text} NOT NULL CHECK (state IN ('pending', 'active', 'retiring')),
    -- SubjectPublicKeyInfo, DER.
    public_key {bytes} NOT NULL,
    -- PKCS#8, sealed for this row and this public key.
    private_key {bytes} NOT NULL,
    -- What an authority is asked to sign, DER; while it is pending.
    request {bytes},
    -- One after the other in DER, leaf first; from the moment that it is not pending any more.
    chain {bytes},
    not_before BIGINT,
    not_after BIGINT,
    fingerprint {bytes},
    -- Of an active one: since when it signs.
    signs_from BIGINT,
    -- Of a retiring one: from when on it is retired.
    retires_at BIGINT,
    CHECK ((state = 'pending') = (request IS NOT NULL)),
    CHECK ((state = 'pending') = (chain IS NULL)),
    CHECK ((chain IS NULL) = (not_before IS NULL) AND (chain IS NULL) = (not_after IS NULL) AND (chain IS NULL) = (fingerprint IS NULL)),
    CHECK ((state = 'active') = (signs_from IS NOT NULL)),
    CHECK ((state = 'retiring') = (retires_at IS NOT NULL))
);
CREATE UNIQUE INDEX certificate_versions_number ON certificate_versions (certificate_id, number);
CREATE UNIQUE INDEX certificate_versions_kid ON certificate_versions (kid);
-- At most one version waits, and at most one takes over: a second renewal in the middle of one is refused by the database too.
CREATE UNIQUE INDEX certificate_versions_state ON certificate_versions (certificate_id, state) WHERE state <> 'retiring';
