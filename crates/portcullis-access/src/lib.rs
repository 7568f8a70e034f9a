//! The trusted core: authenticate, decide, grant; the only road to bytes
