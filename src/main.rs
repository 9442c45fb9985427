//! Parses the command line, nothing else.

/// A page is made of hundreds of small texts; mimalloc takes half of the time that the system's allocator took for them. What is given back is
/// overwritten first: names and medicines lie in memory for as long as somebody reads them, and no longer.
#[global_allocator]
static ALLOCATOR: zeroizing_alloc::ZeroAlloc<mimalloc::MiMalloc> = zeroizing_alloc::ZeroAlloc(mimalloc::MiMalloc);

fn main() -> std::process::ExitCode {
    kusuribako::cli::main()
}
