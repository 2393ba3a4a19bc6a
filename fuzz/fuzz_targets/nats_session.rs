#![no_main]

plenum_fuzz::target!(nats_session);
