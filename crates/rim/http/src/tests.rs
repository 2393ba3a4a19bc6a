//! The contract of every route: status, content type and exact body, through the real router and the real application
//! over fakes of the outside.

mod activities;
mod around;
mod bbb;
mod client;
mod frontdoor;
mod harness;
mod left;
mod lti;
mod lti_tool;
mod member;
mod rooms;
mod shelf;
mod signed;
