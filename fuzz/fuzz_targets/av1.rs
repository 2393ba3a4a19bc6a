#![no_main]

plenum_fuzz::target!(av1);
