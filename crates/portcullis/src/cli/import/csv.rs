//! Comma-separated values (RFC 4180), read and written. What holds secrets is read strictly: a quotation mark that is never closed, or stands where
//! none may, is a fault with its line, not the rest of the file in one cell.

/// A record, and the line on which it begins, counted from 1.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) line: usize,
    pub(super) cells: Vec<String>,
}

/// A file that cannot be read, at this line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Broken {
    pub(super) line: usize,
    pub(super) why: &'static str,
}

/// The records of a text; empty lines are none. Cells are parted by commas or, if the first line has none and has semicolons, by those, as
/// spreadsheets of some countries write it.
///
/// # Errors
/// A quotation mark where none may be, or one that is never closed.
pub(super) fn records(text: &str) -> Result<Vec<Record>, Broken> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let delimiter = if !first.contains(',') && first.contains(';') { ';' } else { ',' };
    let (mut line, mut rest, mut records) = (1, text, Vec::new());
    while !rest.is_empty() {
        let begun = line;
        let mut cells = Vec::new();
        loop {
            let (cell, after) = cell(rest, delimiter, &mut line)?;
            cells.push(cell);
            if let Some(next) = after.strip_prefix(delimiter) {
                rest = next;
                continue;
            }
            rest = after.strip_prefix("\r\n").or_else(|| after.strip_prefix(['\n', '\r'])).unwrap_or(after);
            line += 1;
            break;
        }
        if cells.iter().any(|cell| !cell.trim().is_empty()) {
            records.push(Record { line: begun, cells });
        }
    }
    Ok(records)
}

/// The cell at the beginning of a text, and what comes after it: a delimiter, the end of a line or nothing.
fn cell<'a>(text: &'a str, delimiter: char, line: &mut usize) -> Result<(String, &'a str), Broken> {
    let Some(mut rest) = text.strip_prefix('"') else {
        let end = text.find([delimiter, '\r', '\n']).unwrap_or(text.len());
        let (cell, after) = text.split_at(end);
        if cell.contains('"') {
            return Err(Broken {
                line: *line,
                why: "a quotation mark stands within a cell; put the cell in quotation marks and double it",
            });
        }
        return Ok((cell.to_owned(), after));
    };
    let (begun, mut cell) = (*line, String::new());
    loop {
        let Some((piece, after)) = rest.split_once('"') else {
            return Err(Broken { line: begun, why: "a quotation mark is never closed" });
        };
        cell.push_str(piece);
        *line += piece.matches('\n').count();
        if let Some(next) = after.strip_prefix('"') {
            cell.push('"');
            rest = next;
        } else if after.is_empty() || after.starts_with([delimiter, '\r', '\n']) {
            return Ok((cell, after));
        } else {
            return Err(Broken { line: *line, why: "something stands behind a closing quotation mark" });
        }
    }
}

/// A line of these cells. What a spreadsheet would take for a formula gets an apostrophe in front: names come from outside.
pub(super) fn line_of(cells: &[&str]) -> String {
    let written = |text: &&str| {
        let guard = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
        if guard.is_empty() && !text.contains(['"', ',', ';', '\r', '\n']) {
            return (*text).to_owned();
        }
        format!("\"{guard}{}\"", text.replace('"', "\"\""))
    };
    cells.iter().map(written).collect::<Vec<_>>().join(",") + "\r\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(usize, Vec<String>)> {
        records(text).unwrap().into_iter().map(|record| (record.line, record.cells)).collect()
    }

    fn of(line: usize, cells: &[&str]) -> (usize, Vec<String>) {
        (line, cells.iter().map(|cell| (*cell).to_owned()).collect())
    }

    #[test]
    fn cells_and_lines() {
        assert_eq!(read("a,b\n1,2\n"), [of(1, &["a", "b"]), of(2, &["1", "2"])]);
        assert_eq!(
            read("\u{feff}a;b\r\n\r\n1;\"2;\"\"3\"\"\"\r\n"),
            [of(1, &["a", "b"]), of(3, &["1", "2;\"3\""])]
        );
        assert_eq!(
            read("a,b\n\"two\nlines\",x\nlast,"),
            [of(1, &["a", "b"]), of(2, &["two\nlines", "x"]), of(4, &["last", ""])]
        );
        assert_eq!(read("a;b,c\n"), [of(1, &["a;b", "c"])]);
        assert_eq!(read(",,\n ,\n\n"), []);
        assert_eq!(read("\"\"\"\"\n"), [of(1, &["\""])]);
        assert_eq!(read(""), []);
    }

    #[test]
    fn what_is_broken_says_where() {
        for (text, line) in
            [("a\nb\"c\n", 2), ("a\n\n\"b\nc", 3), ("\"a\"b,c\n", 1), ("x\n\"two\nlines\"z", 3)]
        {
            assert_eq!(records(text).unwrap_err().line, line, "{text:?}");
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let cells = ["plain", "a, \"b\"", "two\nlines", "semi;colon", ""];
        let (text, wanted) = (line_of(&cells), of(1, &cells));
        assert_eq!(read(&format!("{text}{text}")).first(), Some(&wanted));
        assert_eq!(line_of(&["=HYPERLINK(1)", "+1"]), "\"'=HYPERLINK(1)\",\"'+1\"\r\n");
    }
}
