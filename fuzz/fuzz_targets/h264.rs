#![no_main]

plenum_fuzz::target!(h264);
