#![no_main]

plenum_fuzz::target!(vp9);
