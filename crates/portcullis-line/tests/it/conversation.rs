//! What a client of a line protocol says and hears: lines, and replies that begin with a code of three digits.

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Longer than anything takes that ends at all.
pub(crate) const LONG: Duration = Duration::from_secs(60);

pub(crate) trait Socket: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Socket for T {}
pub(crate) type Pipe = Pin<Box<dyn Socket>>;

/// A reply: its code and all its lines.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) code: u16,
    pub(crate) text: String,
}

impl fmt::Debug for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// One side of a conversation.
pub(crate) struct Conversation {
    pub(crate) pipe: Option<Pipe>,
}

impl Conversation {
    pub(crate) fn over(stream: TcpStream) -> Self {
        Self { pipe: Some(Box::pin(stream)) }
    }

    pub(crate) async fn send_raw(&mut self, bytes: &[u8]) {
        let pipe = self.pipe.as_mut().unwrap();
        pipe.write_all(bytes).await.unwrap();
        pipe.flush().await.unwrap();
    }

    /// Says something and hears the answer.
    pub(crate) async fn say(&mut self, line: &str) -> Told {
        self.send_raw(format!("{line}\r\n").as_bytes()).await;
        self.hear().await
    }

    pub(crate) async fn expect(&mut self, code: u16, line: &str) -> Told {
        let told = self.say(line).await;
        assert_eq!(told.code, code, "{line}: {told:?}");
        told
    }

    /// Hears one reply.
    pub(crate) async fn hear(&mut self) -> Told {
        self.heard().await.expect("the connection ended")
    }

    pub(crate) async fn hear_code(&mut self, code: u16) -> Told {
        let told = self.hear().await;
        assert_eq!(told.code, code, "{told:?}");
        told
    }

    /// Hears one reply; none if the connection ends.
    pub(crate) async fn heard(&mut self) -> Option<Told> {
        let mut text = String::new();
        loop {
            let line = timeout(LONG, self.line()).await.expect("nothing is said")?;
            let last =
                line.as_bytes().get(3) == Some(&b' ') && line.bytes().take(3).all(|b| b.is_ascii_digit());
            text.push_str(&line);
            if last {
                return Some(Told { code: line.get(..3).unwrap().parse().unwrap(), text });
            }
            text.push('\n');
        }
    }

    async fn line(&mut self) -> Option<String> {
        let (mut line, mut byte) = (Vec::new(), [0]);
        loop {
            match self.pipe.as_mut()?.read(&mut byte).await {
                Ok(1) => line.push(byte[0]),
                Ok(_) | Err(_) => return None,
            }
            if line.ends_with(b"\r\n") {
                line.truncate(line.len() - 2);
                return Some(String::from_utf8(line).unwrap());
            }
        }
    }

    /// Nothing more comes.
    pub(crate) async fn ended(&mut self) {
        let told = self.heard().await;
        assert_eq!(told, None);
    }
}
