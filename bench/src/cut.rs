//! How quickly slow transfers end when their key is switched off, on one node or several.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde_json::Value;
use socket2::{Domain, Socket, Type};

use crate::client::{Payload, Target};
use crate::nodes::{Nodes, Place};
use crate::report;

/// What each client reads or sends, and how often.
const PIECE: usize = 4 << 10;
const EVERY: Duration = Duration::from_millis(100);
/// A file that is not read to its end meanwhile.
const LARGE: usize = 64 << 20;
/// The longest that is waited for the last of them.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The program under test
    #[arg(long, default_value = "target/release/portcullis")]
    portcullis: PathBuf,
    /// Where the servers' data go while they run
    #[arg(long, default_value = "target")]
    scratch: PathBuf,
    /// How many nodes; more than one need a database
    #[arg(long, default_value_t = 1)]
    nodes: usize,
    /// An empty PostgreSQL database, as postgres://user:password@host:port/name
    #[arg(long)]
    database: Option<String>,
    /// Transfers under way, half of them downloads, spread over the nodes
    #[arg(long, default_value_t = 1_000)]
    transfers: usize,
    /// How often
    #[arg(long, default_value_t = 5)]
    rounds: usize,
}

/// A client of one transfer.
struct Slow {
    stream: TcpStream,
    upload: bool,
    due: Instant,
    ended: Option<Instant>,
}

impl Slow {
    fn begin(target: &Target, upload: bool, number: usize) -> anyhow::Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        // What the server has handed over and nobody has read is small.
        socket.set_recv_buffer_size(PIECE)?;
        socket.connect(&target.address.parse::<SocketAddr>()?.into())?;
        let mut stream = TcpStream::from(socket);
        stream.set_nodelay(true)?;
        let request = if upload {
            target.request("PUT", &format!("up-{number}"), "", &Payload::unsigned(vec![7; 8 << 20]))
        } else {
            target.request("GET", "large", "", &Payload::unsigned(Vec::new()))
        };
        stream.write_all(&request.head)?;
        if upload {
            stream.write_all(&[7; PIECE])?;
        } else {
            let mut first = [0; 12];
            stream.read_exact(&mut first)?;
            ensure!(first.ends_with(b"200"), "{}", String::from_utf8_lossy(&first));
        }
        stream.set_nonblocking(true)?;
        Ok(Self { stream, upload, due: Instant::now(), ended: None })
    }

    /// Takes a look; goes on if it is time.
    fn turn(&mut self, now: Instant) {
        let failed = |error: &std::io::Error| error.kind() != ErrorKind::WouldBlock;
        let mut piece = [0; PIECE];
        let over = if self.upload {
            // An answer before the end is that it was cut.
            self.stream.read(&mut piece).map_or_else(|error| failed(&error), |_| true)
        } else {
            // A reset shows before what came earlier is read.
            !matches!(self.stream.take_error(), Ok(None))
        };
        if over {
            self.ended = Some(now);
        } else if self.due <= now {
            self.due = now + EVERY;
            let moved =
                if self.upload { self.stream.write(&[7; PIECE >> 2]) } else { self.stream.read(&mut piece) };
            if moved.is_err_and(|error| failed(&error)) {
                self.ended = Some(now);
            }
        }
    }
}

/// Runs all rounds and prints what they showed.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    ensure!(args.nodes == 1 || args.database.is_some(), "several nodes need --database");
    let place = Place {
        program: args.portcullis.clone(),
        scratch: std::path::absolute(&args.scratch)?,
        database: args.database.clone(),
    };
    let nodes = Nodes::start(&place, args.nodes)?;
    for target in &nodes.targets {
        target.put("large", vec![7; LARGE])?;
    }
    let (mut spans, mut answers, mut late) = (Vec::new(), Vec::new(), 0usize);
    for round in 1..=args.rounds {
        let found = one(&nodes, args.transfers)?;
        report::complain(&format!("round {round}: {}", found.receipt));
        late += found.spans.iter().filter(|span| **span > found.answered).count();
        answers.push(found.answered);
        spans.extend(found.spans);
    }
    spans.sort_unstable();
    answers.sort_unstable();
    let at = |share: usize| spans.get((spans.len() * share / 100).min(spans.len().saturating_sub(1)));
    let millis = |span: Option<&Duration>| span.map_or(0.0, |span| span.as_secs_f64() * 1e3);
    report::line(&format!(
        "{} nodes, {} transfers, {} rounds: from the beginning of the call to the end of a transfer \
         p50 {:.1} ms, p99 {:.1} ms, longest {:.1} ms; to the answer p50 {:.1} ms; {late} clients saw the end after the \
         answer; no new request was admitted after it",
        args.nodes,
        args.transfers,
        args.rounds,
        millis(at(50)),
        millis(at(99)),
        millis(spans.last()),
        millis(answers.get(answers.len() / 2)),
    ))
}

/// What one round showed; times from the beginning of the call.
struct Found {
    spans: Vec<Duration>,
    answered: Duration,
    receipt: Value,
}

fn one(nodes: &Nodes, transfers: usize) -> anyhow::Result<Found> {
    nodes.permit("read_write")?;
    let mut clients = Vec::with_capacity(transfers);
    for number in 0..transfers {
        let target = nodes.targets.get(number / 2 % nodes.targets.len()).context("a node")?;
        clients.push(Slow::begin(target, number % 2 == 1, number)?);
    }
    let begun = Instant::now();
    while begun.elapsed() < EVERY * 5 {
        clients.iter_mut().for_each(|client| client.turn(Instant::now()));
    }
    ensure!(clients.iter().all(|client| client.ended.is_none()), "a transfer ended before it was cut");
    let called = Instant::now();
    let (answer, answered) = thread::scope(|scope| {
        let call = scope.spawn(|| {
            let answer = nodes.permit("none")?;
            let answered = called.elapsed();
            for target in &nodes.targets {
                ensure!(target.status("GET", "large")? == 403, "a request was admitted after the answer");
            }
            Ok((answer, answered))
        });
        while called.elapsed() < PATIENCE && clients.iter().any(|client| client.ended.is_none()) {
            for client in clients.iter_mut().filter(|client| client.ended.is_none()) {
                client.turn(Instant::now());
            }
        }
        call.join().map_err(|_| anyhow::anyhow!("the call broke off"))?
    })?;
    let receipt = answer.get("receipt").cloned().unwrap_or_default();
    let ended: Option<Vec<Instant>> = clients.iter().map(|client| client.ended).collect();
    let ended = ended.context("a transfer was not cut")?;
    ensure!(
        receipt.get("transfers_cut").and_then(Value::as_u64) == u64::try_from(transfers).ok(),
        "{receipt}"
    );
    let spans = ended.into_iter().map(|at| at.saturating_duration_since(called)).collect();
    Ok(Found { spans, answered, receipt })
}

/// Ends a process with the run.
pub(crate) struct Ending(pub(crate) Child);

impl Drop for Ending {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
