//! The bytes' way: TCP, a socket file, TLS over either. Must not know packets.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rustls::{ClientConnection, StreamOwned};

use super::{Options, WireError};

/// A connection without TLS.
pub(super) enum Plain {
    Tcp(TcpStream),
    #[cfg(unix)]
    File(UnixStream),
}

/// A connection.
pub(super) enum Channel {
    Plain(Plain),
    Tls(Box<StreamOwned<ClientConnection, Plain>>),
}

impl Channel {
    /// Connects to the socket file, or to the first address of the host that answers.
    ///
    /// # Errors
    /// None does before `deadline`.
    pub(super) fn connect(options: &Options, deadline: Instant) -> Result<Self, WireError> {
        if let Some(path) = &options.socket {
            return Ok(Channel::Plain(socket_file(path)?));
        }
        let mut failed = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
        for address in addresses(&options.host, options.port, deadline)? {
            match TcpStream::connect_timeout(&address, left(deadline)?) {
                Ok(stream) => {
                    stream.set_nodelay(true)?;
                    return Ok(Channel::Plain(Plain::Tcp(stream)));
                }
                Err(error) => failed = error,
            }
        }
        Err(failed.into())
    }

    pub(super) fn is_tls(&self) -> bool {
        matches!(self, Channel::Tls(_))
    }

    /// Whether it cannot leave this machine.
    pub(super) fn is_local(&self) -> bool {
        match self {
            #[cfg(unix)]
            Channel::Plain(Plain::File(_)) => true,
            _ => false,
        }
    }

    /// How long one read or write may block.
    pub(super) fn block_for(&self, read: Duration, write: Duration) -> io::Result<()> {
        // Zero would mean for ever.
        let least = Duration::from_millis(1);
        let (read, write) = (Some(read.max(least)), Some(write.max(least)));
        let plain = match self {
            Channel::Plain(plain) => plain,
            Channel::Tls(stream) => stream.get_ref(),
        };
        match plain {
            Plain::Tcp(stream) => stream.set_read_timeout(read).and_then(|()| stream.set_write_timeout(write)),
            #[cfg(unix)]
            Plain::File(stream) => stream.set_read_timeout(read).and_then(|()| stream.set_write_timeout(write)),
        }
    }
}

#[cfg(unix)]
fn socket_file(path: &Path) -> Result<Plain, WireError> {
    Ok(Plain::File(UnixStream::connect(path)?))
}

#[cfg(not(unix))]
fn socket_file(path: &Path) -> Result<Plain, WireError> {
    Err(WireError::Configuration(format!("{}: this system has no socket files", path.display())))
}

/// The time left, or that there is none.
pub(super) fn left(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
}

/// Asks the system's resolver, which may take longer than we have: on a thread that may be left behind.
fn addresses(host: &str, port: u16, deadline: Instant) -> Result<Vec<SocketAddr>, WireError> {
    let (answer, answered) = mpsc::channel();
    let name = host.to_owned();
    std::thread::Builder::new().name("resolve".into()).spawn(move || {
        let _ = answer.send((name.as_str(), port).to_socket_addrs().map(Vec::from_iter));
    })?;
    match answered.recv_timeout(left(deadline)?) {
        Ok(addresses) => Ok(addresses?),
        Err(_) => Err(io::Error::from(io::ErrorKind::TimedOut).into()),
    }
}

impl Read for Plain {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Plain::Tcp(stream) => stream.read(buffer),
            #[cfg(unix)]
            Plain::File(stream) => stream.read(buffer),
        }
    }
}

impl Write for Plain {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Plain::Tcp(stream) => stream.write(bytes),
            #[cfg(unix)]
            Plain::File(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Plain::Tcp(stream) => stream.flush(),
            #[cfg(unix)]
            Plain::File(stream) => stream.flush(),
        }
    }
}

impl Read for Channel {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Channel::Plain(plain) => plain.read(buffer),
            Channel::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Channel {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Channel::Plain(plain) => plain.write(bytes),
            Channel::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Channel::Plain(plain) => plain.flush(),
            Channel::Tls(stream) => stream.flush(),
        }
    }
}
