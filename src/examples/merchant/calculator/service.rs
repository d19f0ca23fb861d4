//! The calculator as a service. Any path takes a POST of
//! `{"schema":"recon.ask/1","params":{…},"reference":{"holidays":[{"holiday":"2026-10-05"}]},"records":[…]}` and answers
//! `{"records":[…]}`; a request that cannot be understood gets status 400 and `{"error":…}`.

use axum::Json;
use axum::body::Bytes;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::routing::post;
use serde_json::{Value, json};

use super::{Holidays, answer};

/// Bytes of the largest request: far above any sensible batch.
const LARGEST_REQUEST: usize = 64 << 20;

/// Answers requests until the listener fails.
///
/// # Errors
/// When the listener fails.
pub async fn serve(listener: tokio::net::TcpListener) -> std::io::Result<()> {
    let app = axum::Router::new().fallback(post(ask)).layer(DefaultBodyLimit::max(LARGEST_REQUEST));
    axum::serve(listener, app).await
}

async fn ask(body: Bytes) -> (StatusCode, Json<Value>) {
    match answers(&body) {
        Ok(records) => (StatusCode::OK, Json(json!({ "records": records }))),
        Err(error) => (StatusCode::BAD_REQUEST, Json(json!({ "error": error }))),
    }
}

fn answers(body: &[u8]) -> Result<Vec<Value>, String> {
    let request: Value = serde_json::from_slice(body).map_err(|e| format!("the request is no JSON: {e}"))?;
    match request.get("schema").and_then(Value::as_str) {
        Some("recon.ask/1") => {}
        other => return Err(format!("`schema` must be recon.ask/1, not {other:?}")),
    }
    let holidays = request.pointer("/reference/holidays").and_then(Value::as_array);
    let holidays = Holidays::from_rows(holidays.ok_or("`reference.holidays` is missing")?)?;
    let records = request.get("records").and_then(Value::as_array).ok_or("`records` is missing")?;
    Ok(records.iter().map(|record| answer(record, &holidays)).collect())
}
