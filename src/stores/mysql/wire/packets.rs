//! Packets out of a stream of bytes and into it: lengths, numbering, packets that go on in the next, and waiting.
//!
//! A packet is handed on only when all of it is there and carries the number that is due.

use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

use super::channel::{Channel, left};
use super::{StoreError, WireError};

/// Bytes of the receive buffer, unless a packet is longer.
const BUFFER: usize = 128 << 10;
/// A packet of this length goes on in the next one.
const LONGEST: usize = 0xFF_FFFF;
/// No server sends a packet of more, however it is cut.
const MOST: usize = (1 << 30) + LONGEST;
/// How often a wait for the server looks whether reading is to stop.
const LOOK_UP: Duration = Duration::from_millis(200);

/// How long the server is waited for.
#[derive(Clone, Copy, Debug)]
pub(in super::super) enum Patience {
    /// Everything must be done until then.
    Until(Instant),
    /// Each wait for itself; time spent on our own side does not count.
    Each(Duration),
}

/// Who is told about a wait.
pub(in super::super) trait Waiting {
    /// Called every now and then while the server lets us wait.
    ///
    /// # Errors
    /// A wish to stop waiting.
    fn waiting(&mut self) -> Result<(), StoreError> {
        Ok(())
    }
}

/// Nobody.
pub(in super::super) struct Idle;

impl Waiting for Idle {}

pub(super) struct Packets {
    channel: Channel,
    patience: Patience,
    buffer: Vec<u8>,
    /// What has come and is not handed on yet lies in `buffer[start..end]`.
    start: usize,
    end: usize,
    /// A packet that came in several parts.
    joined: Vec<u8>,
    /// The number that the next packet must carry.
    number: u8,
}

impl Packets {
    pub(super) fn new(channel: Channel, patience: Patience) -> Result<Self, WireError> {
        let mut packets =
            Packets { channel, patience, buffer: vec![0; BUFFER], start: 0, end: 0, joined: Vec::new(), number: 0 };
        packets.be_patient(patience)?;
        Ok(packets)
    }

    pub(super) fn be_patient(&mut self, patience: Patience) -> Result<(), WireError> {
        self.patience = patience;
        let most = match patience {
            Patience::Until(deadline) => left(deadline)?,
            Patience::Each(longest) => longest,
        };
        Ok(self.channel.block_for(most.min(LOOK_UP), most)?)
    }

    pub(super) fn channel(&self) -> &Channel {
        &self.channel
    }

    /// Puts TLS around the channel; the packets keep their numbers. Nothing may have come that was not asked for.
    pub(super) fn wrap(
        self,
        wrap: impl FnOnce(Channel, Patience) -> Result<Channel, WireError>,
    ) -> Result<Self, WireError> {
        if self.start < self.end {
            return Err(WireError::Protocol("the server sends on where TLS was to begin".into()));
        }
        let mut packets = Packets { channel: wrap(self.channel, self.patience)?, ..self };
        packets.be_patient(packets.patience)?;
        Ok(packets)
    }

    /// Sends a command: the numbers begin anew.
    pub(super) fn command(&mut self, command: u8, body: &[u8]) -> Result<(), WireError> {
        if self.start < self.end {
            return Err(WireError::Protocol("the server sent more than its last answer".into()));
        }
        self.number = 0;
        let mut payload = Vec::with_capacity(1 + body.len());
        payload.push(command);
        payload.extend_from_slice(body);
        self.send(&payload)
    }

    /// Sends one packet, with the number that is due.
    pub(super) fn send(&mut self, payload: &[u8]) -> Result<(), WireError> {
        let mut bytes = Vec::with_capacity(payload.len() + 8);
        let mut rest = payload;
        loop {
            let part = &rest[..rest.len().min(LONGEST)];
            rest = &rest[part.len()..];
            bytes.extend_from_slice(&(part.len() as u32).to_le_bytes()[..3]);
            bytes.push(self.number);
            bytes.extend_from_slice(part);
            self.number = self.number.wrapping_add(1);
            if part.len() < LONGEST {
                break;
            }
        }
        let start = Instant::now();
        match self.channel.write_all(&bytes).and_then(|()| self.channel.flush()) {
            Err(error) if is_wait(&error) => Err(WireError::Silence(start.elapsed())),
            written => Ok(written?),
        }
    }

    /// The next packet, without its head.
    #[inline]
    pub(super) fn next(&mut self, waiting: &mut impl Waiting) -> Result<&[u8], WireError> {
        if let [a, b, c, number, ref rest @ ..] = self.buffer[self.start..self.end] {
            let length = length([a, b, c]);
            if length <= rest.len() && length < LONGEST && number == self.number {
                let from = self.start + 4;
                self.start = from + length;
                self.number = number.wrapping_add(1);
                return Ok(&self.buffer[from..self.start]);
            }
        }
        self.next_with_waiting(waiting)
    }

    #[cold]
    fn next_with_waiting(&mut self, waiting: &mut impl Waiting) -> Result<&[u8], WireError> {
        // What was joined before has been used.
        self.joined = Vec::new();
        let mut from = self.part(waiting)?;
        if self.start - from < LONGEST {
            return Ok(&self.buffer[from..self.start]);
        }
        let mut joined = Vec::new();
        loop {
            let part = &self.buffer[from..self.start];
            joined.extend_from_slice(part);
            if part.len() < LONGEST {
                break;
            }
            if joined.len() > MOST {
                return Err(WireError::Protocol("a packet of more than a gibibyte".into()));
            }
            from = self.part(waiting)?;
        }
        self.joined = joined;
        Ok(&self.joined)
    }

    /// Waits until one part of a packet is in the buffer and steps over it; returns where its payload starts.
    fn part(&mut self, waiting: &mut impl Waiting) -> Result<usize, WireError> {
        self.fill(4, waiting)?;
        let head = &self.buffer[self.start..self.start + 4];
        let (length, number) = (length([head[0], head[1], head[2]]), head[3]);
        if number != self.number {
            return Err(WireError::Protocol(format!("packet {} was due and {number} came", self.number)));
        }
        self.fill(4 + length, waiting)?;
        self.number = number.wrapping_add(1);
        let from = self.start + 4;
        self.start = from + length;
        Ok(from)
    }

    /// Waits until so many bytes are in the buffer.
    fn fill(&mut self, wanted: usize, waiting: &mut impl Waiting) -> Result<(), WireError> {
        while self.end - self.start < wanted {
            self.make_room(wanted);
            let start = Instant::now();
            let read = loop {
                match self.channel.read(&mut self.buffer[self.end..]) {
                    Ok(read) => break read,
                    Err(error) if is_wait(&error) => {
                        waiting.waiting()?;
                        self.still_patient(start)?;
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error.into()),
                }
            };
            if read == 0 {
                let gone = "the server closed it";
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, gone).into());
            }
            self.end += read;
        }
        Ok(())
    }

    fn still_patient(&self, since: Instant) -> Result<(), WireError> {
        match self.patience {
            Patience::Until(deadline) => Ok(left(deadline).map(|_| ())?),
            Patience::Each(longest) if since.elapsed() >= longest => Err(WireError::Silence(longest)),
            Patience::Each(_) => Ok(()),
        }
    }

    /// Moves what is left to the buffer's start, and makes the buffer as long as needed and no longer.
    fn make_room(&mut self, wanted: usize) {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            if self.buffer.len() > BUFFER && wanted <= BUFFER {
                self.buffer = vec![0; BUFFER];
            }
        } else if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        if self.buffer.len() < wanted {
            self.buffer.resize(wanted, 0);
        }
    }
}

fn length([a, b, c]: [u8; 3]) -> usize {
    usize::from(a) | usize::from(b) << 8 | usize::from(c) << 16
}

/// A socket's time is up.
pub(super) fn is_wait(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::super::channel::Plain;
    use super::*;

    /// Packets at one end of a connection whose other end gets these bytes in pieces of these sizes, and is closed.
    fn receiving(bytes: Vec<u8>, pieces: &'static [usize]) -> Packets {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let client = TcpStream::connect(listener.local_addr().expect("bound")).expect("connected");
        let (mut server, _) = listener.accept().expect("a client");
        server.set_nodelay(true).expect("a socket");
        std::thread::spawn(move || {
            let (mut rest, mut sizes) = (&bytes[..], pieces.iter().cycle());
            while !rest.is_empty() {
                let piece = rest.len().min(*sizes.next().expect("endless"));
                if server.write_all(&rest[..piece]).is_err() {
                    return;
                }
                rest = &rest[piece..];
            }
        });
        Packets::new(Channel::Plain(Plain::Tcp(client)), Patience::Each(Duration::from_secs(20))).expect("packets")
    }

    /// A payload as packets, numbered on from `number`.
    fn packed(payload: &[u8], number: &mut u8) -> Vec<u8> {
        let (mut bytes, mut parts) = (Vec::new(), payload.chunks(LONGEST));
        loop {
            let part = parts.next().unwrap_or_default();
            bytes.extend_from_slice(&(part.len() as u32).to_le_bytes()[..3]);
            bytes.push(*number);
            bytes.extend_from_slice(part);
            *number = number.wrapping_add(1);
            if part.len() < LONGEST {
                return bytes;
            }
        }
    }

    fn payload(length: usize) -> Vec<u8> {
        (0..length).map(|at| (at * 31 + length) as u8).collect()
    }

    #[test]
    fn packets_come_out_as_they_went_in_however_the_bytes_arrive() {
        let lengths = [0, 1, 5, 250, BUFFER - 5, BUFFER - 4, BUFFER - 3, BUFFER, 0, 3 * BUFFER + 1, 7, 65_536, 2];
        for pieces in [&[1, 2, 3, 5_000][..], &[3, 70_000], &[BUFFER], &[4, 1, 100_000], &[usize::MAX]] {
            let mut number = 0;
            // More packets than there are numbers.
            let many = lengths.iter().chain(std::iter::repeat_n(&40, 600)).chain(&lengths);
            let bytes: Vec<u8> = many.clone().flat_map(|length| packed(&payload(*length), &mut number)).collect();
            let mut packets = receiving(bytes, pieces);
            for length in many {
                assert!(packets.next(&mut Idle).expect("a packet") == payload(*length), "{length} in {pieces:?}");
            }
            assert!(matches!(packets.next(&mut Idle), Err(WireError::Io(_))), "the end of the bytes is no packet");
        }
    }

    #[test]
    fn packets_that_go_on_are_joined_and_their_memory_is_given_back() {
        for length in [LONGEST - 1, LONGEST, LONGEST + 1, 2 * LONGEST] {
            let mut number = 0;
            let mut bytes = packed(&payload(length), &mut number);
            for small in [3, 0, 9] {
                bytes.extend(packed(&payload(small), &mut number));
            }
            let mut packets = receiving(bytes, &[900_001, 17]);
            assert!(packets.next(&mut Idle).expect("joined") == payload(length), "{length}");
            for small in [3, 0, 9] {
                assert_eq!(packets.next(&mut Idle).expect("a packet"), payload(small));
            }
            assert!(packets.next(&mut Idle).is_err());
            assert_eq!((packets.buffer.len(), packets.joined.capacity()), (BUFFER, 0), "{length}");
        }
    }

    #[test]
    fn a_packet_that_is_cut_or_misnumbered_is_none() {
        let whole = packed(&payload(20), &mut 0);
        for cut in 0..whole.len() {
            let mut packets = receiving(whole[..cut].to_vec(), &[1]);
            assert!(matches!(packets.next(&mut Idle), Err(WireError::Io(_))), "{cut} bytes");
        }
        let mut packets = receiving(packed(&payload(20), &mut 1), &[usize::MAX]);
        assert!(matches!(packets.next(&mut Idle), Err(WireError::Protocol(_))));
        // The second part of a long packet is missing, and the next packet has its place.
        let mut bytes = packed(&payload(LONGEST), &mut 0);
        bytes.truncate(LONGEST + 4);
        bytes.extend(packed(b"another", &mut 2));
        assert!(matches!(receiving(bytes, &[usize::MAX]).next(&mut Idle), Err(WireError::Protocol(_))));
    }
}
