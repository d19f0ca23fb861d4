//! `recon calculator`: the calculation program of the merchant example, run as the team's own program would be.

use crate::examples::merchant::calculator;
use crate::exit::Exit;

use super::Failure;

/// Answers NDJSON on stdin, or serves.
///
/// # Errors
/// Stdin or stdout breaks, or the address cannot be listened on.
pub fn run(listen: Option<&str>) -> Result<Exit, Failure> {
    let broken = |error: std::io::Error| Failure::incomplete(format!("the calculator stopped: {error}"));
    let Some(address) = listen else {
        calculator::run_stdio(std::io::stdin().lock(), std::io::stdout().lock()).map_err(broken)?;
        return Ok(Exit::Success);
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(broken)?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(address).await.map_err(|error| {
            Failure::incomplete(format!("cannot listen on {address}: {error}")).hint("choose another port")
        })?;
        let local = listener.local_addr().map_err(broken)?;
        super::print_lines(&[format!("listening on http://{local}/settle")]);
        calculator::serve(listener).await.map_err(broken)?;
        Ok(Exit::Success)
    })
}
