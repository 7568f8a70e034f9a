//! `portcullis audit export`, `verify` and `public-key`.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Read, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::Context as _;
use portcullis_web::audit_file;
use serde_json::{Value, json};

use super::Usage;
use super::api::{Api, encode};
use super::args::{AuditCommand, AuditFormat, ExportArgs, Remote};
use super::refusals;
use super::render::text;

pub(super) fn run(remote: &Remote, command: &AuditCommand, request_id: Option<&str>) -> anyhow::Result<()> {
    match command {
        AuditCommand::Export(args) => export(remote, args, request_id),
        AuditCommand::Verify { file, public_key } => verify(remote, file, public_key.as_deref()),
        AuditCommand::PublicKey => {
            let answer = Api::new(remote)?.get("/audit-events/public-key")?;
            remote.form().done(&answer, &text(&answer, "public_key"))
        }
        AuditCommand::Explain(args) => refusals::explain(&Api::new(remote)?, remote.form(), args),
        AuditCommand::Sinks => {
            let answer = Api::new(remote)?.get("/audit-sinks")?;
            let items = answer.get("items").and_then(Value::as_array).cloned().unwrap_or_default();
            let header = ["NAME", "KIND", "TO", "STATE", "WAITING", "FAILING SINCE", "PROBLEM"];
            remote.form().list(&items, &header, |item| {
                let fields = ["name", "kind", "target", "state", "waiting", "failing_since", "problem"];
                fields.map(|name| text(item, name)).into()
            })
        }
    }
}

fn export(remote: &Remote, args: &ExportArgs, request_id: Option<&str>) -> anyhow::Result<()> {
    let format = match args.format {
        AuditFormat::Jsonl => "jsonl",
        AuditFormat::Csv => "csv",
    };
    let mut query = vec![("format", format)];
    let filters =
        [("request_id", request_id), ("key", args.key.as_deref()), ("storage", args.storage.as_deref())];
    query.extend(filters.into_iter().filter_map(|(name, value)| Some((name, value?))));
    if args.unassigned {
        query.push(("unassigned", "true"));
    }
    let mut answer = Api::new(remote)?.download(&format!("/audit-events/export?{}", encode(&query)))?;
    let Some(path) = &args.output else {
        io::copy(&mut answer, &mut io::stdout().lock())
            .context("the export broke off; what was written is not whole")?;
        return Ok(());
    };
    let mut options = OpenOptions::new();
    let mut file =
        options.write(true).create_new(true).mode(0o600).open(path).with_context(|| {
            format!("{} cannot be made; name a file that does not exist yet", path.display())
        })?;
    let written = io::copy(&mut answer, &mut file).and_then(|_| file.flush()).and_then(|()| file.sync_all());
    if written.is_err() {
        // Half an export is none.
        drop(std::fs::remove_file(path));
    }
    written.with_context(|| format!("the export broke off; {} was removed again", path.display()))
}

fn verify(remote: &Remote, path: &Path, public_key: Option<&str>) -> anyhow::Result<()> {
    let expected = public_key.map(read_key).transpose()?;
    let input: Box<dyn Read> = if path == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        Box::new(File::open(path).with_context(|| format!("{} cannot be opened", path.display()))?)
    };
    let verified = audit_file::verify(BufReader::new(input), expected.as_ref())?;
    let summary = verified.summary;
    let key = hex::encode(verified.public_key);
    let answer = json!({
        "clean": true,
        "site": (!verified.chain.is_empty()).then_some(&verified.chain),
        "entries": summary.entries,
        "first_seq": summary.first,
        "last_seq": summary.last,
        "checkpoints": summary.checkpoints,
        "before_chain": summary.before_chain,
        "removed_up_to": summary.removed.map(|(seq, _)| seq),
        "copied_at": summary.at.to_string(),
        "public_key": key,
        "public_key_was_given": expected.is_some(),
    });
    let (entries, first, last) = (summary.entries, summary.first, summary.last);
    let mut told =
        format!("{entries} entries, seq {first} to {last}, {} checkpoints, clean", summary.checkpoints);
    told.push_str(&format!("\n  copied at {}", summary.at));
    if let Some((seq, at)) = summary.removed {
        told.push_str(&format!("\n  entries up to {seq} were removed on {at} because their time was over"));
    }
    if summary.before_chain > 0 {
        let count = summary.before_chain;
        told.push_str(&format!(
            "\n  {count} older entries are from before the trail was chained: unchanged since this copy was made, no more"
        ));
    }
    if expected.is_none() {
        told.push_str(&format!(
            "\n  signed with {key}; compare it with what `portcullis audit public-key` told earlier, or give it with --public-key"
        ));
    }
    remote.form().done(&answer, &told)
}

fn read_key(text: &str) -> anyhow::Result<[u8; 32]> {
    let mut key = [0; 32];
    hex::decode_to_slice(text.trim(), &mut key).map_err(|_| {
        Usage("--public-key: 64 hexadecimal digits, as `portcullis audit public-key` prints them".to_owned())
    })?;
    Ok(key)
}
