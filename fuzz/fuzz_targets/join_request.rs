#![no_main]

plenum_fuzz::target!(join_request);
