#![no_main]

plenum_fuzz::target!(answer);
