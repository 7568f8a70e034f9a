//! The table that `RESULTS.md` keeps.

use std::io::Write as _;

use crate::measure::Cell;
use crate::peers::Peer;
use crate::workload::Workload;

/// A line on standard output.
pub(crate) fn line(text: &str) -> anyhow::Result<()> {
    writeln!(std::io::stdout().lock(), "{text}")?;
    Ok(())
}

/// A line on standard error.
pub(crate) fn complain(text: &str) {
    drop(writeln!(std::io::stderr().lock(), "{text}"));
}

/// What one round measured for one server.
pub(crate) struct Row {
    pub(crate) peer: Peer,
    pub(crate) work: Workload,
    pub(crate) connections: usize,
    pub(crate) cell: Cell,
}

/// The median of the rounds by rate.
pub(crate) fn median(mut cells: Vec<Cell>) -> Option<Cell> {
    cells.sort_by(|a, b| a.rate().total_cmp(&b.rate()));
    let middle = cells.len() / 2;
    cells.get(middle).copied()
}

/// A Markdown table: a row for each workload and number of connections, a column for each server.
pub(crate) fn table(rows: &[Row], peers: &[Peer], works: &[Workload], connections: &[usize]) -> String {
    let mut text = String::from("| operation | connections |");
    peers.iter().for_each(|peer| text.push_str(&format!(" {peer:?} |")));
    text.push_str(" ratio to the best peer |\n|---|---|");
    peers.iter().for_each(|_| text.push_str("---|"));
    text.push_str("---|\n");
    for work in works {
        for count in connections {
            let cell = |peer: Peer| {
                let of = |row: &&Row| row.peer == peer && row.work == *work && row.connections == *count;
                median(rows.iter().filter(of).map(|row| row.cell).collect())
            };
            let cells: Vec<_> = peers.iter().map(|peer| (*peer, cell(*peer))).collect();
            if cells.iter().all(|(_, cell)| cell.is_none()) {
                continue;
            }
            text.push_str(&format!("| {} | {count} |", work.name()));
            for (_, cell) in &cells {
                text.push_str(&cell.map_or_else(|| " – |".to_owned(), |cell| format!(" {cell} |")));
            }
            let rate = |ours: bool| {
                let of = cells.iter().filter(|(peer, _)| (*peer == Peer::Portcullis) == ours);
                of.filter_map(|(_, cell)| cell.map(|cell| cell.rate())).fold(0.0_f64, f64::max)
            };
            let (own, best) = (rate(true), rate(false));
            text.push_str(&if own > 0.0 && best > 0.0 {
                format!(" {:.2} |\n", own / best)
            } else {
                " – |\n".to_owned()
            });
        }
    }
    text
}
