//! The accept loop that every HTTP door shares: limits, time-outs, shutdown
