//! The client side of the MySQL protocol, blocking: connecting, statements, and rows straight out of the receive
//! buffer. `mysql_common` brings the packets' forms and the ways to log in.
//!
//! Must not know what a row means, and must never take silence, a closed connection or an error for an end: the
//! only end of a result is the packet in which the server says so.

mod channel;
mod login;
mod options;
mod packets;
mod row;
mod tls;

use std::io;
use std::time::{Duration, Instant};

use mysql_common::constants::StatusFlags;
use mysql_common::io::ParseBuf;
use mysql_common::packets::{Column, StmtPacket};

use self::channel::Channel;
use self::packets::Packets;
use crate::stores::StoreError;

pub(super) use self::options::{Options, TlsMode};
pub(super) use self::packets::{Idle, Patience, Waiting};
pub(super) use self::row::{Malformed, Shape, is_null, split_row};

const COM_QUIT: u8 = 0x01;
const COM_QUERY: u8 = 0x03;
const COM_STMT_PREPARE: u8 = 0x16;
const COM_STMT_EXECUTE: u8 = 0x17;
const COM_STMT_CLOSE: u8 = 0x19;

/// First bytes of what the server sends.
const OK: u8 = 0x00;
const ROW: u8 = 0x00;
const END: u8 = 0xFE;
const ERROR: u8 = 0xFF;

/// What went wrong on the way.
#[derive(Debug)]
pub(super) enum WireError {
    /// The server's own answer.
    Server { number: u16, message: String },
    /// The connection could not be made or is gone.
    Io(io::Error),
    /// TLS was asked for and could not be had.
    Tls(String),
    /// What the user configured cannot be used.
    Configuration(String),
    /// The server asked for a way to log in that is not spoken here.
    Login(String),
    /// What came is not what the protocol allows here.
    Protocol(String),
    /// Nothing came for so long.
    Silence(Duration),
    /// Whoever takes the rows ended it.
    Ended(StoreError),
}

impl From<io::Error> for WireError {
    fn from(error: io::Error) -> Self {
        WireError::Io(error)
    }
}

impl From<StoreError> for WireError {
    fn from(error: StoreError) -> Self {
        WireError::Ended(error)
    }
}

/// Who takes a result.
pub(super) trait Rows: Waiting {
    /// Called once, before any row.
    ///
    /// # Errors
    /// A result that is not what was asked for.
    fn begin(&mut self, columns: &[Column]) -> Result<(), WireError>;

    /// Takes one row in the binary form, behind its first byte.
    ///
    /// # Errors
    /// A row that is not one, or a wish to stop.
    fn row(&mut self, row: &[u8]) -> Result<(), WireError>;
}

/// A prepared statement.
#[derive(Debug)]
pub(super) struct Prepared {
    id: u32,
    parameters: u16,
    pub(super) columns: Vec<Column>,
}

/// Values of a statement's placeholders, in the binary form.
#[derive(Clone, Debug, Default)]
pub(super) struct Arguments {
    types: Vec<[u8; 2]>,
    nulls: Vec<bool>,
    values: Vec<u8>,
}

impl Arguments {
    /// Appends a value: its type as the protocol numbers them, and its bytes in that type's own form.
    pub(super) fn add(&mut self, kind: mysql_common::constants::ColumnType, bytes: &[u8]) {
        self.types.push([kind as u8, 0]);
        self.nulls.push(false);
        self.values.extend_from_slice(bytes);
    }

    pub(super) fn add_null(&mut self) {
        self.types.push([mysql_common::constants::ColumnType::MYSQL_TYPE_NULL as u8, 0]);
        self.nulls.push(true);
    }

    /// Appends a value whose form is a length and that many bytes.
    pub(super) fn add_counted(&mut self, kind: mysql_common::constants::ColumnType, bytes: &[u8]) {
        use mysql_common::io::BufMutExt;
        self.add(kind, &[]);
        self.values.put_lenenc_int(bytes.len() as u64);
        self.values.extend_from_slice(bytes);
    }

    fn write(&self, payload: &mut Vec<u8>) {
        if self.types.is_empty() {
            return;
        }
        for eight in self.nulls.chunks(8) {
            payload.push(eight.iter().enumerate().fold(0, |byte, (bit, null)| byte | u8::from(*null) << bit));
        }
        payload.push(1);
        payload.extend(self.types.iter().flatten());
        payload.extend_from_slice(&self.values);
    }
}

/// A connection that is logged in.
pub(super) struct Connection {
    packets: Packets,
}

impl Connection {
    /// Connects and logs in before `deadline`; later waits are bounded by [`Connection::be_patient`].
    ///
    /// # Errors
    /// Whatever keeps it from being logged in.
    pub(super) fn open(options: &Options, deadline: Instant) -> Result<Self, WireError> {
        let channel = Channel::connect(options, deadline)?;
        let packets = Packets::new(channel, Patience::Until(deadline))?;
        Ok(Connection { packets: login::log_in(packets, options)? })
    }

    /// The longest wait for the server from now on.
    ///
    /// # Errors
    /// The socket's, when it is gone.
    pub(super) fn be_patient(&mut self, patience: Patience) -> Result<(), WireError> {
        self.packets.be_patient(patience)
    }

    /// Runs a statement that returns no rows.
    ///
    /// # Errors
    /// The server's, the connection's, and rows.
    pub(super) fn execute(&mut self, sql: &str) -> Result<(), WireError> {
        self.packets.command(COM_QUERY, sql.as_bytes())?;
        match self.packets.next(&mut Idle)? {
            [OK, ..] => Ok(()),
            [ERROR, rest @ ..] => Err(server_error(rest)),
            other => Err(unexpected("the answer to a statement", other)),
        }
    }

    /// Has the server understand a statement, without running it.
    ///
    /// # Errors
    /// The server's and the connection's.
    pub(super) fn prepare(&mut self, sql: &str) -> Result<Prepared, WireError> {
        self.prepare_while(sql, &mut Idle)
    }

    /// The same, with somebody who is told about the wait: a table's structure may be locked.
    ///
    /// # Errors
    /// As [`Connection::prepare`], and a wish to stop waiting.
    pub(super) fn prepare_while(&mut self, sql: &str, waiting: &mut impl Waiting) -> Result<Prepared, WireError> {
        self.packets.command(COM_STMT_PREPARE, sql.as_bytes())?;
        let answer = match self.packets.next(waiting)? {
            [ERROR, rest @ ..] => return Err(server_error(rest)),
            answer => ParseBuf(answer)
                .parse::<StmtPacket>(())
                .map_err(|_| unexpected("the answer to a statement to prepare", answer))?,
        };
        let (parameters, columns) = (answer.num_params(), answer.num_columns());
        self.columns(parameters.into(), waiting)?;
        let columns = self.columns(columns.into(), waiting)?;
        Ok(Prepared { id: answer.statement_id(), parameters, columns })
    }

    /// Gives a prepared statement back.
    ///
    /// # Errors
    /// The connection's.
    pub(super) fn close(&mut self, prepared: &Prepared) -> Result<(), WireError> {
        self.packets.command(COM_STMT_CLOSE, &prepared.id.to_le_bytes())
    }

    /// Runs a prepared statement and hands its rows on while they arrive. After an error the connection may stand
    /// in the middle of the result: it can only be dropped.
    ///
    /// # Errors
    /// The server's (at any row), the connection's, and what `rows` says.
    pub(super) fn rows(
        &mut self,
        prepared: &Prepared,
        arguments: &Arguments,
        rows: &mut impl Rows,
    ) -> Result<(), WireError> {
        if arguments.types.len() != usize::from(prepared.parameters) {
            let (given, wanted) = (arguments.types.len(), prepared.parameters);
            return Err(WireError::Protocol(format!("{given} values for {wanted} placeholders")));
        }
        let mut payload = Vec::with_capacity(16 + arguments.values.len() + 3 * arguments.types.len());
        payload.extend(prepared.id.to_le_bytes());
        payload.push(0); // no cursor: the rows follow at once
        payload.extend(1_u32.to_le_bytes());
        arguments.write(&mut payload);
        self.packets.command(COM_STMT_EXECUTE, &payload)?;
        let columns = match self.packets.next(rows)? {
            [ERROR, rest @ ..] => return Err(server_error(rest)),
            answer => row::counted(answer)
                .and_then(|(count, rest)| (count > 0 && rest.is_empty()).then_some(count))
                .ok_or_else(|| unexpected("the answer to a query", answer))?,
        };
        let columns = self.columns(columns, rows)?;
        rows.begin(&columns)?;
        loop {
            match self.packets.next(rows)? {
                [ROW, row @ ..] => rows.row(row)?,
                [END, rest @ ..] => return end(rest),
                [ERROR, rest @ ..] => return Err(server_error(rest)),
                other => return Err(unexpected("a row", other)),
            }
        }
    }

    /// So many column definitions, and the packet that ends them.
    fn columns(&mut self, count: u64, waiting: &mut impl Waiting) -> Result<Vec<Column>, WireError> {
        let mut columns = Vec::new();
        for _ in 0..count {
            let packet = match self.packets.next(waiting)? {
                [ERROR, rest @ ..] => return Err(server_error(rest)),
                packet => packet,
            };
            let column = ParseBuf(packet).parse::<Column>(());
            columns.push(column.map_err(|_| unexpected("a column's definition", packet))?);
        }
        if count > 0 {
            match self.packets.next(waiting)? {
                [END, rest @ ..] => end(rest)?,
                [ERROR, rest @ ..] => return Err(server_error(rest)),
                other => return Err(unexpected("the end of the columns", other)),
            }
        }
        Ok(columns)
    }

    /// Says goodbye, so that the server does not log an aborted connection.
    pub(super) fn quit(mut self) {
        let _ = self.packets.be_patient(Patience::Each(Duration::from_secs(1)));
        let _ = self.packets.command(COM_QUIT, &[]);
    }
}

/// The end of a list, behind its first byte: warnings and status, and nothing else.
fn end(rest: &[u8]) -> Result<(), WireError> {
    match *rest {
        [_, _, low, high] => {
            let status = StatusFlags::from_bits_truncate(u16::from_le_bytes([low, high]));
            if status.contains(StatusFlags::SERVER_MORE_RESULTS_EXISTS) {
                return Err(WireError::Protocol("the server announces a second result".into()));
            }
            Ok(())
        }
        _ => Err(unexpected("an end", rest)),
    }
}

/// An error packet, behind its first byte. Before the login it comes without an SQL state.
fn server_error(rest: &[u8]) -> WireError {
    let [low, high, text @ ..] = rest else { return unexpected("an error", rest) };
    let text = match text {
        [b'#', state @ ..] if state.len() >= 5 => &state[5..],
        plain => plain,
    };
    let message = String::from_utf8_lossy(text).into_owned();
    WireError::Server { number: u16::from_le_bytes([*low, *high]), message }
}

fn unexpected(wanted: &str, packet: &[u8]) -> WireError {
    let first = packet.first().map_or("no bytes".to_owned(), |first| format!("0x{first:02x}"));
    WireError::Protocol(format!("{wanted} cannot be read ({} bytes that begin with {first})", packet.len()))
}
