#![no_main]

plenum_fuzz::target!(signal_request);
