//! Clients that are slow: each holds a transfer open until it is told to go on, and says then what became of it.

use std::io::{Read as _, Write as _};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::http::Signed;

/// How large a file is that is downloaded; more than all buffers on the way hold.
pub(crate) const DOWNLOAD: u64 = 32 << 20;
/// How large a file is that is uploaded.
pub(crate) const UPLOAD: u64 = 1 << 20;
/// What is transferred before a client stops.
const FIRST: usize = 32 << 10;
/// What a client that goes on transfers to show that it can.
const MORE: usize = 1 << 20;

/// What became of a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It went on: so much came, or the upload was acknowledged.
    WentOn,
    /// It ended before its end. When that was seen.
    Cut(Instant),
}

/// A transfer under way.
pub(crate) struct Slow {
    go: Sender<()>,
    thread: JoinHandle<Outcome>,
}

impl Slow {
    /// A download whose client reads no further for now.
    pub(crate) fn download(signed: &Signed<'_>, key: &str) -> Self {
        let mut stream = signed.open("GET", key, 0);
        let mut first = vec![0; FIRST];
        stream.read_exact(&mut first).unwrap_or_else(|error| panic!("{key}: {error}"));
        let text = String::from_utf8_lossy(&first[..200]).into_owned();
        assert!(text.starts_with("HTTP/1.1 200"), "{text}");
        Self::wait(move |go| {
            go.recv().unwrap();
            let mut piece = vec![0; 64 << 10];
            let mut came = 0;
            while came < MORE {
                match stream.read(&mut piece) {
                    Ok(read) if read > 0 => came += read,
                    Ok(_) | Err(_) => return Outcome::Cut(Instant::now()),
                }
            }
            Outcome::WentOn
        })
    }

    /// An upload whose client sends no more for now.
    pub(crate) fn upload(signed: &Signed<'_>, key: &str) -> Self {
        let mut stream = signed.open("PUT", key, UPLOAD);
        stream.write_all(&vec![7; FIRST]).unwrap();
        Self::wait(move |go| {
            let mut status = [0; 12];
            // Somebody who is cut off hears so without sending more.
            stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
            loop {
                match stream.read_exact(&mut status) {
                    Ok(()) => return ended(&status),
                    Err(error) if is_silence(&error) => {}
                    Err(_) => return Outcome::Cut(Instant::now()),
                }
                if go.try_recv().is_ok() {
                    break;
                }
            }
            stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
            drop(stream.write_all(&vec![7; usize::try_from(UPLOAD).unwrap() - FIRST]));
            match stream.read_exact(&mut status) {
                Ok(()) => ended(&status),
                Err(_) => Outcome::Cut(Instant::now()),
            }
        })
    }

    fn wait(client: impl FnOnce(Receiver<()>) -> Outcome + Send + 'static) -> Self {
        let (go, told) = channel();
        let thread = thread::Builder::new().stack_size(256 << 10).spawn(move || client(told)).unwrap();
        Self { go, thread }
    }

    /// Lets the client go on.
    pub(crate) fn go(&self) {
        // A client that was cut off may be gone.
        let _ = self.go.send(());
    }

    /// What became of it; to be asked after [`Slow::go`].
    pub(crate) fn outcome(self) -> Outcome {
        self.thread.join().unwrap()
    }
}

fn is_silence(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut)
}

fn ended(status: &[u8]) -> Outcome {
    if status.ends_with(b"200") { Outcome::WentOn } else { Outcome::Cut(Instant::now()) }
}
