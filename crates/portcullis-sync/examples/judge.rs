//! Writes the table of what is done with a key: `cargo run -p portcullis-sync --example judge > crates/portcullis-sync/tests/plan/judge.txt`.

#[expect(clippy::unwrap_used, reason = "it is shared with the tests")]
#[path = "../tests/plan/table.rs"]
mod table;

#[expect(clippy::print_stdout, reason = "that is what it is for")]
fn main() {
    print!("{}", table::render());
}
