//! Administration: sites, users, storages and keys, shared by every front
