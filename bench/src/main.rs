//! Closed-loop load on S3 servers, and the comparison that `RESULTS.md` keeps.
//!
//! `compare` starts every server itself, one after the other, on loopback, gives each the same work, and prints one table
//! with server CPU per operation beside the rates. `cut` switches a key off under many slow transfers. `sync`
//! plans what has not changed. `load` runs one workload against a server that is there.

mod client;
mod compare;
mod cut;
mod gateway;
mod measure;
mod nodes;
mod peers;
mod report;
mod signing;
mod sync;
mod workload;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "portcullis-bench", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start the servers one after the other and compare them
    Compare(compare::Args),
    /// Put the gateway in front of a provider and compare it with the provider itself
    Gateway(gateway::Args),
    /// Switch a key off under many slow transfers, on one node or several
    Cut(cut::Args),
    /// Two storages that are the same: how long it takes to see that, beside other programs
    Sync(sync::Args),
    /// One workload against a running server; the secret comes from BENCH_SECRET
    Load(LoadArgs),
}

#[derive(clap::Args)]
struct LoadArgs {
    /// host:port
    #[arg(long)]
    address: String,
    #[arg(long)]
    bucket: String,
    #[arg(long)]
    access_key: String,
    /// put4k, get4k, head, list1000, list1000-delimiter, put1m, get1m, put64m, get64m or mpu64m
    #[arg(long)]
    workload: String,
    #[arg(long, default_value_t = 8)]
    connections: usize,
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// The server's process, for its CPU time and memory
    #[arg(long)]
    pid: Option<u32>,
    /// A file with the secret key
    #[arg(long)]
    secret_file: PathBuf,
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Compare(args) => compare::run(&args),
        Command::Gateway(args) => gateway::run(&args),
        Command::Cut(args) => cut::run(&args),
        Command::Sync(args) => sync::run(&args),
        Command::Load(args) => {
            let secret = std::fs::read_to_string(&args.secret_file)?.trim().to_owned();
            let target = client::Target::new(&args.address, &args.bucket, &args.access_key, &secret);
            let work = workload::Workload::named(&args.workload)?;
            workload::prepare(&target, &[work], 10_000)?;
            let span = std::time::Duration::from_secs(args.seconds);
            let cell = workload::run(&target, work, args.connections, span, 10_000, args.pid)?;
            report::line(&format!("{}: {cell}", args.workload))
        }
    }
}
