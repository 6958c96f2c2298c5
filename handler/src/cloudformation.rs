//! CloudFormation's custom resource protocol, and nothing else.
//!
//! A request arrives as an event with a signed URL; exactly one answer goes to that URL. The properties
//! stay raw JSON here: whatever is wrong with them, the request can still be answered.
//!
//! AWS: <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref.html>

pub mod event;
pub mod physical_id;
pub mod reason;
pub mod respond;
pub mod response_host;
pub mod stack_id;
