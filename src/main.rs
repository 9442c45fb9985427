//! Parses the command line, nothing else.

fn main() -> std::process::ExitCode {
    kusuribako::cli::main()
}
