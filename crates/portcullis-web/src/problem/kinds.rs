//! Every kind of problem there is, for the OpenAPI document.

/// What stands before the name of a kind in the type of a problem.
pub(crate) const PREFIX: &str = "urn:portcullis:problem:";

/// The names of the kinds and what they are. Those of the pages behind links are not among them.
pub(crate) const KINDS: &[(&str, &str)] = &[
    ("access-denied", "403: the credentials hold, and do not suffice"),
    ("already-made", "409: made before under this Idempotency-Key; the answer is not to be had again"),
    ("archived", "409: the file lies in the provider's archive"),
    ("changed", "412: If-Match names another state of the record"),
    ("confirmation-needed", "403: prove once more who you are"),
    ("conflict", "409: something else has what has to be unique"),
    ("full", "507: no space left"),
    ("in-use", "409: other things belong to it"),
    ("internal", "500: the server failed"),
    ("invalid-credentials", "401: the credentials are wrong or no longer hold"),
    ("invalid-fields", "422: the fields in errors are not valid"),
    ("keys-by-admins-only", "403: the site lets only its admins make keys"),
    ("malformed", "400: not to be understood"),
    ("media-type", "415: the body has to be JSON"),
    ("method-not-allowed", "405: not at this address"),
    ("no-passkeys-here", "409: browsers have no passkeys at this server's address"),
    ("not-found", "404: nothing, or nothing that may be known of"),
    ("not-now", "409: as it is at the moment this cannot be done; the detail says what to do first"),
    ("other-bytes", "422: the digest that was sent is not that of the bytes that came"),
    ("overlap-runs", "409: the credentials before these still work"),
    ("precondition-failed", "412: a condition on a file does not hold"),
    ("quota-exceeded", "413: the storage would hold more than its quota"),
    ("range", "416: the file is shorter"),
    ("second-factor-needed", "401: send the code of the second factor too"),
    ("second-factor-required", "403: the site asks for a second factor"),
    ("throttled", "429: too many failed attempts"),
    ("timeout", "408: the body took too long"),
    ("too-large", "413: larger than it may be"),
    ("unauthenticated", "401: credentials needed"),
    ("unavailable", "503: try again"),
    ("under-way", "409: the call of this Idempotency-Key is not done"),
    ("unsupported", "501: the storage's provider cannot do this"),
];
