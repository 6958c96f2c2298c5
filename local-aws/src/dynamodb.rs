//! DynamoDB: the crate `dynoxide-rs` behind the stand-in's wire.
//!
//! Its atomicity under concurrency is what the ledger's protocol rests on, so it is not written here.
//! AWS: <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Operations.html>

use std::sync::Arc;

use dynoxide::Database;
use dynoxide::errors::DynoxideError;
use dynoxide::storage_backend::Clock as DynoxideClock;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::clock::Clock;
use crate::cloud::Outcome;
use crate::wire::Refusal;

/// The account's tables. Clones share them.
#[derive(Clone)]
pub struct Tables {
    database: Option<Database>,
}

struct Seconds(Clock);

impl DynoxideClock for Seconds {
    fn now_unix_secs(&self) -> u64 {
        self.0.now_ms() / 1000
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "milliseconds since the epoch stay exact in an f64 for 285,000 years"
    )]
    fn now_unix_secs_f64(&self) -> f64 {
        self.0.now_ms() as f64 / 1000.0
    }
}

impl Tables {
    pub(crate) fn new(clock: Clock) -> Self {
        // An in-memory database can only fail to open for want of memory; calls then say so.
        let database = Database::memory_with_clock(Arc::new(Seconds(clock))).ok();
        Self { database }
    }

    /// One call, with DynamoDB's own JSON in and out.
    ///
    /// # Errors
    /// What DynamoDB refuses, or an operation that is not here.
    pub fn call(&self, operation: &str, input: &Value) -> Outcome {
        let Some(database) = &self.database else {
            return Err(Refusal::internal("the in-memory database did not open"));
        };
        match operation {
            "CreateTable" => run(input, |request| database.create_table(request)),
            "DeleteTable" => run(input, |request| database.delete_table(request)),
            "DescribeTable" => run(input, |request| database.describe_table(request)),
            "ListTables" => run(input, |request| database.list_tables(request)),
            "UpdateTimeToLive" => run(input, |request| database.update_time_to_live(request)),
            "DescribeTimeToLive" => run(input, |request| database.describe_time_to_live(request)),
            "GetItem" => run(input, |request| database.get_item(request)),
            "PutItem" => run(input, |request| database.put_item(request)),
            "UpdateItem" => run(input, |request| database.update_item(request)),
            "DeleteItem" => run(input, |request| database.delete_item(request)),
            "Query" => run(input, |request| database.query(request)),
            "Scan" => run(input, |request| database.scan(request)),
            "BatchGetItem" => run(input, |request| database.batch_get_item(request)),
            "TransactGetItems" => run(input, |request| database.transact_get_items(request)),
            "TransactWriteItems" => run(input, |request| database.transact_write_items(request)),
            _ => Err(Refusal::unsupported("dynamodb", operation)),
        }
    }
}

fn run<Request: DeserializeOwned, Response: Serialize>(
    input: &Value,
    operation: impl FnOnce(Request) -> Result<Response, DynoxideError>,
) -> Outcome {
    let request = serde_json::from_value(input.clone())
        .map_err(|error| Refusal::client("SerializationException", error.to_string()))?;
    let response = operation(request).map_err(|error| refusal(&error))?;
    serde_json::to_value(response).map_err(|error| Refusal::internal(error.to_string()))
}

/// Keeps the members beside code and message: cancellation reasons, and the item that stood in the way.
fn refusal(error: &DynoxideError) -> Refusal {
    let mut refusal = Refusal::new(error.status_code(), error.error_type(), error.to_string());
    if let Ok(Value::Object(details)) = serde_json::from_str(&error.to_json()) {
        refusal.details = Some(Box::new(details));
    }
    refusal
}
