//! From the server's greeting to a session: capabilities, TLS, and proving who we are. The password leaves only as
//! the account's plugin hides it, or inside TLS or a socket file; plugins that send it open are refused.

use mysql_common::auth::plugins::{AuthProc, ChallengeResponsePlugin, Context, Error, Response};
use mysql_common::constants::{CapabilityFlags, UTF8MB4_GENERAL_CI};
use mysql_common::io::ParseBuf;
use mysql_common::packets::{AuthPlugin, AuthSwitchRequest, HandshakePacket, HandshakeResponse, SslRequest};
use mysql_common::proto::MySerialize;

use super::packets::{Idle, Packets};
use super::{ERROR, OK, Options, TlsMode, WireError, server_error, tls, unexpected};

/// The only protocol there is since 1998.
const PROTOCOL: u8 = 10;
/// More follows for the plugin.
const MORE: u8 = 0x01;
/// Another plugin is wanted.
const SWITCH: u8 = 0xFE;
/// The longest packet that we take, as the greeting says it.
const MAX_PACKET: u32 = 1 << 30;

/// Logs in on a connection that was just made.
///
/// # Errors
/// A server that refuses, wants what is not spoken here, or speaks another protocol.
pub(super) fn log_in(mut packets: Packets, options: &Options) -> Result<Packets, WireError> {
    let greeting = match packets.next(&mut Idle)? {
        [ERROR, rest @ ..] => return Err(server_error(rest)),
        packet @ [PROTOCOL, ..] => ParseBuf(packet).parse::<HandshakePacket<'_>>(()).map(HandshakePacket::into_owned),
        other => return Err(unexpected("the server's greeting", other)),
    };
    let greeting = greeting.map_err(|error| WireError::Protocol(format!("the server's greeting: {error}")))?;
    let offered = greeting.capabilities();
    if !offered.contains(CapabilityFlags::CLIENT_PROTOCOL_41 | CapabilityFlags::CLIENT_SECURE_CONNECTION) {
        return Err(WireError::Protocol("a server older than MySQL 4.1".into()));
    }
    // MariaDB takes a client without the first flag for one that speaks its own extensions.
    let mut capabilities = (wanted_capabilities(options) & offered) | CapabilityFlags::CLIENT_LONG_PASSWORD;

    if wants_tls(&packets, options, offered)? {
        capabilities |= CapabilityFlags::CLIENT_SSL;
        let request = SslRequest::new(capabilities, MAX_PACKET, UTF8MB4_GENERAL_CI as u8);
        packets.send(&serialized(&request))?;
        packets = packets.wrap(|channel, patience| tls::wrap(channel, options, patience))?;
    }

    // What another plugin would need to begin with differs from server to server: those are switched to.
    let plugin = match greeting.auth_plugin() {
        Some(AuthPlugin::CachingSha2Password) => AuthPlugin::CachingSha2Password,
        _ => AuthPlugin::MysqlNativePassword,
    };
    let mut nonce = greeting.nonce();
    let mut proof = start(&plugin)?;
    let answer = run(&mut proof, &packets, options, &nonce, &nonce)?;
    let response = HandshakeResponse::new(
        Some(answer.data().unwrap_or_default()),
        greeting.server_version_parsed().unwrap_or_default(),
        Some(options.user.as_bytes()),
        options.database.as_deref().map(str::as_bytes),
        capabilities.contains(CapabilityFlags::CLIENT_PLUGIN_AUTH).then_some(plugin),
        capabilities,
        None,
        MAX_PACKET,
    );
    packets.send(&serialized(&response))?;

    loop {
        let answer = match packets.next(&mut Idle)? {
            [OK, ..] => return Ok(packets),
            [ERROR, rest @ ..] => return Err(server_error(rest)),
            [SWITCH] => return Err(refused("mysql_old_password")),
            packet @ [SWITCH, ..] => {
                let switch = ParseBuf(packet)
                    .parse::<AuthSwitchRequest<'_>>(())
                    .map_err(|_| unexpected("a request for another plugin", packet))?
                    .into_owned();
                proof = start(&switch.auth_plugin())?;
                nonce = switch.plugin_data().to_vec();
                let answer = run(&mut proof, &packets, options, &nonce, &nonce)?;
                // An empty answer is one too.
                Some(answer.data().unwrap_or_default().to_vec())
            }
            [MORE, challenge @ ..] => {
                let challenge = challenge.to_vec();
                run(&mut proof, &packets, options, &nonce, &challenge)?.data().map(<[u8]>::to_vec)
            }
            other => return Err(unexpected("the answer to the login", other)),
        };
        if let Some(answer) = answer {
            packets.send(&answer)?;
        }
    }
}

fn wanted_capabilities(options: &Options) -> CapabilityFlags {
    // Neither several statements nor several results, no files of ours, no compression, and lists that end with a
    // packet that cannot be taken for anything else.
    let wanted = CapabilityFlags::CLIENT_LONG_FLAG
        | CapabilityFlags::CLIENT_PROTOCOL_41
        | CapabilityFlags::CLIENT_TRANSACTIONS
        | CapabilityFlags::CLIENT_SECURE_CONNECTION
        | CapabilityFlags::CLIENT_PLUGIN_AUTH
        | CapabilityFlags::CLIENT_PLUGIN_AUTH_LENENC_CLIENT_DATA;
    match options.database {
        Some(_) => wanted | CapabilityFlags::CLIENT_CONNECT_WITH_DB,
        None => wanted,
    }
}

fn wants_tls(packets: &Packets, options: &Options, offered: CapabilityFlags) -> Result<bool, WireError> {
    let can = offered.contains(CapabilityFlags::CLIENT_SSL);
    match options.tls {
        TlsMode::Disabled => Ok(false),
        TlsMode::Preferred => Ok(can && !packets.channel().is_local()),
        _ if can => Ok(true),
        _ => Err(WireError::Tls("the server does not offer TLS".into())),
    }
}

fn serialized(packet: &impl MySerialize) -> Vec<u8> {
    let mut bytes = Vec::new();
    packet.serialize(&mut bytes);
    bytes
}

fn start(plugin: &AuthPlugin<'_>) -> Result<AuthProc, WireError> {
    let name = || String::from_utf8_lossy(plugin.as_bytes()).into_owned();
    match plugin {
        AuthPlugin::MysqlClearPassword | AuthPlugin::MysqlOldPassword => Err(refused(&name())),
        known => known.init().map_err(|_| refused(&name())),
    }
}

fn refused(plugin: &str) -> WireError {
    WireError::Login(format!("the server wants the account to log in by `{plugin}`, which recon does not do"))
}

fn run(
    proof: &mut AuthProc,
    packets: &Packets,
    options: &Options,
    nonce: &[u8],
    challenge: &[u8],
) -> Result<Response, WireError> {
    let channel = packets.channel();
    let known =
        Known { password: options.password.as_bytes(), local: channel.is_local(), tls: channel.is_tls(), nonce };
    proof.run(known, challenge).map_err(|error| match error {
        Error::FeatureRequired(plugin) => refused(plugin.rsplit("client_").next().unwrap_or(plugin)),
        other => WireError::Protocol(format!("the login: {other}")),
    })
}

struct Known<'a> {
    password: &'a [u8],
    local: bool,
    tls: bool,
    nonce: &'a [u8],
}

impl Context for Known<'_> {
    fn pass(&self) -> &[u8] {
        self.password
    }

    fn is_ipc_transport(&self) -> bool {
        self.local
    }

    fn is_tls_transport(&self) -> bool {
        self.tls
    }

    fn scramble(&self) -> &[u8] {
        self.nonce
    }

    fn server_key_pem(&self) -> Option<&[u8]> {
        None
    }
}
