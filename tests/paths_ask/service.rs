//! A calculation API on a real socket, with every fault that one can have.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

/// One call as the service sees it.
pub struct Call {
    /// Its number, from 1.
    pub number: usize,
    pub body: Value,
    pub headers: Vec<String>,
    pub path: String,
}

impl Call {
    pub fn ids(&self) -> Vec<u64> {
        self.body["records"].as_array().expect("records").iter().map(|r| r["id"].as_u64().expect("id")).collect()
    }

    /// The right answer: `net` is `gross`.
    pub fn right(&self) -> Reply {
        Reply::Json(200, json!({ "records": self.answers() }).to_string())
    }

    pub fn answers(&self) -> Vec<Value> {
        let records = self.body["records"].as_array().expect("records").iter();
        records.map(|r| json!({ "id": r["id"], "net": r["gross"] })).collect()
    }
}

/// What the service does.
pub enum Reply {
    Json(u16, String),
    /// With further header lines.
    With(u16, String, String),
    /// Waits first.
    Slow(Duration, Box<Reply>),
    /// Closes without a word.
    Close,
    /// Says how much is to come, sends a part of it and closes.
    Half(String),
    /// Closes, and takes no further connection.
    Die,
}

pub struct Service {
    pub port: u16,
    pub calls: Arc<AtomicUsize>,
    /// Most calls at the same time.
    pub most: Arc<AtomicUsize>,
    /// Bodies of all calls.
    pub seen: Arc<Mutex<Vec<Value>>>,
    stop: Arc<AtomicBool>,
}

type Handler = dyn Fn(&Call) -> Reply + Send + Sync;

impl Service {
    pub fn start(handler: impl Fn(&Call) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let service = Service {
            port: listener.local_addr().expect("an address").port(),
            calls: Arc::default(),
            most: Arc::default(),
            seen: Arc::default(),
            stop: Arc::default(),
        };
        let handler: Arc<Handler> = Arc::new(handler);
        let (calls, most, seen, stop) =
            (service.calls.clone(), service.most.clone(), service.seen.clone(), service.stop.clone());
        let now = Arc::new(AtomicUsize::new(0));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let (calls, most, seen, stop) = (calls.clone(), most.clone(), seen.clone(), stop.clone());
                let (now, handler) = (now.clone(), handler.clone());
                std::thread::spawn(move || {
                    let _ = serve(stream, &*handler, &calls, &most, &now, &seen, &stop);
                });
            }
        });
        service
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/settle", self.port)
    }

    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

fn serve(
    stream: TcpStream,
    handler: &Handler,
    calls: &AtomicUsize,
    most: &AtomicUsize,
    now: &AtomicUsize,
    seen: &Mutex<Vec<Value>>,
    stop: &AtomicBool,
) -> std::io::Result<()> {
    // Answers are written in pieces, which must not wait for each other.
    stream.set_nodelay(true)?;
    let mut input = BufReader::new(stream.try_clone()?);
    let mut output = stream.try_clone()?;
    loop {
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            if input.read_line(&mut line)? == 0 {
                return Ok(());
            }
            if line.trim().is_empty() {
                break;
            }
            headers.push(line.trim().to_owned());
        }
        let length = headers
            .iter()
            .find_map(|h| {
                h.to_ascii_lowercase().strip_prefix("content-length:").map(|n| n.trim().parse::<usize>().unwrap())
            })
            .expect("a length");
        let mut body = vec![0; length];
        input.read_exact(&mut body)?;
        if stop.load(Ordering::SeqCst) {
            return Ok(());
        }
        most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        let body: Value = serde_json::from_slice(&body).expect("a JSON body");
        seen.lock().unwrap().push(body.clone());
        let path = headers[0].split(' ').nth(1).unwrap_or("").to_owned();
        let call = Call { number: calls.fetch_add(1, Ordering::SeqCst) + 1, body, headers, path };
        let mut reply = handler(&call);
        if let Reply::Slow(time, then) = reply {
            std::thread::sleep(time);
            reply = *then;
        }
        now.fetch_sub(1, Ordering::SeqCst);
        let (status, body, more) = match reply {
            Reply::Json(status, body) => (status, body, String::new()),
            Reply::With(status, body, more) => (status, body, more),
            Reply::Half(body) => {
                let part = &body[..body.len() / 2];
                write!(output, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{part}", body.len())?;
                return stream.shutdown(std::net::Shutdown::Both);
            }
            Reply::Die => {
                stop.store(true, Ordering::SeqCst);
                return stream.shutdown(std::net::Shutdown::Both);
            }
            Reply::Close | Reply::Slow(..) => return stream.shutdown(std::net::Shutdown::Both),
        };
        write!(
            output,
            "HTTP/1.1 {status} X\r\n{more}content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )?;
        output.flush()?;
    }
}
