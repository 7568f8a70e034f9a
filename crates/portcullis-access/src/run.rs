//! Runs between two storages.

use std::net::{IpAddr, Ipv4Addr};

use portcullis_domain::{Channel, RunPass};

use crate::principal::{Origin, Principal};
use crate::{Access, System};

impl Access {
    /// Who a run acts as. The policy decides each of its steps as anybody's: it reaches the two places of its pass and what their
    /// storages reserve, until one of them is detached. What it overwrites is kept as a previous version where that can be.
    #[must_use]
    pub fn run_principal(&self, _: &System, pass: RunPass) -> Principal {
        let request_id = pass.run.clone();
        let peer = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let origin =
            Origin { channel: Channel::Rest, peer, request_id: &request_id, tool: "sync", line: None };
        Principal::of_run(pass, &origin)
    }
}
