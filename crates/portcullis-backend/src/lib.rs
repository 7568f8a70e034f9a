//! Drivers for object stores: memory and the embedded store
