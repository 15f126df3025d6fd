//! A server that speaks HTTP/1.1 on loopback: one scripted reply a connection.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

/// What the server answers to one connection.
#[derive(Clone, Debug)]
pub struct Reply {
    bytes: Vec<u8>,
    /// Keeps the connection open for ever after it.
    hangs: bool,
}

impl Reply {
    pub fn raw(kind: &str, body: &[u8]) -> Self {
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        Self::of([head.as_bytes(), body].concat())
    }

    pub fn json(body: &str) -> Self {
        Self::raw("application/json", body.as_bytes())
    }

    pub fn text(body: &str) -> Self {
        Self::raw("text/plain", body.as_bytes())
    }

    /// Another status, with more header lines.
    pub fn status(status: u16, headers: &str) -> Self {
        Self::of(format!("HTTP/1.1 {status} X\r\n{headers}content-length: 0\r\n\r\n").into_bytes())
    }

    pub fn redirect(status: u16, to: &str) -> Self {
        Self::status(status, &format!("location: {to}\r\n"))
    }

    /// The connection ends without an answer.
    pub fn cut() -> Self {
        Self::of(Vec::new())
    }

    /// It ends in the middle of the body.
    pub fn cut_in_the_body() -> Self {
        Self::of(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf".to_vec())
    }

    /// The body begins and never ends.
    pub fn endless() -> Self {
        Self {
            hangs: true,
            ..Self::of(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\na body".to_vec())
        }
    }

    fn of(bytes: Vec<u8>) -> Self {
        Self {
            bytes,
            hangs: false,
        }
    }
}

/// What was asked.
#[derive(Clone, Debug)]
pub struct Asked {
    pub line: String,
    pub body: String,
    headers: Vec<(String, String)>,
}

impl Asked {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// A server, stopped when it is dropped.
pub struct Server {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    task: JoinHandle<()>,
}

impl Server {
    pub async fn start(replies: Vec<Reply>) -> Self {
        Self::start_at("127.0.0.1", replies).await
    }

    pub async fn start_at(address: &str, replies: Vec<Reply>) -> Self {
        Self::start_on(address, 0, replies).await
    }

    pub async fn start_on(address: &str, port: u16, replies: Vec<Reply>) -> Self {
        let listener = TcpListener::bind((address, port)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let task = tokio::spawn(serve(listener, replies, Arc::clone(&asked)));
        Self {
            address,
            asked,
            task,
        }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// What was asked so far, first to last.
    pub async fn asked(&self) -> Vec<Asked> {
        self.asked.lock().await.clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, replies: Vec<Reply>, asked: Arc<Mutex<Vec<Asked>>>) {
    let mut open = Vec::new();
    let mut replies = replies.into_iter();
    while let Ok((mut stream, _)) = listener.accept().await {
        let Some(request) = read(&mut stream).await else {
            continue;
        };
        asked.lock().await.push(request);
        let Some(reply) = replies.next() else {
            continue;
        };
        let _ = stream.write_all(&reply.bytes).await;
        if reply.hangs {
            open.push(stream);
        }
    }
}

/// One request, head and body.
async fn read(stream: &mut TcpStream) -> Option<Asked> {
    let mut bytes = Vec::new();
    loop {
        if let Some(asked) = parsed(&bytes) {
            return Some(asked);
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}

fn parsed(bytes: &[u8]) -> Option<Asked> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let mut lines = head.split("\r\n");
    let line = lines.next()?.to_owned();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length: usize = length.map_or(Ok(0), |(_, length)| length.parse()).ok()?;
    (body.len() >= length).then(|| Asked {
        line,
        body: body.to_owned(),
        headers,
    })
}
