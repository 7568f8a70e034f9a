//! The comparison: the same work for every server, in one run.

use std::path::PathBuf;
use std::time::Duration;

use crate::measure::peak_memory;
use crate::peers::{self, Peer, Programs};
use crate::report::{self, Row};
use crate::workload::{self, Workload};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The program under test
    #[arg(long, default_value = "target/release/portcullis")]
    portcullis: PathBuf,
    /// Where bench/peers put the others
    #[arg(long, default_value = "target/peers")]
    peers: PathBuf,
    /// Where the servers' data go while they run
    #[arg(long, default_value = "target")]
    scratch: PathBuf,
    /// Which servers
    #[arg(long, value_delimiter = ',', value_enum, default_values_t = [Peer::Portcullis, Peer::Garage, Peer::S3sFs, Peer::Seaweedfs])]
    servers: Vec<Peer>,
    /// Which workloads [default: all]
    #[arg(long, value_delimiter = ',')]
    workloads: Vec<String>,
    /// Numbers of connections
    #[arg(long, value_delimiter = ',', default_values_t = [1, 8, 64])]
    connections: Vec<usize>,
    /// Seconds for each cell
    #[arg(long, default_value_t = 4)]
    seconds: u64,
    /// Rounds; the table holds the medians
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Small objects stored before reading and listing
    #[arg(long, default_value_t = 20_000)]
    objects: usize,
}

/// Runs every server in turn, `rounds` times, and prints the table.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let works: Vec<Workload> = if args.workloads.is_empty() {
        Workload::ALL.to_vec()
    } else {
        args.workloads.iter().map(|name| Workload::named(name)).collect::<anyhow::Result<_>>()?
    };
    let programs = Programs {
        portcullis: args.portcullis.clone(),
        peers: args.peers.clone(),
        scratch: std::path::absolute(&args.scratch)?,
    };
    let mut rows = Vec::new();
    let mut memory = Vec::new();
    for round in 1..=args.rounds {
        for peer in &args.servers {
            let server = peers::start(*peer, &programs)?;
            workload::prepare(&server.target, &works, args.objects)?;
            for work in &works {
                for connections in &args.connections {
                    let span = Duration::from_secs(args.seconds);
                    let cell = workload::run(
                        &server.target,
                        *work,
                        *connections,
                        span,
                        args.objects,
                        Some(server.pid()),
                    )?;
                    report::complain(&format!(
                        "round {round} {peer:?} {} x{connections}: {cell}",
                        work.name()
                    ));
                    rows.push(Row { peer: *peer, work: *work, connections: *connections, cell });
                }
            }
            memory.push((*peer, peak_memory(&[server.pid()])));
        }
    }
    report::line("Cell: operations per second · server CPU µs per operation · p50/p99 ms.\n")?;
    report::line(&report::table(&rows, &args.servers, &works, &args.connections))?;
    for peer in &args.servers {
        let peak = memory.iter().filter(|(of, _)| of == peer).map(|(_, bytes)| *bytes).max().unwrap_or(0);
        report::line(&format!("Peak memory of {peer:?} over all of it: {} MB.", peak / 1_000_000))?;
    }
    Ok(())
}
