//! How long it takes to find out that nothing changed, and to go on after a power cut.

mod asked;
mod gate;
mod lists;
mod others;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::ensure;

use crate::client::{Connection, Payload, Target};
use crate::peers::Directory;
use crate::report;
use gate::{Gate, Took, figure};
use lists::{Bucket, Lists, key};

/// What to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum What {
    /// Two buckets: the first plan, the run that only writes down that both are the same, and plans after that.
    Buckets,
    /// The same with a storage of Portcullis, which is filled first.
    Storage,
    /// Two buckets without a delay, planned once.
    First,
    /// `kill -9` in the middle of a run.
    Resume,
    /// Other programs, on the buckets of the first.
    Others,
}

#[derive(clap::Args)]
pub(crate) struct Args {
    /// What to measure
    #[arg(long, value_delimiter = ',', value_enum, default_values_t = [What::Buckets, What::Others, What::Storage, What::Resume])]
    what: Vec<What>,
    /// The program under test
    #[arg(long, default_value = "target/release/portcullis")]
    portcullis: PathBuf,
    /// Where the servers' data go while they run
    #[arg(long, default_value = "target")]
    scratch: PathBuf,
    /// Objects on each side
    #[arg(long, default_value_t = 1_000_000)]
    objects: u64,
    /// What a page of one side's listing takes, in milliseconds
    #[arg(long, default_value_t = 50)]
    delay: u64,
    /// Plans of which the median counts
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Only programs whose name holds this
    #[arg(long, default_value = "")]
    only: String,
    #[command(flatten)]
    others: others::Programs,
}

/// Measures everything that was asked for.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let scratch = std::path::absolute(&args.scratch)?;
    for what in &args.what {
        match what {
            What::Buckets => buckets(args, &scratch)?,
            What::Storage => storage(args, &scratch)?,
            What::First => first(args, &scratch)?,
            What::Resume => resume(args, &scratch)?,
            What::Others => others(args, &scratch)?,
        }
    }
    Ok(())
}

/// A provider with a near and a far bucket of the same objects.
fn provider(args: &Args, delay: u64) -> anyhow::Result<(Lists, Target, Target)> {
    let bucket = |name, delay| Bucket { name, objects: args.objects, delay: Duration::from_millis(delay) };
    let lists = Lists::start(vec![bucket("near", 0), bucket("far", delay)])?;
    let target =
        |bucket: &str| Target::new(&lists.address, bucket, "BENCHBENCHBENCHBENCH", &"bench".repeat(8));
    let (near, far) = (target("near"), target("far"));
    Ok((lists, near, far))
}

fn row(what: &str, took: &Took, counts: [u64; 3]) -> anyhow::Result<()> {
    let [lists, heads, others] = counts;
    report::line(&format!(
        "| {what} | {:.1} | {:.1} | {} | {lists} | {heads} | {others} |",
        took.seconds,
        took.cpu,
        took.peak / 1_000_000
    ))
}

fn head() -> anyhow::Result<()> {
    report::line(
        "| Portcullis | seconds | processor seconds | peak MB | listings | looks at an object | other requests |\n|---|---|---|---|---|---|---|",
    )
}

/// The first plan, the run that follows, and then the plans in which nothing changed.
fn rounds(args: &Args, gate: &Gate, lists: &Lists, storage: &str, bucket: &str) -> anyhow::Result<()> {
    head()?;
    lists.counts.take();
    let plan = gate.plan(storage, bucket)?;
    ensure!(figure(&plan.view, "/totals/agree/files") == args.objects, "{}", plan.view);
    row("first plan, nothing known", &plan, lists.counts.take())?;
    let run = gate.run(&plan.view)?;
    row("its run: all is the same, write that down", &run, lists.counts.take())?;
    let mut all = Vec::new();
    for _ in 0..args.rounds {
        let plan = gate.plan(storage, bucket)?;
        ensure!(figure(&plan.view, "/totals/unchanged") == args.objects, "{}", plan.view);
        let counts = lists.counts.take();
        row("plan, nothing changed", &plan, counts)?;
        all.push(plan.seconds);
    }
    all.sort_by(f64::total_cmp);
    let median = all.get(all.len() / 2).copied().unwrap_or_default();
    report::line(&format!("\nPlan, nothing changed: median {median:.1} s.\n"))
}

fn buckets(args: &Args, scratch: &Path) -> anyhow::Result<()> {
    let (lists, near, far) = provider(args, args.delay)?;
    let gate = Gate::start(&args.portcullis, scratch, "sync")?;
    let (storage, bucket) = (gate.remote("near", &near)?, gate.remote("far", &far)?);
    report::line(&format!(
        "\n{} objects, two buckets, a page of one takes {} ms\n",
        args.objects, args.delay
    ))?;
    rounds(args, &gate, &lists, &storage, &bucket)
}

fn storage(args: &Args, scratch: &Path) -> anyhow::Result<()> {
    let (lists, _, far) = provider(args, args.delay)?;
    let gate = Gate::start(&args.portcullis, scratch, "sync")?;
    let (storage, own) = gate.builtin("Own")?;
    fill(&own, args.objects)?;
    let bucket = gate.remote("far", &far)?;
    report::line(&format!(
        "\n{} objects, a storage and a bucket, a page of the bucket takes {} ms\n",
        args.objects, args.delay
    ))?;
    rounds(args, &gate, &lists, &storage, &bucket)
}

fn first(args: &Args, scratch: &Path) -> anyhow::Result<()> {
    let (lists, near, far) = provider(args, 0)?;
    let gate = Gate::start(&args.portcullis, scratch, "sync")?;
    let (storage, bucket) = (gate.remote("near", &near)?, gate.remote("far", &far)?);
    report::line(&format!("\n{} objects, two buckets, no delay\n", args.objects))?;
    head()?;
    lists.counts.take();
    let plan = gate.plan(&storage, &bucket)?;
    ensure!(figure(&plan.view, "/totals/agree/files") == args.objects, "{}", plan.view);
    row("first plan, nothing known", &plan, lists.counts.take())
}

/// Stores the objects that the made-up provider has.
fn fill(target: &Target, objects: u64) -> anyhow::Result<()> {
    let next = Arc::new(AtomicU64::new(0));
    let lanes: Vec<_> = (0..64)
        .map(|_| {
            let (target, next) = (target.clone(), Arc::clone(&next));
            thread::spawn(move || -> anyhow::Result<()> {
                let mut connection = Connection::open(&target.address)?;
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= objects {
                        return Ok(());
                    }
                    let name = key(number);
                    let body = Payload::unsigned(name.clone().into_bytes());
                    let answer = connection.exchange(&target.request("PUT", &name, "", &body), false)?;
                    ensure!(answer.status == 200, "PUT: {}", answer.status);
                }
            })
        })
        .collect();
    for lane in lanes {
        lane.join().map_err(|_| anyhow::anyhow!("a thread panicked"))??;
    }
    Ok(())
}

/// Copies files into another Portcullis, is killed at a third, and begun again.
fn resume(args: &Args, scratch: &Path) -> anyhow::Result<()> {
    const FILES: u64 = 30_000;
    let provider = Gate::start(&args.portcullis, scratch, "provider")?;
    let (_, there) = provider.builtin("There")?;
    let mut gate = Gate::start(&args.portcullis, scratch, "sync")?;
    let (storage, own) = gate.builtin("Own")?;
    fill(&own, FILES)?;
    let bucket = gate.remote("there", &there)?;
    let plan = gate.plan(&storage, &bucket)?;
    let path = gate.begin(&plan.view)?;
    let begin = Instant::now();
    let done = |view: &serde_json::Value| figure(view, "/files_done");
    gate.until(&path, |view| done(view) > FILES / 3)?;
    let rate = FILES / 3 * 1_000 / u64::try_from(begin.elapsed().as_millis().max(1))?;
    let kill = Instant::now();
    gate.kill_and_boot()?;
    let up = kill.elapsed();
    let seen = gate.call("GET", &path, &serde_json::Value::Null)?;
    let listed = || -> anyhow::Result<u64> { Ok(figure(&provider_files(&provider)?, "/files")) };
    let before = listed()?;
    while listed()? <= before {
        thread::sleep(Duration::from_millis(10));
    }
    let first = kill.elapsed();
    gate.until(&path, |view| done(view) > done(&seen).max(FILES / 3))?;
    let shown = kill.elapsed();
    let ended = gate.settled(&path, &["waiting", "running", "settling"])?;
    ensure!(done(&ended) == FILES, "{ended}");
    report::line(&format!(
        "\nResume: {FILES} files of 23 bytes into another server, {rate} a second; after `kill -9` at a third the server is up after {:.1} s, \
         the first further object is in the bucket after {:.1} s, progress is shown after {:.1} s; all of it took {:.1} s.",
        up.as_secs_f64(),
        first.as_secs_f64(),
        shown.as_secs_f64(),
        begin.elapsed().as_secs_f64()
    ))
}

fn provider_files(provider: &Gate) -> anyhow::Result<serde_json::Value> {
    let all = provider.call("GET", "/storages", &serde_json::Value::Null)?;
    Ok(all.pointer("/items/0").cloned().unwrap_or_default())
}

fn others(args: &Args, scratch: &Path) -> anyhow::Result<()> {
    let (lists, near, far) = provider(args, args.delay)?;
    let dir = Directory(scratch.join(format!("bench-{}-others", std::process::id())));
    std::fs::create_dir_all(&dir.0)?;
    report::line(
        "\n| other programs | before | measured | listings | looks at an object | command |\n|---|---|---|---|---|---|",
    )?;
    for other in args.others.all(&near, &far, &dir.0)? {
        if !other.name.contains(&args.only) {
            continue;
        }
        lists.counts.take();
        let (before, ended) = args.others.measure(&other, &near, &dir.0)?;
        let [listings, heads, _] = lists.counts.take();
        let before = before.map_or_else(|| "–".to_owned(), |before| before.to_string());
        report::line(&format!(
            "| {} | {before} | {ended} | {listings} | {heads} | `{}` |",
            other.name,
            other.line()
        ))?;
    }
    Ok(())
}
