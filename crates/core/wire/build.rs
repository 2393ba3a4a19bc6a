//! Compiles `proto/` without protoc: protox parses, prost-build generates, prost-reflect gets the same descriptors,
//! comments included: they describe the fields in the API's own description.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

use prost_reflect::DescriptorPool;

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../../../proto").canonicalize()?;
    println!("cargo::rerun-if-changed={}", root.display());
    let mut files: Vec<PathBuf> = Vec::new();
    for folder in ["livekit", "plenum", "plugnmeet"] {
        for entry in fs::read_dir(root.join(folder))? {
            files.push(entry?.path());
        }
    }
    files.sort();

    let mut compiler = protox::Compiler::new([&root])?;
    compiler.include_imports(true).include_source_info(true).open_files(&files)?;
    let descriptors = compiler.encode_file_descriptor_set();
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("descriptors.bin"), &descriptors)?;

    let pool = DescriptorPool::decode(descriptors.as_slice())?;
    let mut config = prost_build::Config::new();
    config.btree_map(["."]);
    for message in pool.all_messages() {
        let name = message.full_name();
        config.type_attribute(name, "#[derive(::prost_reflect::ReflectMessage)]");
        config.type_attribute(
            name,
            format!("#[prost_reflect(message_name = \"{name}\", descriptor_pool = \"crate::POOL\")]"),
        );
    }
    config.compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}
