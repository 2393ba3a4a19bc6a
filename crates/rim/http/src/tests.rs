//! The contract of every route: status, content type and exact body, through the real router and the real application
//! over fakes of the outside.

mod activities;
mod analytics;
mod around;
mod audit;
mod backgrounds;
mod bbb;
mod client;
mod contract;
mod debug;
mod described;
mod engines;
mod files;
mod frontdoor;
mod harness;
mod left;
mod limits;
mod lti;
mod lti_tool;
mod member;
mod moderation;
mod outside;
mod rooms;
mod shelf;
mod signed;
mod twirp;
