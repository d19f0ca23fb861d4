//! One ordered scan of a store, with a client that only takes the bytes: the floor under every comparison.

use std::io::{BufReader, Read, Write};
use std::net::TcpStream;

use mongodb::Client;
use mongodb::bson::{Document, doc};

use futures_util::TryStreamExt;

use super::Failure;

/// Records of the collection, counted from the raw replies.
pub async fn mongo(url: &str, database: &str, collection: &str) -> Result<u64, Failure> {
    let client = Client::with_uri_str(url).await?;
    let collection = client.database(database).collection::<Document>(collection);
    let mut batches = collection.find(doc! {}).sort(doc! { "_id": 1 }).batch().await?;
    let mut records = 0;
    while let Some(batch) = batches.try_next().await? {
        for document in batch.doc_slices()? {
            document?;
            records += 1;
        }
    }
    drop(batches);
    client.shutdown().await;
    Ok(records)
}

/// Records of the table, counted from the wire. Speaks as much of the MySQL protocol as an account without a
/// password needs, because a driver's decoding would be measured too.
pub fn mysql(address: &str, database: &str, table: &str) -> Result<u64, Failure> {
    const LONG_PASSWORD: u32 = 0x1;
    const CONNECT_WITH_DB: u32 = 0x8;
    const PROTOCOL_41: u32 = 0x200;
    const SECURE_CONNECTION: u32 = 0x8000;
    const PLUGIN_AUTH: u32 = 0x8_0000;
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    let mut writer = stream.try_clone()?;
    let mut packets = Packets { reader: BufReader::with_capacity(1 << 17, stream), packet: Vec::new() };

    packets.next()?; // the server's greeting
    let capabilities = LONG_PASSWORD | CONNECT_WITH_DB | PROTOCOL_41 | SECURE_CONNECTION | PLUGIN_AUTH;
    let mut login = Vec::new();
    login.extend(capabilities.to_le_bytes());
    login.extend((1_u32 << 24).to_le_bytes());
    login.push(45); // utf8mb4
    login.extend([0; 23]);
    login.extend(b"root\0\0"); // no password
    login.extend(database.as_bytes());
    login.extend(b"\0mysql_native_password\0");
    send(&mut writer, 1, &login)?;
    if packets.next()?.first() != Some(&0) {
        return Err(format!("the server refused the login: {}", packets.text()).into());
    }

    let mut query = vec![3];
    query.extend(format!("SELECT * FROM {table} ORDER BY id").into_bytes());
    send(&mut writer, 0, &query)?;
    packets.next()?; // the number of columns, or an error
    if packets.packet.first() == Some(&0xFF) {
        return Err(format!("the query failed: {}", packets.text()).into());
    }
    while !packets.next_is_end()? {} // the columns
    let mut records = 0;
    while !packets.next_is_end()? {
        records += 1;
    }
    Ok(records)
}

struct Packets {
    reader: BufReader<TcpStream>,
    packet: Vec<u8>,
}

impl Packets {
    fn next(&mut self) -> Result<&[u8], Failure> {
        let mut header = [0; 4];
        self.reader.read_exact(&mut header)?;
        let length = u32::from_le_bytes([header[0], header[1], header[2], 0]) as usize;
        self.packet.resize(length, 0);
        self.reader.read_exact(&mut self.packet)?;
        Ok(&self.packet)
    }

    /// Takes a packet; `true` for the one that closes columns or rows.
    fn next_is_end(&mut self) -> Result<bool, Failure> {
        match self.next()? {
            [0xFF, ..] => Err(format!("the server failed: {}", self.text()).into()),
            [0xFE, rest @ ..] => Ok(rest.len() < 8),
            _ => Ok(false),
        }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.packet).into_owned()
    }
}

fn send(writer: &mut TcpStream, sequence: u8, payload: &[u8]) -> Result<(), Failure> {
    let length = u32::try_from(payload.len())?.to_le_bytes();
    let mut packet = vec![length[0], length[1], length[2], sequence];
    packet.extend(payload);
    writer.write_all(&packet)?;
    Ok(())
}
